/* davit-image at work for a command: pull, image load, image import. */
#pragma once
#include "cli.h"

/* Run @verb with @args, and print the names of the images that came of it. @platform may be NULL. */
int helper_run(struct cli *, const char *verb, const char *platform, bool quiet, const struct strv *args, struct err *err);
