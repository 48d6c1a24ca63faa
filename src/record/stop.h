/* The end of what a job runs, as a graph: each of its tasks gets its stop signal, its time, and SIGKILL, side by side. */
#pragma once
#include "job-stop.h"
#include "record.h"

/* @timeout: seconds for each; -1: its own. @which: of each task whether it is to be stopped; NULL: all. One that others needed to
 * start is stopped after them. 1: all is over, and is to be settled; 0: there was nothing. */
int stop_tasks(struct core *, const struct record *, int timeout, const bool *which, const struct ctx *, struct err *err);
/* The same of all, with another signal and time. */
int stop_tasks_how(struct core *, const struct record *, const struct stop_how *, const struct ctx *, struct err *err);
/* The same of several jobs, side by side; who waited for another (job.h: depends_on) is stopped before it. */
int stop_all(struct core *, const struct record *const *recs, size_t n, int timeout, const struct ctx *, struct err *err);
/* Its first half alone: each of the job's tasks that runs gets @sig, or with 0 its own stop signal, and nothing is waited for. A
 * paused one goes on, so that it hears it. 1: some task was sent it; 0: nothing runs. A shim that does not take it, or
 * not within a few seconds, is no error: who wants an end comes back with stop_tasks(). */
int stop_signal(struct core *, const struct record *, int sig, const struct ctx *, struct err *err);
/* What stops the first task of this job: its own stop signal, its image's, or SIGTERM. */
int stop_signal_of(const struct record *);
