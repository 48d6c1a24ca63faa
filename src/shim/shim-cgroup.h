/* The cgroup that the shim itself is in (option ShimCgroup): one that is there already, below every v1 hierarchy that has it, or
 * below the one of v2. */
#pragma once
#include "err.h"

/* Of this process, and of the engines that it starts from now on. @root: SHIM_CGROUPS, but in tests. -ERR_NOT_FOUND: it is nowhere.
 */
int shim_cgroup_join(const char *root, const char *group, struct err *err);
#define SHIM_CGROUPS "/sys/fs/cgroup"
