/* Coming back to a job that runs: its output from now on, its input, its terminal. */
#pragma once
#include "job-run.h"

struct attach_opts {
	const char *detach_keys; /* NULL: ctrl-p,ctrl-q */
	bool no_stdin;
	bool sig_proxy;
	int64_t tail; /* so many lines of the log first, -1: all of it; 0: none */
	const struct console *console;
};
/* Returns when the task has exited, or was detached from. The job goes on whatever becomes of us, and its input stays open when
 * ours ends. -ERR_PRECONDITION: it does not run, or has several tasks and none was named; -ERR_INVALID: its terminal's input would
 * be none. @ret: name, id, and how it ended. */
int job_attach(struct core *, const char *name, const struct attach_opts *, const struct ctx *, struct run_result *ret,
	       struct err *err);
