/* The jobs that were started as one set (job/jobset.h): their records say so. */
#pragma once
#include "job-stop.h"
#include "record.h"

/* Names of the jobs of set @name, in the order in which they are stopped: who waited for another goes before it. -ERR_NOT_FOUND:
 * there are none. */
int set_jobs(struct core *, const char *name, const struct ctx *, struct strv *ret, struct err *err);
/* job_stop() of all of them, side by side, in that order where one has waited for another; their names are added to @stopped. */
int set_stop(struct core *, const char *name, int timeout, job_stop_last *last, const struct ctx *, struct strv *stopped,
	     struct err *err);
