/* What a job leaves behind, and taking it away. Everything is found from the name and the id, so it works for a job that
 * ended, one that is being rolled back, and one whose davit was killed. Each part is done though another failed; the
 * first error is returned. Absent is success throughout. But nothing is taken away without proof that the task is over (task.h):
 * remains_remove() takes it; the others that take something away make it for themselves, and do nothing without it. */
#pragma once
#include "record.h"
#include "task.h"

/* End the task if there is one, and delete it. */
int remains_task(struct core *, const char *id, const struct ctx *, struct err *err);
/* After a job's end, its lock held: remember the exit on the record, delete the task, release the network. The record stays.
 * Nothing when it runs. */
int remains_settle(struct core *, const struct record *, const struct ctx *, struct err *err);
/* Under the job's lock: 1, with the proof, when record @id is there and its task is over; one that was never started is ended. What
 * was seen before the lock was had may be past: somebody removed it (and made another of that name), or started it again. */
int remains_is_over(struct core *, const char *id, const struct ctx *, struct task_over **ret, struct err *err);
/* The same by whoever notices the end first, or the removal of a --rm job; who comes later waits for it. */
int remains_after_end(struct core *, const struct record *, const struct ctx *, struct err *err);
/* All of a job whose task is over: the task, network, record, snapshot, folders, log, anonymous volumes when @volumes, and the
 * claim last. */
int remains_remove(struct core *, const char *name, const struct task_over *, const char *snapshotter, bool volumes,
		   const struct ctx *, struct err *err);
/* Only the claim is known: it came to no id. */
int remains_remove_claim(struct core *, const char *name, const struct ctx *, struct err *err);
