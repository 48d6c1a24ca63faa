/* Waiting for a job that somebody else runs. */
#pragma once
#include "core.h"

/* Waits for the exit, of all tasks (job-exit.h) or of JOB.TASK; also of one that exited before. A job that is started again after
 * its ends has none before it stays ended. Survives a restart of containerd.
 */
int job_wait(struct core *, const char *name, const struct ctx *, int *ret_code, struct err *err);
