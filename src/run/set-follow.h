/* A set in the foreground, once it is started: what its tasks print, each line with its job's name before it, until all are over
 * for good (job-ends.h), whoever starts them again meanwhile. Internal to run. */
#pragma once
#include "set-state.h"

/* 0: all are over, *ret_exit is the first exit of a last life that is no success, in the order of the set. 1: nobody reads any
 * more. The logs, which go on over lives, are what is printed: a task without one prints nothing. Interrupted (-ERR_CANCELLED), all
 * go on. */
int set_follow(struct run_set *, const struct ctx *, int *ret_exit, struct err *err);
/* They are stopped for good: in the foreground an interrupt is for them. */
int set_follow_stop(struct run_set *, struct err *err);
/* They have ended: their poststop tasks run, each as long as it takes when @patient, and what those printed is; then those jobs
 * that are not to stay are removed, the others settled. */
int set_follow_end(struct run_set *, bool patient, struct err *err);
