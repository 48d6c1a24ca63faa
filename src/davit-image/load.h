/* Image archives: OCI layouts and Docker's own (docker save), from a file or a pipe. */
#pragma once
#include "session.h"

/* @file "-" or NULL: standard input. Adds each image to @images, as image_record_put() does. */
int load_images(struct session *, const char *file, json *images, struct err *err);
