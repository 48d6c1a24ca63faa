/* The jobs that were started as one set (job/jobset.h): their records say so. */
#pragma once
#include "record.h"

/* Names of the jobs of set @name, in the order in which they are stopped: who waited for another goes before it. -ERR_NOT_FOUND:
 * there are none. */
int set_jobs(struct core *, const char *name, const struct ctx *, struct strv *ret, struct err *err);
