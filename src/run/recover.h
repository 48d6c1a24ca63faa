/* Carrying out what a set's jobs ask for when one fails (record/recovery.h): under a lock, so that never two are, and so that who
 * comes after one that was killed in the middle goes on. What is underway stands on the records: RECORD_RECOVERY of each job that
 * is still to be stopped and started, and of the one that has failed until all is done. */
#pragma once
#include "core.h"

/* Job @id has failed, and its start is due: it is started again, and those that go along with it. Nothing where that is not wanted
 * any more. */
int recover_job(struct core *, const char *id, const struct ctx *, struct err *err);
