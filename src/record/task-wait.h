/* Waiting for the end of a process, across any outage of containerd. The wait itself never blocks: what else stands on the loop,
 * output that is being copied for one, goes on while containerd is away.
 *
 *	w = task_wait_new(core, id, NULL, call);
 *	while (!task_wait_over(w) && loop_turn(core->loop, ctx, err) >= 0)
 *		;
 *
 * On the loop of a server nobody turns for one: task_wait_notify() has it told, and any number of waits share the one connection of
 *a core_open_on(), whether or not containerd is there when they begin.
 *
 * An answer that is missing is no end: it is asked for again, at growing distances, for as long as core_conf.return_ms allows
 * containerd to be away. */
#pragma once
#include "core.h"
#include "tasks.h"

struct task_wait;

/* @exec_id NULL: the task itself. @call: a Wait that is open already, taken over; NULL: one is opened. @id and @exec_id are
 * borrowed. The core's connection is made anew when it broke. */
struct task_wait *task_wait_new(struct core *, const char *id, const char *exec_id, struct ctrd_call *call);
void task_wait_free(struct task_wait *);
DEFINE_CLEANUP(struct task_wait, task_wait_free)
/* The wait has come to its end, which a turn of the loop brings. */
bool task_wait_over(const struct task_wait *);
/* Then: 0 with the exit; -ERR_NOT_FOUND when the process is gone; what kept us from containerd, when it stayed away too long. */
int task_wait_result(const struct task_wait *, struct ctrd_exit *ret, struct err *err);

/* Call @fn(@arg) once, when it is over, in a turn of the loop to come: then its result is there, and @fn may free it. One that is
 * freed before is not told of. @fn NULL: not any more. */
void task_wait_notify(struct task_wait *, void (*fn)(void *arg), void *arg);

/* All of it: the exit of a process that may have ended already. -ERR_CANCELLED and -ERR_DEADLINE from @ctx besides. */
int task_wait(struct core *, const char *id, const char *exec_id, const struct ctx *, struct ctrd_exit *ret, struct err *err);
