/* The end of what a job runs, as a graph: each of its tasks gets its stop signal, its time, and SIGKILL, side by side. */
#pragma once
#include "record.h"

/* @timeout: seconds for each; -1: its own. @which: of each task whether it is to be stopped; NULL: all. One that others needed to
 * start is stopped after them. 1: all is over, and is to be settled; 0: there was nothing. */
int stop_tasks(struct core *, const struct record *, int timeout, const bool *which, const struct ctx *, struct err *err);
/* The same of several jobs, side by side; who waited for another (job.h: depends_on) is stopped before it. */
int stop_all(struct core *, const struct record *const *recs, size_t n, int timeout, const struct ctx *, struct err *err);
