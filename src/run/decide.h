/* What can be said of a run before anything is started: its name, id, runtime, snapshotter, image's name, network and ports.
 * Internal to run. */
#pragma once
#include "job-state.h"

/* A copy that decisions may be written into. */
int run_copy_job(const struct job *, struct job **ret, struct err *err);
/* @ctx NULL: without asking containerd. -ERR_INVALID and what job_check() says. */
int run_decide(struct run *, const struct ctx *, struct err *err);
/* Keys that detach are those of one terminal: -ERR_INVALID where several tasks would share ours in the foreground. */
int run_check_keys(const struct run_opts *, size_t n_tasks, struct err *err);
/* The parts of a job that exists, @rec (taken) being its record: each task has one of its own. */
int run_load_records(struct run *, struct record *rec, const struct ctx *, struct err *err);
/* The same for a start of some of its tasks beside or after the others, for which nothing is decided anew: its id, and its user
 * namespace where it has one. */
int run_load(struct run *, struct record *rec, const struct ctx *, struct err *err);
