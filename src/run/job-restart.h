/* restart: stop, then start in the background. */
#pragma once
#include "core.h"

/* @timeout as in job_stop(). -ERR_PRECONDITION for a --rm job, which its stop removes. */
int job_restart(struct core *, const char *name, int timeout, const struct ctx *, struct err *err);
