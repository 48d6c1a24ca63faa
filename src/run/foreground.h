/* A job in the foreground from its start to its end, and what goes on behind our back: its output and its removal, by an heir.
 * Internal to run. */
#pragma once
#include "job-state.h"

/* Beside the creation of the task: the heir of a run that needs one. Without one a notice says what will be missed. */
void foreground_heir(struct run *);
/* After the start. */
int foreground_run(struct run *, const struct ctx *, struct run_result *ret, int64_t origin, struct err *err);
/* After the start of a detached job: with --rm the heir waits for its end. */
void foreground_leave(struct run *);
