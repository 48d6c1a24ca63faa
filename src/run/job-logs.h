/* What jobs have written. */
#pragma once
#include "core.h"
#include "strv.h"

struct logs_opts {
	bool follow, timestamps;
	int64_t tail;         /* lines of each; -1: all */
	int64_t since, until; /* wall ns; 0: none */
	int out_fd, err_fd;
	bool colours;    /* of the names of several */
	bool json;       /* objects instead of lines, all to out_fd */
	const char *set; /* those of all jobs of this set, too, in the order in which it is started; NULL: of none */
};
/* @names: "JOB", of all its tasks, or "JOB.TASK". Of one task its lines as they are, of several in the order of their times, each
 * with the name of its task, or of its job and task where there are several jobs, before it. 1: nobody reads any more. Followed
 * are all until all are over: a job that is going to be started again is not, and who joins the set meanwhile is followed from its
 * beginning. Of a job that was removed, those that its log_retention
 * keeps. */
int job_logs(struct core *, const struct strv *names, const struct logs_opts *, const struct ctx *, struct err *err);
