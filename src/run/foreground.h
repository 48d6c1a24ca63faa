/* A job in the foreground from its start to its end, and what goes on behind our back: its output and its removal, by an heir.
 * Internal to run. */
#pragma once
#include "job-state.h"

/* Beside the creation of the task: the heir of a run that needs one. Without one a notice says what will be missed. */
void foreground_heir(struct run *);
/* Is a job that is to be in the foreground started detached, and its logs followed? One whose tasks are started again by
 * themselves: else each would be shown to the end of its first life. Not one in which tasks wait for others, whose output is to be
 * seen meanwhile. */
bool foreground_follows(const struct run *);
int foreground_follow(struct run *, const struct ctx *, struct run_result *ret, struct err *err);
/* After the start. */
int foreground_run(struct run *, const struct ctx *, struct run_result *ret, int64_t origin, struct err *err);
/* After the start of a detached job: with --rm the heir waits for its end. */
void foreground_leave(struct run *);
