/* containerd.services.images.v1.Images */
#pragma once
#include "ctrd.h"

struct ctrd_image {
	char *name;
	struct dict labels;
	struct ctrd_descriptor target;
	int64_t created_at, updated_at; /* ns since the epoch */
};
struct ctrd_images {
	struct ctrd_image *v;
	size_t n;
};
void ctrd_image_done(struct ctrd_image *);
void ctrd_images_done(struct ctrd_images *);

/* -ERR_NOT_FOUND. */
struct ctrd_call *images_get_begin(struct ctrd *, const char *name, const struct ctx *);
int images_get_end(struct ctrd_call *, const struct ctx *, struct ctrd_image *ret, struct err *err);
int images_get(struct ctrd *, const char *name, const struct ctx *, struct ctrd_image *ret, struct err *err);
int images_list(struct ctrd *, const char *filter, const struct ctx *, struct ctrd_images *ret, struct err *err);
/* -ERR_EXISTS. */
int images_create(struct ctrd *, const struct ctrd_image *, const struct ctx *, struct err *err);
/* Replaces target and labels; -ERR_NOT_FOUND. */
int images_update(struct ctrd *, const struct ctrd_image *, const struct ctx *, struct err *err);
/* Create, or update when the name exists. */
int images_put(struct ctrd *, const struct ctrd_image *, const struct ctx *, struct err *err);
int images_delete(struct ctrd *, const char *name, bool sync, const struct ctx *, struct err *err); /* -ERR_NOT_FOUND */
