/* run -f FILE: the jobs of a file. */
#pragma once
#include "cli.h"
#include "job-flags.h"
#include "jobset.h"

/* Returns the exit code or an error. */
int run_file(struct cli *, struct job_flags *, const struct strv *args, struct err *err);
/* Reads the file, says in one notice what of it has no meaning here, and moves to the containerd namespace that its kind of file
 * has, unless another was asked for. @name may be NULL. */
int read_job_file(struct cli *, const struct file_flags *, const char *name, struct jobset **ret, struct err *err);
