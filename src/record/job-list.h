/* What jobs there are, and how they are: records and tasks, put together. */
#pragma once
#include "job-row.h"

struct job_rows {
	struct job_row *v;
	size_t n;
	size_t left;  /* what davits that were killed left in the core's namespace, for job_prune() */
	size_t ended; /* jobs there that have ended, and whose tasks are left for mend_ended_jobs() */
};
void job_rows_done(struct job_rows *);

struct job_filter {
	bool all; /* exited and created ones too */
	bool all_namespaces;
	bool tasks;  /* a row for each task of a job of several */
	bool sizes;  /* ask for them: containerd looks at every file of the layer */
	size_t last; /* only the newest so many, in whatever state; 0: all */
	/* name=REGEX, id=, status=, label=K[=V], ancestor=IMAGE, network=, exited=N (as in Docker), set=NAME */
	const struct strv *filters;
};
int job_list(struct core *, const struct job_filter *, const struct ctx *, struct job_rows *ret, struct err *err);
/* Number of jobs in other namespaces, and the first such namespace (caller frees, may be NULL). */
int job_count_elsewhere(struct core *, const struct ctx *, size_t *ret_n, char **ret_ns, struct err *err);
