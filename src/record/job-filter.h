/* Filters of jobs, as `docker ps --filter` has them: name=REGEX, id=, status=, label=K[=V], ancestor=IMAGE, network=, exited=N.
 * Values of one key are alternatives; keys add up. The list may be NULL everywhere. */
#pragma once
#include "job-row.h"

/* -ERR_INVALID names the one that is none. */
int job_filter_check(const struct strv *, struct err *err);
/* 1: it is met. */
int job_filter_row(const struct job_row *, const struct strv *, struct err *err);
/* Does one of them ask for a state? */
bool job_filter_asks_status(const struct strv *);
