/* Leaving the cgroups that we were started in for those of another process, so that whoever ends all in the former (a login's
 * session, a unit, a scheduler's task) does not end us. */
#pragma once
#include "err.h"
#include <sys/types.h>

/* In every hierarchy, v1's, v2's and those of a hybrid, in which it is elsewhere than we. @host stands before /proc and /sys: ""
 * outside of tests. Each is tried; the first that is not to be had is the error. -ERR_NOT_FOUND: there is no such process. */
int cgroup_join(const char *host, pid_t, struct err *err);
/* The same for process @who, a child of ours; 0: we. */
int cgroup_move(const char *host, pid_t who, pid_t to, struct err *err);
