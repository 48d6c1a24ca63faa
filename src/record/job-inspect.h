/* Everything of one job as JSON: the job's native form under "job", and its state; those of its tasks, where it has several, under
 * "tasks". JOB.TASK has what is that task's. */
#pragma once
#include "core.h"

int job_inspect(struct core *, const char *name, const struct ctx *, json **ret, struct err *err);
