/* What run and create have in common. */
#pragma once
#include "cli.h"
#include "job-flags.h"

#define RUN_CREATE_COMMAND(least) \
	.usage = "[FLAGS] IMAGE [COMMAND [ARGUMENT...]]", .words = COMPLETE_IMAGE, .min = (least), .max = ARGS_ANY, \
	.stop_at_first = true, .size = sizeof(struct job_flags), .init = job_flags_init, .done = job_flags_done

/* In the foreground a terminal for the job needs one of ours. */
int check_terminal(const struct job_flags *, struct err *err);
/* For a user of --creds without one. */
int ask_password(struct cli *, struct job_flags *, struct err *err);
/* A job or a set of them; but for credentials, of which a notice says so. */
int print_job_json(struct cli *, json *, struct err *err);
/* Of --timing, to stderr. */
struct timing;
void print_timing(const struct timing *);
/* Make the job of flags and arguments, or with --dry-run say what would be done. Returns the exit code or an error. */
int run_job(struct cli *, struct job_flags *, enum run_mode, struct err *err);
