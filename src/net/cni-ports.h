/* Which published ports a network can forward. portmap's rules are the kernel's: what they cannot reach it leaves out without a
 * word (reference cni.md C2), so that is refused here. Other plugins that have the capability are trusted to say no. */
#pragma once
#include "cni.h"

/* What can be said before the network is made. -ERR_PRECONDITION: it forwards none; -ERR_INVALID: not this one. */
int cni_ports_check(const struct cni_net *, const struct port *, size_t n, struct err *err);
/* Has @result, which @plugin is given, an address for each of @mappings (capability portMappings)? -ERR_INVALID. */
int cni_ports_reach(json *plugin, json *mappings, json *result, struct err *err);
