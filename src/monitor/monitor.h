/* Looking after one job, until it is gone or stays ended. */
#pragma once
#include "core.h"

/* Holds the job's monitor lock, and settles at home (home.h); when another monitor has it, that one does the work: 0 at once.
 * Whatever it knows stands on the record, so that it may be killed at any moment. @id is of the job's container. */
int monitor_run(struct core *, const char *id, struct err *err);
