/* Addresses that a job asks for: can a network give them, how are its plugins told, and did they do it. Source: the CNI
 * CONVENTIONS: capabilities `ips` and `mac`, `args.cni`, CNI_ARGS; host-local, static, bridge, macvlan 1.1.1 and 1.9.1. */
#pragma once
#include "cni.h"

/* The form in which the network's plugins take @ips: static wants prefix lengths. */
void cni_wish_ips(const struct cni_net *, const struct strv *ips, struct strv *out);
/* What is asked for and no plugin of @list takes as a capability, as "args" of @plugin, with those that it has; a new reference, or
 * NULL: none. */
json *cni_wish_args(json *list, json *plugin, json *caps);
/* The same as CNI_ARGS, behind @own (may be NULL); the caller frees; NULL: none. There only one address has room. */
char *cni_wish_env(json *list, const char *own, json *caps);
/* Has the result what was asked for? */
int cni_wish_check(json *caps, const struct cni_result *, struct err *err);
/* For networks whose addresses are host-local's, the others know only when they are asked: is an address outside of the network,
 * its gateway, or (@taken) somebody else's? -ERR_INVALID, -ERR_EXISTS. */
int cni_wish_possible(const struct cni_conf *, const struct cni_net *, const struct strv *ips, bool taken, struct err *err);
