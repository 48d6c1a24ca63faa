/* The exit of a job of several tasks. */
#pragma once
#include "job.h"
#include "tasks.h"

/* Of the ends of its tasks (time 0: not known): its leader's, else its only main task's, else that of the main task which failed
 * first, else success at the time of the last. @job NULL: the first task's. Time 0: not known. */
struct ctrd_exit job_exit_of(const struct job *job, const struct ctrd_exit *tasks, size_t n);
