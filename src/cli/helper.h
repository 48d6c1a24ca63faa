/* davit-image at work for a command: pull, image load, image import. */
#pragma once
#include "cli.h"
#include "image.h"

/* The flag for it, of a struct with a const char *output. */
#define HELPER_OUTPUT_OPT(T) \
	{ \
		"output", 'o', .arg = "FILE", .help = "Where the archive goes; standard output without", .topic = "Flags", \
			       .words = COMPLETE_FILE, .set = opt_string, .at = offsetof(T, output) \
	}
/* Where an archive goes: to @file, or to standard output, which must be no terminal. Puts davit-image's option into @words;
 * *ret_fd is the descriptor that it is given (image.h), the caller's to close, or -1. @what is the command, for the error. */
int helper_output(const char *what, const char *file, struct strv *words, int *ret_fd, struct err *err);
/* The same as helper_run() with an archive on @out_fd and a tree at @root_fd (-1: none), and no names printed. */
int helper_run_output(struct cli *, const char *verb, const char *platform, bool quiet, const struct strv *args, int out_fd,
		      int root_fd, struct err *err);
/* Run @verb with @args, and print the names of the images that came of it. Of @how only what is the command's own is to be set:
 * platform, quiet, credentials. */
int helper_run(struct cli *, const char *verb, const struct image_helper *how, const struct strv *args, struct err *err);
/* The same, and the result is the caller's instead. _alone(): without containerd, for what only talks to registries. */
int helper_run_result(struct cli *, const char *verb, const struct image_helper *how, const struct strv *args, json **ret,
		      struct err *err);
int helper_run_alone(struct cli *, const char *verb, const struct image_helper *how, const struct strv *args, json **ret,
		     struct err *err);
