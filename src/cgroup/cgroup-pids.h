/* The processes in a folder of cgroupfs and below it. */
#pragma once
#include "err.h"
#include <stdbool.h>
#include <sys/types.h>

struct cgroup_pids {
	pid_t *v;
	size_t n, cap;
};
void cgroup_pids_done(struct cgroup_pids *);
void cgroup_pids_add(struct cgroup_pids *, pid_t);
/* Appends those in @path and below; those of another pid namespace are 0. What has gone meanwhile has none. A failure is never
 * "none": @ret then has those that could be read. */
int cgroup_pids_below(const char *path, struct cgroup_pids *ret, struct err *err);
/* In order, each once: for cgroup_has(). */
void cgroup_pids_sort(struct cgroup_pids *);
bool cgroup_has(const struct cgroup_pids *, pid_t);
