/* Filters of events, as `docker events --filter` has them: type=job|container|image, event=, job= (container=), image=,
 * label=K[=V], set=NAME. Values of one key are alternatives; keys add up. The list may be NULL everywhere. */
#pragma once
#include "event-book.h"

/* -ERR_INVALID names the one that is none. */
int event_filter_check(const struct strv *, struct err *err);
/* One that was checked. */
bool event_filter_match(const struct job_event *, const struct strv *);
