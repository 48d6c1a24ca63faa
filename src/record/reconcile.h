/* Cleaning up after a davit that died: its claims whose lock is free, and whose job neither runs nor was ever complete (a
 * --rm job is so only while it is created), are prey. A job that runs is never touched. */
#pragma once
#include "record.h"

/* @name, whose lock the caller holds: 1 when it was prey and is gone (or there was nothing), 0 when it is a job. */
int reconcile_name(struct core *, const char *name, const struct ctx *, struct err *err);
/* Does the job of claim @lease in namespace @ns run? 1: it does; 0: its ports can be had, by reconcile_port(). */
int reconcile_runs(struct core *, const char *ns, const struct ctrd_lease *lease, const struct ctx *, struct err *err);
/* The job of claim @lease in namespace @ns holds a port: 1 when its network is released, since it is prey or has
 * ended; 0 when it runs, or somebody is at work on it. Waits for the end of a removal that is under way. */
int reconcile_port(struct core *, const char *ns, const struct ctrd_lease *lease, const struct ctx *, struct err *err);
/* Names whose lock file was left: cheap when there is none. For who has just removed a job, and has time. */
void reconcile_locks(struct core *, const struct ctx *);
/* All prey of the namespace, what plugins could not delete when jobs ended, and lock files that were left; adds a line for
 * each to @removed. @dry_run: only says so. */
int reconcile_all(struct core *, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);
