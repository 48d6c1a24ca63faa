/* The lock of a job's name while others of its set wait for the job's health: all of it has started, so nobody needs the lock, but
 * its monitor does to start it again when it ends. Before it is taken back, the job is stopped, and the lock is had again: so a
 * rollback ends what there is, and never meets a start. Internal to run. */
#pragma once
#include "job-state.h"

/* May its lock be lent? Where it may be started again by itself; and in a set that recovers (set-state.h), where a recovery of
 * several takes others along. */
bool run_lends(const struct run *);
/* In a graph of several jobs, once all of @run has started, whose nodes are @of. */
void lend_node(struct graph *, struct run *run, const struct job_nodes *of);
/* Others wait for its health no more: who waits for its end waits for that of its life now. */
void lend_over(struct run *);
