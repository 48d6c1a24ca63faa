/* What a task has changed in its root file system. */
#pragma once
#include "core.h"
#include "tree-diff.h"

/* @name: JOB, JOB.TASK, whether it runs or not. -ERR_UNIMPLEMENTED: of a snapshotter that keeps no changes apart. */
int job_diff(struct core *, const char *name, const struct ctx *, tree_diff_fn *, void *arg, struct err *err);
