/* What the tasks of a job are to each other: which speaks for it. */
#pragma once
#include "job.h"

/* Is its exit the job's matter? */
bool task_decides(const struct task *);
/* The task that speaks for the job: its leader, else its first main task. */
size_t job_main_task(const struct job *);
/* job->n_tasks: there is none of that name. */
size_t job_find_task(const struct job *, const char *name);
