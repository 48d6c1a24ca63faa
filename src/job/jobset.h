/* What one file describes: jobs that start together, in an order of their own. The command line makes a set of one. A file of
 * JSON with "jobs" is a set, one with "tasks" is a job. */
#pragma once
#include "job.h"

struct jobset {
	char *name;          /* of the file; NULL: none */
	char *containerd_ns; /* containerd's namespace that its kind of file has by default; NULL: the face's */
	struct job *jobs;    /* each with a name, no two alike */
	size_t n_jobs;
	struct strv notices; /* what the file says that has no meaning here, one sentence each; not in the JSON form */
};

struct jobset *jobset_new(void);
void jobset_free(struct jobset *);
DEFINE_CLEANUP(struct jobset, jobset_free)
struct job *jobset_add(struct jobset *); /* one more job, without tasks; borrowed until the next */

json *jobset_to_json(const struct jobset *); /* {"name":...,"jobs":[...]}; the caller owns it */
/* Errors begin with FILE:LINE:COLUMN. A job alone is a set of one. The result passed jobset_check(). */
int jobset_read(const struct tree *, struct jobset **ret, struct err *err);
/* The gate: every job's own, and what is between jobs: names and ports that clash, dependencies on nothing or in a circle. */
int jobset_check(const struct jobset *, struct err *err);
