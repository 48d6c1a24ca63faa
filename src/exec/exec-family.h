/* What a process that was executed in a container has forked, and left behind. Where the OCI engine has made a session of its own
 * for it (runc does) that is its family; else (crun) those that have its mark in their environment. A daemon, which has made a
 * session of its own and may have cleaned its environment, stays. */
#pragma once
#include "core.h"
#include <stdbool.h>
#include <sys/types.h>

#define EXEC_MARK "DAVIT_EXEC" /* a variable of its environment: its EXEC_ID */

struct exec_family {
	pid_t leader;  /* the process, as the host knows it; 0: it never began */
	pid_t session; /* that it was in when it began; 0: nobody saw */
	bool ended;    /* the leader has: who has its number from then on is another */
};
/* It has just begun. */
void exec_family_begin(struct exec_family *, pid_t leader);
/* All that is left of it in the container @id gets SIGKILL, also what is forked meanwhile. The leader's number is no other
 * session's for as long as that has a process. */
void exec_family_kill(const struct exec_family *, const struct core *, const char *id, const char *exec_id);
