/* containerd.services.snapshots.v1.Snapshots */
#pragma once
#include "ctrd.h"

/* -ERR_EXISTS: the key is taken; -ERR_NOT_FOUND: @parent (NULL: an empty one) is not there. */
struct ctrd_call *snapshots_prepare_begin(struct ctrd *, const char *snapshotter, const char *key, const char *parent,
					  const struct dict *labels, const struct ctx *);
int snapshots_prepare_end(struct ctrd_call *, const struct ctx *, struct ctrd_mounts *ret, struct err *err);
int snapshots_prepare(struct ctrd *, const char *snapshotter, const char *key, const char *parent, const struct dict *labels,
		      const struct ctx *, struct ctrd_mounts *ret, struct err *err);
/* Read-only view; codes as above. */
int snapshots_view(struct ctrd *, const char *snapshotter, const char *key, const char *parent, const struct dict *labels,
		   const struct ctx *, struct ctrd_mounts *ret, struct err *err);
/* -ERR_NOT_FOUND. */
int snapshots_mounts(struct ctrd *, const char *snapshotter, const char *key, const struct ctx *, struct ctrd_mounts *ret,
		     struct err *err);
/* -ERR_EXISTS: somebody else was faster with @name; -ERR_NOT_FOUND: there is no @key. */
int snapshots_commit(struct ctrd *, const char *snapshotter, const char *name, const char *key, const struct dict *labels,
		     const struct ctx *, struct err *err);
struct ctrd_call *snapshots_remove_begin(struct ctrd *, const char *snapshotter, const char *key, const struct ctx *);
int snapshots_remove_end(struct ctrd_call *, const struct ctx *, struct err *err); /* absent is success */
int snapshots_remove(struct ctrd *, const char *snapshotter, const char *key, const struct ctx *, struct err *err);
/* 0 when it is there, -ERR_NOT_FOUND when not. */
struct ctrd_call *snapshots_stat_begin(struct ctrd *, const char *snapshotter, const char *key, const struct ctx *);
int snapshots_stat_end(struct ctrd_call *, const struct ctx *, struct dict *ret_labels /* or NULL */, struct err *err);
int snapshots_stat(struct ctrd *, const char *snapshotter, const char *key, const struct ctx *, struct err *err);
/* What it was made from: "" of an empty one. The caller frees. -ERR_NOT_FOUND. */
int snapshots_parent(struct ctrd *, const char *snapshotter, const char *key, const struct ctx *, char **ret, struct err *err);
int snapshots_usage(struct ctrd *, const char *snapshotter, const char *key, const struct ctx *, int64_t *ret_bytes,
		    struct err *err);
/* Calls @got for each snapshot key of the namespace. */
int snapshots_list(struct ctrd *, const char *snapshotter, const char *filter, const struct ctx *,
		   void (*got)(void *arg, const char *key, const char *parent, bool committed), void *arg, struct err *err);
