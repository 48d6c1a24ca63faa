/* What a process that was executed in a container has forked, and left behind: all of its session (setsid(2)), which the OCI
 * engines make for each. What has made a session of its own is a daemon, and stays. */
#pragma once
#include "core.h"
#include <sys/types.h>

/* @leader, as the host knows it, is or was such a process in the container @id: it and its session get SIGKILL, also what is forked
 * meanwhile. Its number is no other process's for as long as its session has one. */
void exec_family_kill(const struct core *, const char *id, pid_t leader);
