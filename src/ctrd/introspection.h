/* containerd.services.introspection.v1.Introspection */
#pragma once
#include "ctrd.h"

struct ctrd_plugin {
	char *type, *id, *init_err;
	struct strv capabilities;
}; /* init_err NULL: works */
struct ctrd_plugins {
	struct ctrd_plugin *v;
	size_t n;
};
void ctrd_plugins_done(struct ctrd_plugins *);
int introspection_plugins(struct ctrd *, const char *filter, const struct ctx *, struct ctrd_plugins *ret, struct err *err);
int introspection_server(struct ctrd *, const struct ctx *, char **ret_uuid, struct err *err);
