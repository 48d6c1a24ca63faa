/* An image from its registry. */
#pragma once
#include "registry.h"

/* Adds the image to @images, as image_record_put() does. */
int pull_image(struct session *, const char *ref, const struct login *, const struct registry_way *, json *images, struct err *err);
