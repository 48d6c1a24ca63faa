/* A task whose success, or health, others of its job wait for, while the job starts: one that fails is started again by its own
 * restart policy, as Nomad does with a prestart task, until it succeeds or has none of its attempts left. Nobody else does
 * meanwhile: the job's lock is held by the start. What it prints from then on is in its log alone, as after any restart. Internal
 * to run. */
#pragma once
#include "job-state.h"

struct retry;
void retry_free(struct retry *);
DEFINE_CLEANUP(struct retry, retry_free)

/* It has ended with t->exit. 1: it is going to be started again, t->retry says when; 0: its policy has it stay so. */
int retry_begin(struct run_task *);
/* Would retry_go_on() do something? */
bool retry_ready(const struct retry *);
/* 1: it was started again; 0: its time has not come. -ERR_ABORTED: somebody has stopped the job. */
int retry_go_on(struct retry *, const struct ctx *, struct err *err);
