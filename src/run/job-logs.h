/* What a job has written. */
#pragma once
#include "core.h"

struct logs_opts {
	bool follow, timestamps;
	int64_t tail;         /* lines; -1: all */
	int64_t since, until; /* wall ns; 0: none */
	int out_fd, err_fd;
	bool colours; /* of a job's tasks */
};
/* Of a job of several tasks those of all, each line with its task's name before it; of JOB.TASK its own, as it is. 1: nobody reads
 * any more. Of a job that was removed, those that its log_retention keeps. */
int job_logs(struct core *, const char *name, const struct logs_opts *, const struct ctx *, struct err *err);
