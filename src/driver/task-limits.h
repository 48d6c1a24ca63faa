/* What a task may use, as Nomad says it, in a job's words: memory, processor time, cores, and the cgroup that Nomad has made for
 * it.
 *
 * Nomad's words (its docker driver's, which the others follow): `memory` is the limit, without swap; with `memory_max` that is the
 * limit and `memory` what the task keeps when the host is short of it; a memory_max of -1 is no limit. `cpu` is MHz and a weight;
 * with cpu_hard_limit it is the part of the whole client's MHz that the task gets at most. `cores` are processors of its own; all
 * other tasks share what is left, which changes as such tasks come and go (cpuset-share.h). */
#pragma once
#include "task-job.h"
#include "task-stats.h"

/* What of the host that depends on. */
struct task_host {
	unsigned cpus;
	struct stats_compute compute; /* the client's; zeroed: not known */
	bool swap;                    /* the kernel counts it, and so can keep a task from it */
	const char *cgroup;           /* of task_cgroup; NULL: davit's own */
	const char *shared_cpus;      /* of cgroup v1: what tasks without cores share now; NULL: all */
};

/* Nomad's cgroup of a task. It makes it before StartTask, and kills what is in it, and removes it, at the end. */
struct task_cgroup {
	char *path; /* "/nomad/ALLOC.TASK" in each hierarchy of v1, "/nomad.slice/share.slice/ALLOC.TASK.scope" of v2; NULL: none */
	char *shared; /* v1, of a task without cores: the folder whose cpuset it follows; NULL: none */
};
void task_cgroup_done(struct task_cgroup *);
/* @host stands before /sys; "" outside of tests. What is not there is none. */
void task_cgroup_find(const Driver__TaskConfig *, const char *host, struct task_cgroup *ret);

/* Pure. -ERR_INVALID names the option. */
int task_limits(const struct task_said *, const struct task_host *, struct task *, struct err *err);
/* The same on this host, which is looked at. */
int task_limits_here(const struct task_said *, const struct stats_compute *, const char *host, struct task *, struct err *err);
