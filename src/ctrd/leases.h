/* containerd.services.leases.v1.Leases */
#pragma once
#include "ctrd.h"

struct ctrd_lease {
	char *id;
	int64_t created_at;
	struct dict labels;
};
struct ctrd_leases {
	struct ctrd_lease *v;
	size_t n;
};
void ctrd_leases_done(struct ctrd_leases *);

/* -ERR_EXISTS when the id is taken. */
struct ctrd_call *leases_create_begin(struct ctrd *, const char *id, const struct dict *labels, const struct ctx *);
int leases_create_end(struct ctrd_call *, const struct ctx *, struct err *err);
int leases_create(struct ctrd *, const char *id, const struct dict *labels, const struct ctx *, struct err *err);
/* Absent is success. @sync runs the garbage collection before it answers (slow). */
struct ctrd_call *leases_delete_begin(struct ctrd *, const char *id, bool sync, const struct ctx *);
int leases_delete_end(struct ctrd_call *, const struct ctx *, struct err *err);
int leases_delete(struct ctrd *, const char *id, bool sync, const struct ctx *, struct err *err);
/* @filter may be NULL: all. */
int leases_list(struct ctrd *, const char *filter, const struct ctx *, struct ctrd_leases *ret, struct err *err);
/* @type: "content", "ingests", "snapshots/<snapshotter>". -ERR_NOT_FOUND: there is no such lease. */
int leases_add_resource(struct ctrd *, const char *lease, const char *id, const char *type, const struct ctx *, struct err *err);
