/* containerd.services.namespaces.v1.Namespaces */
#pragma once
#include "ctrd.h"

struct ctrd_namespace {
	char *name;
	struct dict labels;
};
struct ctrd_namespaces {
	struct ctrd_namespace *v;
	size_t n;
};
void ctrd_namespaces_done(struct ctrd_namespaces *);

/* Its labels. One that was never written to has none, and is no error. */
struct ctrd_call *namespaces_get_begin(struct ctrd *, const char *name, const struct ctx *);
int namespaces_get_end(struct ctrd_call *, const struct ctx *, struct dict *ret_labels, struct err *err);
int namespaces_get(struct ctrd *, const char *name, const struct ctx *, struct dict *ret_labels, struct err *err);
int namespaces_list(struct ctrd *, const struct ctx *, struct ctrd_namespaces *ret, struct err *err);
int namespaces_create(struct ctrd *, const char *name, const struct dict *labels, const struct ctx *, struct err *err);
int namespaces_delete(struct ctrd *, const char *name, const struct ctx *, struct err *err); /* absent is success */
