/* What a task has changed in its root file system. */
#pragma once
#include "core.h"
#include "tree-diff.h"

/* @name: JOB, JOB.TASK, whether it runs or not. Of overlayfs what is in its upper folder; of any other snapshotter all files are
 * compared with those of the image, in a view that goes with the look. */
int job_diff(struct core *, const char *name, const struct ctx *, tree_diff_fn *, void *arg, struct err *err);
