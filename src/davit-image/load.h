/* Image archives: OCI layouts and Docker's own (docker save), from a file or a pipe. */
#pragma once
#include "session.h"

/* @file "-" or NULL: standard input. Adds each image to @images, as image_record_put() does. @only is the full name of the one that
 * is wanted, whatever else is in the archive (-ERR_NOT_FOUND: it is not); NULL: all are. */
int load_images(struct session *, const char *file, const char *only, json *images, struct err *err);
