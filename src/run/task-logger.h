/* The davit-logger of a detached task, under another shim than davit's own: it writes the log, and others attach to it (attach.h).
 * The shim starts it (binary://). To what logs so containerd's shim gives no input, so for a task that wants some, and no terminal,
 * davit starts it itself, in a session of its own, as the reader of FIFOs. Internal to run. */
#pragma once
#include "job-state.h"

/* A log in the journal. */
struct logfile *task_logger_journal(const struct run_task *);

/* Sets the task's addresses; @dir is for its FIFOs. Nobody attaches to a task that has neither a log nor results, nor input, nor a
 * terminal: it has no logger. */
int task_logger_open(struct run_task *, const char *dir, struct err *err);
/* The task is not there, or its shim has opened what there is to open: a logger of our own that nobody writes to ends. */
void task_logger_leave(struct run_task *);
