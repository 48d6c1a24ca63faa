/* The tasks of a job of several in the foreground: the output of all, each line with its task's name before it; signals go to all;
 * what has to end with others is ended. Internal to run. */
#pragma once
#include "job-state.h"

/* What streams of task number @task have beyond what a job of one task has. Borrowed from @run. */
void crew_conf(struct run *run, size_t task, struct streams_conf *);
/* From the start of a task on its output is copied, while others still wait for their start. */
void crew_join(struct run_task *);
/* Until all that have started have ended and their output is drained: STREAMS_EXITED, with the exit of each in its part; or as
 * streams_run(). @core is the run's, or the heir's. */
int crew_run(struct run *, struct core *core, const struct ctx *, struct err *err);
/* The same of detached tasks, those that have joined: in the heir, whose core it is. 0 once all have ended. */
int crew_wait(struct run *, struct core *core, struct err *err);
/* Of what both of them do the part that is not waiting, for who sees itself which tasks are gone: what a leader's or the main
 * tasks' end ends is stopped, once. 1: it was. */
int crew_stop_others(struct run *, struct core *core, struct err *err);
/* We end before they do: the heir goes on. */
void crew_leave(struct run *);
void crew_signal(struct run *, int sig);
/* The job's exit code. */
int crew_exit_code(const struct run *);
