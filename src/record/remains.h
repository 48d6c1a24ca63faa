/* What a job leaves behind, and taking it away. Everything is found from the name and the id, so it works for a job that
 * ended, one that is being rolled back, and one whose davit was killed. Each part is done though another failed; the
 * first error is returned. Absent is success throughout. But nothing is taken away while the task may live (task.h). */
#pragma once
#include "record.h"
#include "tasks.h"

/* End the task if there is one, and delete it. */
int remains_task(struct core *, const char *id, const struct ctx *, struct err *err);
/* After a job's end, its lock held: remember the exit on the record, delete the task, release the network. The record stays.
 * Nothing when it runs. */
int remains_settle(struct core *, const struct record *, const struct ctx *, struct err *err);
/* Under the job's lock: 1 when record @id is there and its task does not run. What was seen before the lock was had may be
 * past: somebody removed it (and made another of that name), or started it again. */
int remains_is_over(struct core *, const char *id, const struct ctx *, struct err *err);
/* The same by whoever notices the end first, or the removal of a --rm job; who comes later waits for it. */
int remains_after_end(struct core *, const struct record *, const struct ctx *, struct err *err);
/* All of it: task, network, record, snapshot, folders, log, anonymous volumes when @volumes, and the claim last. @id NULL:
 * only the claim is known. */
int remains_remove(struct core *, const char *name, const char *id, const char *snapshotter, bool volumes, const struct ctx *,
		   struct err *err);
