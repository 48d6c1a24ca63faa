/* /dev/shm of tasks that share an IPC namespace ("ipc": "task:NAME"): memory that davit mounts for them, below RUN, while the job
 * runs; whoever settles or removes the job takes it away with its other files. Internal to run. */
#pragma once
#include "job-state.h"

/* For each namespace of the job that several tasks are in. */
int shared_shm_make(const struct run *, struct err *err);
/* The folder that is the task's /dev/shm; NULL: its own. The caller frees. */
char *shared_shm_path(const struct run_task *);
