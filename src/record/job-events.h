/* What happens to the jobs of a namespace, and to its images, as it happens: containerd's events, told in Docker's words.
 *
 *	job	create start die oom pause unpause rename update destroy exec_create exec_start exec_die health_status
 *	image	create update delete
 *
 * When containerd goes away the stream goes on as soon as it is back, for as long as core_conf.return_ms allows; what happened
 * meanwhile is found by a look at what there is (event-book.h), and told with the times that the records have, or that of the look.
 * containerd keeps no events, so what is told from before the stream began comes from the records, too. */
#pragma once
#include "core.h"
#include "event-book.h"

struct job_events;

struct job_events_how {
	int64_t since, until;       /* clock_wall(); 0: from now on; without an end */
	const struct strv *filters; /* event-filter.h; borrowed */
};

/* It listens when this returns. -ERR_INVALID: a filter that is none. */
int job_events_new(struct core *, const struct job_events_how *, const struct ctx *, struct job_events **ret, struct err *err);
void job_events_free(struct job_events *);
DEFINE_CLEANUP(struct job_events, job_events_free)
/* Waits for the next: 1, or 0 when @until has passed. */
int job_events_next(struct job_events *, const struct ctx *, struct job_event *ret, struct err *err);
