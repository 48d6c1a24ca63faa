/* From blobs in the store to an image that runs: collector's labels, snapshots, the image record. */
#pragma once
#include "image-config.h"
#include "manifest.h"
#include "session.h"

/* The way from a target to one platform's image. */
struct image_tree {
	struct manifest manifest;
	struct image_config config;
	char *digest; /* of the manifest */
};
void image_tree_done(struct image_tree *);
/* Reads the target, choosing the session's platform in each index, and sets the labels that keep what was chosen.
 * -ERR_NOT_FOUND: the platform, or a blob, is missing. */
int image_tree_read(struct session *, const char *target, struct image_tree *ret, struct err *err);

/* An image that stands in no index says its platform in its configuration: -ERR_NOT_FOUND when another one was asked for by
 * name. One for the host is taken as it is, as Docker does. */
int image_record_check_platform(const struct session *, const struct image_config *, struct err *err);

/* Unpack @target and give it the name @name. Adds {"name","digest","platform"} to the array @images. -ERR_PRECONDITION: the
 * name says another digest. */
int image_record_put(struct session *, const char *name, const struct ctrd_descriptor *target, json *images, struct err *err);
/* An image that is there already: its snapshots and labels. */
int image_record_unpack(struct session *, const char *name, json *images, struct err *err);
