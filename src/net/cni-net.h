/* What a network's configuration says, and what the CNI specification allows in names. */
#pragma once
#include "cni.h"

json *cni_net_plugins(const struct cni_net *);                    /* borrowed; at least one, each an object with a type */
json *cni_net_plugin(const struct cni_net *, const char *type);   /* the first of that type, borrowed; NULL: none */
bool cni_net_can(const struct cni_net *, const char *capability); /* has any of its plugins it? */
bool cni_net_is_set(const struct cni_net *, const char *key);     /* a boolean, or "true" as a string, of the list */
/* "0.4.0" as a number that can be compared; 0 when it is no version. */
unsigned cni_version(const char *s);
#define CNI_0_4_0 400u
#define CNI_1_1_0 10100u
/* Names of networks and containers: ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$, so that they can be parts of file names. */
bool cni_name_valid(const char *s);
/* 1 to 15 bytes without '/', ':' and white space, not "." or "..". */
bool cni_ifname_valid(const char *s);
