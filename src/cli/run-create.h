/* What run and create have in common. */
#pragma once
#include "cli.h"
#include "job-flags.h"

/* Make the job of flags and arguments, or with --dry-run say what would be done. Returns the exit code or an error. */
int run_job(struct cli *, struct job_flags *, enum run_mode, struct err *err);
