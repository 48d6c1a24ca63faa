/* Waiting for the end of a process, across a restart of containerd. */
#pragma once
#include "core.h"
#include "tasks.h"

/* A Wait failed with @r: a broken connection is made again, for at most 30 s, and the process looked at. 1: it has ended, with
 * *ret; 0: it goes on, with a new Wait in *ret_call. -ERR_NOT_FOUND when it is gone; -ERR_CANCELLED and -ERR_DEADLINE are
 * returned as they are. @exec_id NULL: the task itself. */
int task_wait_again(struct core *, const char *id, const char *exec_id, int r, const struct ctx *, struct ctrd_call **ret_call,
		    struct ctrd_exit *ret, struct err *err);
/* The exit of a process that may have ended already. -ERR_NOT_FOUND when it is gone. */
int task_wait(struct core *, const char *id, const char *exec_id, const struct ctx *, struct ctrd_exit *ret, struct err *err);
