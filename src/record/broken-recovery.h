/* What a recovery (recovery.h) leaves when it was killed in the middle, and the job that had failed is then removed: nobody goes on
 * with it, and the mark on each job that it had stopped, or was to stop, keeps that job down. Whoever touches such a job next makes
 * an end of it. */
#pragma once
#include "record.h"
#include "task.h"

enum {
	RECOVERY_FORGOTTEN = 1, /* it runs, or is to stay down: the mark is gone */
	RECOVERY_STARTED = 2,   /* it had been stopped to be started again: a davit of its own does that */
};
/* 0: it has no such mark, or somebody is at it. Costs nothing where there is no mark. @tasks: all of the job's, as they were seen.
 */
int broken_recovery_mend(struct core *, const struct record *, const struct task_status *tasks, size_t n, bool dry_run,
			 const struct ctx *, struct err *err);
