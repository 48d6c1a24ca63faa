/* Freezing what a job runs, and letting it go on: the freezer of its cgroup, by containerd. A frozen one can be stopped, killed and
 * removed as it is. */
#pragma once
#include "core.h"

/* All its tasks that run, or JOB.TASK; those that are frozen already stay so. When one of several cannot be, none is.
 * -ERR_PRECONDITION when there is nothing to do: none runs, or all that do are frozen. */
int job_pause(struct core *, const char *name, const struct ctx *, struct err *err);
/* The other way round. */
int job_unpause(struct core *, const char *name, const struct ctx *, struct err *err);
