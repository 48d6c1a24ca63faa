/* The cgroup that a process is in, as folders: v1's of each controller, or v2's only one. In a hybrid the controllers are v1's. */
#pragma once
#include "err.h"
#include <sys/types.h>

enum cgroup_controller {
	CGROUP_PIDS,
	CGROUP_FREEZER,
	CGROUP_DEVICES,
	CGROUP_MEMORY,
	CGROUP_CPU,
	CGROUP_CPUACCT,
	CGROUP_BLKIO,
	CGROUP_HUGETLB,
	CGROUP_RDMA,
	CGROUP_CONTROLLERS
};

/* Zeroed: of none. NULL for what is not mounted, and for a root, which is of no container. */
struct cgroup_of {
	char *v1[CGROUP_CONTROLLERS];
	char *v2;
};
void cgroup_of_done(struct cgroup_of *);
/* @host stands before /proc and /sys: "" outside of tests. -ERR_NOT_FOUND: there is no such process. */
int cgroup_of(const char *host, pid_t, struct cgroup_of *ret, struct err *err);
/* The folders that @path, "/NS/ID", names below @root, where the hierarchies are mounted: of a container whose cgroup is known, and
 * whose first process may have gone on into one below it. Those that are not there are NULL. */
void cgroup_of_path(const char *root, const char *path, struct cgroup_of *ret);
/* One with all of its processes; NULL: none. */
const char *cgroup_of_any(const struct cgroup_of *);
