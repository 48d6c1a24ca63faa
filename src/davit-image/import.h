/* A root file system's tar becomes an image of one layer. */
#pragma once
#include "session.h"

struct import_spec {
	const char *file, *name; /* file "-": standard input */
	struct strv cmd, entrypoint, env, expose, label;
	const char *workdir, *user;
};
/* Adds the image to the array @images, as image_record_put() does. */
int import_image(struct session *, const struct import_spec *, json *images, struct err *err);
/* The words of a command: a JSON array, or text that is split at blanks. */
int import_words(const char *text, struct strv *ret, struct err *err);
