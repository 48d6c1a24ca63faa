/* The further tasks of a job that has several: found by the job's id alone (job-name.h), so that nobody has to be asked whether
 * there are any. What is done to a job's first task, which is what its record says, is done to these before: they share its network
 * and its files. All is nothing for a job of one task. */
#pragma once
#include "core.h"

/* 1 when none of them runs, nor may: nothing is touched. */
int others_are_over(struct core *, const char *id, const struct ctx *, struct err *err);
/* Ended, side by side, and deleted; their records stay. */
int others_end(struct core *, const char *id, const struct ctx *, struct err *err);
/* Those that have ended: records, snapshots, logs. Absent is success. */
int others_remove(struct core *, const char *id, const char *snapshotter, const struct ctx *, struct err *err);
