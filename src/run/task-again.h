/* One task of a job of several is started again, as its monitor wants it (monitored.h), while the others go on: in the same network
 * namespace, with the same files, its log appended to. */
#pragma once
#include "job-state.h"
#include "restart-policy.h"

/* Of job @id. Nothing is done where that is not due any more: 0. */
int task_start_again(struct core *, const char *id, size_t task, const struct ctx *, struct err *err);
/* The same in the middle of the start of @run, whose lock is held: @counts go on from there, on the record. Both: -ERR_ABORTED
 * where somebody has stopped the job meanwhile. */
int task_again_wanted(const struct run *, const struct ctx *, struct err *err);
int task_start_within(const struct run *run, size_t task, const struct restarts *counts, const struct ctx *, struct err *err);
