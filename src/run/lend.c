#include "lend.h"
#include "claim.h"
#include "job-steps.h"
#include "mem.h"
#include "monitored.h"
#include "recovery.h"
#include "set-state.h"
#include <string.h>

bool run_lends(const struct run *run)
{
	const struct job *j = run->job;

	if (!run->set || j->remove || !run_starts(run))
		return false;
	return run->set->recovers || (monitored_may_restart(j) && (!recovery_is_of_several(j) || !run->set->opts.set));
}

static bool lend_wanted(const void *state) { return run_lends(state); }

static int lend_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	(void)ctx;
	(void)err;
	run->lent = true;
	claim_unlock(run->core, run->job->name, TAKE_FD(run->lock));
	monitored_started(run->core, run->job, run->id);
	return 0;
}

/* It may be called otherwise by now, or be gone: then what has its name is another's. */
static int lend_take_back(struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_get(run->core, run->id, ctx, &rec, err);

	if (r >= 0)
		r = monitored_stop(run->core, &rec, ctx, err);
	if (r >= 0)
		r = record_lock(run->core, run->id, &run->job->name, true, ctx, &run->lock, err);
	if (r < 0)
		return r;
	free(run->lease);
	run->lease = claim_lease_id(run->job->name);
	record_done(&rec);
	rec = (struct record){ 0 };
	return record_get(run->core, run->id, ctx, &rec, err);
}

static void lend_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT;
	int r;

	if (!run->lent)
		return;
	for (size_t i = 0; i < run->n_tasks; i++) /* its monitor has those run that come last once it is stopped */
		run->tasks[i].asked = true;
	r = run_undo_connected(run) ? lend_take_back(run, ctx, &err) : -ERR_UNAVAILABLE;
	if (r >= 0) {
		run->lent = false;
		return;
	}
	run->claim = CLAIM_TAKEN;
	for (size_t i = 0; r != -ERR_NOT_FOUND && i < run->n_tasks; i++)
		run->tasks[i].left = true;
	if (r != -ERR_NOT_FOUND && *err.msg)
		run_undo_failed(run, &err);
}

static const struct graph_kind lend_kind = { .name = "lend", .wanted = lend_wanted, .begin = lend_begin, .undo = lend_undo };

void lend_node(struct graph *g, struct run *run, const struct job_nodes *of)
{
	job_nodes_need_start_of(g, graph_add(g, &lend_kind, run->whose, run), of);
}

void lend_over(struct run *run)
{
	for (size_t i = 0; run->lent && i < run->n_tasks; i++)
		if (run->tasks[i].wait && ctrd_call_ready(run->tasks[i].wait))
			ctrd_call_free(TAKE_PTR(run->tasks[i].wait));
}
