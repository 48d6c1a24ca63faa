/* containerd.services.containers.v1.Containers */
#pragma once
#include "ctrd.h"

struct ctrd_extension {
	char *name;
	struct ctrd_any any;
};
struct ctrd_container {
	char *id, *image, *runtime, *snapshotter, *snapshot_key;
	struct ctrd_any runtime_options; /* type_url NULL: none */
	struct dict labels;
	struct ctrd_any spec; /* types.containerd.io/opencontainers/runtime-spec/1/Spec, JSON */
	int64_t created_at, updated_at;
	struct ctrd_extension *extensions;
	size_t n_extensions;
};
struct ctrd_containers {
	struct ctrd_container *v;
	size_t n;
};
void ctrd_container_done(struct ctrd_container *);
void ctrd_containers_done(struct ctrd_containers *);
void ctrd_container_extend(struct ctrd_container *, const char *name, const char *type_url, const void *value, size_t n);
const struct ctrd_any *ctrd_container_extension(const struct ctrd_container *, const char *name);

/* -ERR_EXISTS. */
struct ctrd_call *containers_create_begin(struct ctrd *, const struct ctrd_container *, const struct ctx *);
int containers_create_end(struct ctrd_call *, const struct ctx *, struct err *err);
int containers_create(struct ctrd *, const struct ctrd_container *, const struct ctx *, struct err *err);
/* -ERR_NOT_FOUND, here and for what is set below. */
struct ctrd_call *containers_get_begin(struct ctrd *, const char *id, const struct ctx *);
int containers_get_end(struct ctrd_call *, const struct ctx *, struct ctrd_container *ret, struct err *err);
int containers_get(struct ctrd *, const char *id, const struct ctx *, struct ctrd_container *ret, struct err *err);
/* Streamed (ListStream), so any number of records is fine. @filter NULL: all. */
struct ctrd_call *containers_list_begin(struct ctrd *, const char *filter, const struct ctx *);
int containers_list_end(struct ctrd_call *, const struct ctx *, struct ctrd_containers *ret, struct err *err);
int containers_list(struct ctrd *, const char *filter, const struct ctx *, struct ctrd_containers *ret, struct err *err);
/* The same; @trim takes from each, as it comes, what nobody wants: a thousand specs are 10 MiB. */
int containers_list_end_trimmed(struct ctrd_call *, void (*trim)(struct ctrd_container *), const struct ctx *,
				struct ctrd_containers *ret, struct err *err);
/* The same without what is large, specs and extensions, which are dropped one by one as they come: for a look at all there are. */
int containers_list_lean(struct ctrd *, const char *filter, const struct ctx *, struct ctrd_containers *ret, struct err *err);
/* Set these labels ("" removes one), nothing else. */
struct ctrd_call *containers_set_labels_begin(struct ctrd *, const char *id, const struct dict *labels, const struct ctx *);
int containers_set_labels_end(struct ctrd_call *, const struct ctx *, struct err *err);
int containers_set_labels(struct ctrd *, const char *id, const struct dict *labels, const struct ctx *, struct err *err);
/* All at once, so that no reader sees the one without the other; what is NULL stays as it is. */
struct container_change {
	const struct dict *labels; /* as of containers_set_labels() */
	const struct ctrd_any *spec;
	const struct ctrd_extension *extension;
};
int containers_change(struct ctrd *, const char *id, const struct container_change *, const struct ctx *, struct err *err);
/* Replace the spec. */
int containers_set_spec(struct ctrd *, const char *id, const struct ctrd_any *spec, const struct ctx *, struct err *err);
struct ctrd_call *containers_delete_begin(struct ctrd *, const char *id, const struct ctx *);
int containers_delete_end(struct ctrd_call *, const struct ctx *, struct err *err); /* absent is success */
int containers_delete(struct ctrd *, const char *id, const struct ctx *, struct err *err);
