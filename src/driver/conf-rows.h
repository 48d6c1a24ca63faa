/* Rows that the plugin's options and a task's have in common, and readers of values. */
#pragma once
#include "driver-conf.h"
#include "option.h"

#define OPTION_MIN INT64_C(60000000000)
#define OPTION_SEC INT64_C(1000000000)
#define OPTION_ROBLOX FROM_ROBLOX
#define OPTION_ALL (FROM_ROBLOX | FROM_DOCKER | FROM_PODMAN)
#define OPTION_D_P (FROM_DOCKER | FROM_PODMAN)
#define OPTION_R_D (FROM_ROBLOX | FROM_DOCKER)

extern const struct option conf_auth_rows[];    /* of a struct conf_auth */
extern const struct option conf_logging_rows[]; /* of an enum conf_logging */
/* Is what an auth block says of use? */
int conf_auth_check(const struct conf_auth *, struct err *err);
/* "net_admin", "CAP_NET_ADMIN", "all": pushed as "CAP_NET_ADMIN", "ALL". @into is a struct strv. */
int conf_cap(const struct node *, void *into, struct err *err);
int conf_caps(const struct node *, struct strv *into, struct err *err); /* a list of them, which replaces what is there */
