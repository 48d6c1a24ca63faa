/* What containerd has lost. When a client dies in the middle of Tasks.Create, containerd forgets the task that it was making, and
 * what its shim and engine had made stays: the shim, the bundle with the root file system mounted in it, the engine's own state,
 * the cgroup, and in it a first process that waits to be started. When one dies in the middle of Tasks.Delete, containerd forgets
 * the task and does not end its shim. Ids of jobs only (job-name.h), and only those that have no task: with a record too the job's
 * lock must be free, since one that is being started has a record first. Nothing is touched that stands below another containerd's
 * shim, be it in a container of its own. */
#pragma once
#include "core.h"

/* 1 when containerd knows neither a task nor a record of it. */
int orphans_is_lost(struct core *, const char *id, const struct ctx *, struct err *err);
/* All of the core's containerd and namespace. Adds a line for each job to @removed (may be NULL). @dry_run: only says so.
 * Blocks up to 10 s for each: containerd itself may be at work on it. */
int orphans_end(struct core *, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);
/* That of one job whose lock the caller holds, and that may have a record: what is left when its shim had to be ended, or another
 * davit was killed at its Delete. Nothing while containerd knows a task. */
int orphans_end_task(struct core *, const char *id, const struct ctx *, struct err *err);
