/* A set in the foreground, once it is started: what its tasks print, each line with its job's name before it, until all are over
 * for good (job-ends.h), whoever starts them again meanwhile. Internal to run. */
#pragma once
#include "set-state.h"

/* The logs, which go on over lives, are what is printed: a task without one prints nothing. An interrupt is for all, and stops them
 * for good. When they have ended their poststop tasks run, and what those printed is; then those jobs that are not to stay are
 * removed, the others settled. 0: *ret_exit is the first exit of a last life that is no success, in the order of the set, or of the
 * interrupt; STREAMS_UNREAD: nobody reads any more; STREAMS_DETACHED, of one job whose signals are not handed on: all go on. */
int set_stay(struct run_set *, const struct ctx *, int *ret_exit, struct err *err);
/* They go on without us. */
void set_leave(struct run_set *);
