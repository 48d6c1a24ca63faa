/* Where a monitor lives: beside the shim of the job, whoever started it. */
#pragma once
#include "core.h"

/* Moves this process into the cgroups of the shim of job @id, and takes its oom_score_adj; while the job has none, into those of
 * containerd, where shims begin. What is not to be had is no error: then it stays where it is. */
void home_settle(struct core *, const char *id);
