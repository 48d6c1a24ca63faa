/* What tasks use, looked at again and again: a row for each, whatever the version of cgroups. The kernel is read at each look;
 * containerd is asked which jobs there are at the first look and when one of its events says that some begin or end, and for what
 * only a shim can measure, in a virtual machine. While containerd is away the tasks that are known are looked at all the same. */
#pragma once
#include "cgroup-rate.h"
#include "record.h"
#include "traffic.h"

struct task_use {
	char *ns, *name, *id;           /* @name is JOB.TASK where the job has several; @id is the container's */
	bool runs;                      /* else none of what follows is there */
	bool known;                     /* it has been measured */
	struct cgroup_look before, now; /* @before is zeroed at the first look */
	bool has_traffic;               /* it has a network of its own, or one that it shares with another job */
	struct traffic traffic;         /* of all tasks of its job */
};
/* What tools for people show: without the part of the cache that goes first. 0 where it is not measured. */
uint64_t task_use_memory(const struct task_use *);
/* What it can have at most: the machine's memory where it has no limit below that. */
uint64_t task_use_memory_limit(const struct task_use *);

struct job_stats_wish {
	const struct strv *names; /* "JOB", "JOB.TASK" or ids; empty: of all jobs */
	bool all;                 /* those that do not run, too; what is named is there anyway */
};
struct job_stats;
/* @names is borrowed. -ERR_NOT_FOUND, -ERR_INVALID: of a name, as record_find_task() has them. */
int job_stats_open(struct core *, const struct job_stats_wish *, const struct ctx *, struct job_stats **ret, struct err *err);
void job_stats_free(struct job_stats *);
DEFINE_CLEANUP(struct job_stats, job_stats_free)
/* One more look. 0: jobs were named, and none of them exists any more; else 1. */
int job_stats_look(struct job_stats *, const struct ctx *, struct err *err);
/* The rows of the last look, borrowed until the next. Newest jobs first, or in the order of the names. */
size_t job_stats_rows(const struct job_stats *, const struct task_use **ret);
