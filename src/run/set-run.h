/* Running a set of jobs: one graph of all their steps, on one connection. What depends on nothing starts side by side; what waits
 * for another job is pulled and has its name, its ports and its network meanwhile. */
#pragma once
#include "job-run.h"
#include "jobset.h"

struct set_result {
	struct run_result *jobs; /* in the order of the set */
	size_t n;
	int exit_code; /* in the foreground: the first that is no success; 128+n for what ended us, or had all stopped */
};
void set_result_done(struct set_result *);

/* Names and ports that are taken are found before anything is made. When one job does not start, or one that others wait for fails,
 * all that this call has started is taken back. @opts as of job_run(). Returns once all are started, which is once those that
 * others wait for have ended; in the foreground once all have ended, and what they print is printed from their start on, with their
 * names. There an interrupt stops them all. */
int set_run(struct core *, const struct jobset *, const struct run_opts *opts, const struct ctx *, struct set_result *ret,
	    struct err *err);
