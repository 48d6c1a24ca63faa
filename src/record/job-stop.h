/* stop and kill. A job is named by its name, its id, or an id's beginning; -ERR_NOT_FOUND names the nearest. */
#pragma once
#include "core.h"

/* What comes after the end of all that ran of @n jobs, before anything is taken away (run/poststop.h); NULL: nothing does. */
typedef void job_stop_last(struct core *, const char *const *ids, size_t n, int timeout, const struct ctx *);
/* The stop signal, then SIGKILL after @timeout seconds (-1: the job's own), and @last. Already stopped is success. */
int job_stop(struct core *, const char *name, int timeout, job_stop_last *last, const struct ctx *, struct err *err);
/* For who knows the id and comes back for the rest: the job of just this id ends, and with its exit stays in containerd until
 * job_remove_id(). It returns as soon as all has ended. A job that has ended, or is not there, is success. */
struct stop_how {
	const char *signal; /* "SIGINT", "int", "2"; NULL: the job's own, else the image's, else SIGTERM */
	int64_t ms;         /* until SIGKILL; -1: the job's own time */
};
int job_stop_id(struct core *, const char *id, const struct stop_how *, const struct ctx *, struct err *err);
/* @signal as there. -ERR_INVALID: there is none of that name; -ERR_PRECONDITION, -ERR_NOT_FOUND: it does not run. */
int job_kill_id(struct core *, const char *id, const char *signal, const struct ctx *, struct err *err);
/* A signal for all its tasks that run, or for JOB.TASK. -ERR_PRECONDITION when none does. */
int job_kill(struct core *, const char *name, int signal, const struct ctx *, struct err *err);
/* The first half of a stop of the job of just this id: @signal, with 0 each task's own stop signal, without waiting for what comes
 * of it (stop.h). 1: it was sent; 0: nothing runs. */
int job_stop_begin(struct core *, const char *id, int signal, const struct ctx *, struct err *err);
