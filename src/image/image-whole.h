/* Inside the layer: all that is known of an image that somebody named. */
#pragma once
#include "resolve.h"

struct image_whole {
	struct ctrd_image record;
	struct resolved found;
	struct manifest manifest;
	json *config;
};
void image_whole_done(struct image_whole *);
/* @platform: NULL for the host's. What is missing or damaged behind the record is an error that names the image. */
int image_whole_get(struct ctrd *, const char *what, const char *platform, const char *snapshotter, const struct ctx *,
		    struct image_whole *ret, struct err *err);
