/* The processes of a job's tasks, by their cgroups: those of the host that the kernel says are in them, whatever a container tells.
 */
#pragma once
#include "core.h"
#include "process.h"

struct task_process {
	struct process p;
	char *task; /* whose it is: "JOB.TASK", or JOB */
};
struct task_processes {
	struct task_process *v;
	size_t n, cap;
	bool several; /* the job as a whole was asked for, and has several tasks */
};
void task_processes_done(struct task_processes *);
/* Of JOB, all its tasks', or of JOB.TASK; by their numbers. @threads: each of their threads. -ERR_PRECONDITION: nothing of it runs,
 * or nothing is to be seen. -ERR_UNIMPLEMENTED: it runs on a kernel of its own. */
int job_top(struct core *, const char *what, bool threads, const struct ctx *, struct task_processes *ret, struct err *err);
