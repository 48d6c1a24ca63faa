/* Files of jobs that are gone: logs, files and run-time folders, and what is noted of health and results, that no job has. They are
 * left when containerd's store is lost or was changed by others. One that is being started has its lock; a record, a claim or a
 * task that may live keeps them. */
#pragma once
#include "core.h"

/* Removes them, with a line for each job to @removed. @dry_run: only says so. */
int strays_remove(struct core *, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);
