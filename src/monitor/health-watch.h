/* The health of the tasks of the job that is looked after: a timer each, and at most one check underway. What they say goes to the
 * task's log of checks (health-log.h), and to its record where it changes. All of it happens in turns of the core's loop, whatever
 * is waited for there. */
#pragma once
#include "record.h"
#include "task.h"

struct health_watch;

/* @id: of the job's container. What a monitor that was killed has left of its checks is read from at once, before containerd is
 * asked for anything: its shim may wait for that, and answer nobody. */
struct health_watch *health_watch_new(struct core *, const char *id);
/* How the job and its tasks are now (@tasks in their order, as many as it has): those that run and want it are checked from here
 * on, where it was left off when another has checked this life before; those that have ended are not any more. */
void health_watch_see(struct health_watch *, const struct record *job, const struct task_status *tasks, size_t n);
/* What is underway is killed, and cleared away where that takes no longer than a moment. */
void health_watch_free(struct health_watch *);
DEFINE_CLEANUP(struct health_watch, health_watch_free)
