/* The files of a task, to copy from and to: as it sees them while it runs, else its snapshot. */
#pragma once
#include "core.h"
#include "idmap.h"

struct job_files {
	char *name;       /* the task's, for errors */
	int root;         /* its root folder. What is in it is the job's: hostile, and it may change meanwhile */
	bool runs;        /* then with all that is mounted in it */
	struct idmap ids; /* of its user namespace, whose owners its own files have; n is 0 when it has none */
	struct strv away; /* where something is mounted as soon as it runs; clean paths */
	struct core *core;
	char *job; /* whose lock is held */
	int lock;  /* or -1 */
};
void job_files_done(struct job_files *);

/* @name: JOB, JOB.TASK. @write: one that does not run is locked, so that it cannot start, and its snapshot can be written to.
 * -ERR_PRECONDITION: that is to be read-only. -ERR_UNIMPLEMENTED: it runs on a kernel of its own, which has its files. */
int job_files_open(struct core *, const char *name, bool write, const struct ctx *, struct job_files *ret, struct err *err);
/* Of a job that does not run: is @path (clean, absolute) in what is not mounted now? -ERR_PRECONDITION names it. */
int job_files_check(const struct job_files *, const char *path, struct err *err);
