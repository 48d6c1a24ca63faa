/* Logs that outlive their jobs (log_retention): DATA/kept/NS/ID has the folders of the logs of a removed job's tasks, and the file
 * "job", which says whose they are and until when each stays. */
#pragma once
#include "job-over.h"
#include "record.h"

struct kept_logs {
	struct job *job;
	char *id;       /* of the job that was */
	int64_t *until; /* of each task, wall ns; 0: none is kept */
};
void kept_logs_done(struct kept_logs *);

/* Before the job's folders go: takes those of the logs out of them that are to stay. What cannot be kept is warned of. */
void kept_logs_take(struct core *, const struct record *, const struct job_over *);
/* By the job's name (the one that was removed last), by "JOB.TASK", or by the id of the job's container. *@ret_task: the task that
 * was named; -1: the job. 0: nothing of that name is kept. */
int kept_logs_find(struct core *, const char *what, struct kept_logs *ret, long *ret_task, struct err *err);
char *kept_logs_path(const struct core *, const struct kept_logs *, size_t task); /* the caller frees */
/* Removes those whose time is over, with a line for each job to @removed. @dry_run: only says so. */
int kept_logs_prune(struct core *, bool dry_run, struct strv *removed, struct err *err);
