/* Several runs beside each other. Internal to run. */
#pragma once
#include "job-state.h"
#include "jobset.h"

struct run_set {
	struct core *core;
	const struct jobset *jobs;
	struct run_opts opts; /* of each of them */
	struct run *runs;     /* in the order of the set */
	size_t n;
	struct set_end *ends; /* of those that others wait for; by run */
	bool foreground;
	bool recovers;  /* what others wait for may take more of the set along when it fails meanwhile: the locks of all are lent */
	bool alone;     /* one job, which is no set's: its tasks are called by their own names, and get our signals */
	bool lost_pick; /* somebody else was faster with a port that was chosen */
};

/* All that start together, @run among them. */
static inline struct run *run_peers(const struct run *run, size_t *ret_n)
{
	*ret_n = run->set ? run->set->n : 1;
	return run->set ? run->set->runs : (struct run *)(uintptr_t)run;
}

enum { UNDO_JOBS = 8 }; /* whose rollback, or removal, has the time of one */
static inline int64_t set_undo_ms(const struct run_set *set) { return run_undo_ms(set->core) * (1 + (int64_t)set->n / UNDO_JOBS); }

/* set-check.c: are names and ports of all, which are decided, free of each other and of what is here? */
int set_check(struct run_set *, const struct ctx *, struct err *err);
