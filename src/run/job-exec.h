/* A further process in a job that runs. */
#pragma once
#include "console.h"
#include "core.h"
#include "heir-fork.h"

struct exec_opts {
	const struct strv *args, *env;
	const char *cwd, *user, *detach_keys;
	bool tty, interactive, detach, privileged;
	heir_fork *heir;               /* as in struct run_opts */
	const struct console *console; /* likewise */
};
/* Runs a process in a running job, or in its task JOB.TASK (job_main_task() without it); the exit code in *ret_code, as in struct
 * run_result (0 when detached). */
int job_exec(struct core *, const char *name, const struct exec_opts *, const struct ctx *, int *ret_code, struct err *err);
