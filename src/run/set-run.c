/* Theory of operation: each job is a run (job-state.h) whose nodes stand in one graph with those of the others. A job that waits
 * for another has one edge more: its step "files", with which begins what looks into volumes, needs all of the other's start, or,
 * where it waits for the end, a node "end" that the other gets for that. While it waits for the other's health, that one's lock is
 * lent to its monitor (lend.h). So a failure anywhere is one rollback of everything. */
#include "set-run.h"
#include "cidfile.h"
#include "clock.h"
#include "decide.h"
#include "foreground.h"
#include "job-steps.h"
#include "lend.h"
#include "mem.h"
#include "set-follow.h"
#include "set-state.h"
#include "monitored.h"
#include "recovery.h"
#include "task-wait.h"
#include "unheeded.h"
#include <string.h>

enum { PICKS_MAX = 50 };

void set_result_done(struct set_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		run_result_done(&r->jobs[i]);
	free(r->jobs);
	*r = (struct set_result){ 0 };
}

/* end: a job that others wait for has ended, with success */

struct set_end {
	struct run *run;
	struct task_wait **waits; /* by task; NULL: nobody waits for that one */
	bool wanted;
	size_t node;
	bool lends; /* others wait for its health */
};

static void set_end_done(struct set_end *e)
{
	for (size_t i = 0; e->waits && i < e->run->n_tasks; i++)
		task_wait_free(e->waits[i]);
	free(e->waits);
}

static int end_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct set_end *e = state;

	(void)ctx;
	(void)err;
	e->waits = mem_array(struct task_wait *, e->run->n_tasks);
	for (size_t i = 0; i < e->run->n_tasks; i++) {
		struct run_task *t = &e->run->tasks[i];

		if (!t->task->sidecar)
			e->waits[i] = task_wait_new(e->run->core, t->id, NULL, TAKE_PTR(t->wait));
	}
	return GRAPH_LONG;
}

static bool end_ready(const void *state, unsigned number)
{
	const struct set_end *e = state;

	(void)number;
	for (size_t i = 0; i < e->run->n_tasks; i++)
		if (e->waits[i] && !task_wait_over(e->waits[i]))
			return false;
	return true;
}

static int end_finish(void *state, const struct ctx *ctx, struct err *err)
{
	struct set_end *e = state;

	(void)ctx;
	for (size_t i = 0; i < e->run->n_tasks; i++) {
		struct ctrd_exit exit = { 0 };
		int r = e->waits[i] ? task_wait_result(e->waits[i], &exit, err) : 0;

		if (r >= 0 && exit.status)
			r = err_set(err, ERR_ABORTED, "others wait for its success, and it has exited with %u", exit.status);
		if (r < 0)
			return *e->run->tasks[i].task->name ? err_wrap(err, r, "task %s", e->run->tasks[i].task->name) : r;
	}
	return 0;
}

static const struct graph_kind end_kind = { .name = "end", .begin = end_begin, .ready = end_ready, .finish = end_finish };

/* a set */

static void run_set_done(struct run_set *set)
{
	for (size_t i = 0; set->ends && i < set->n; i++)
		set_end_done(&set->ends[i]);
	free(set->ends);
	for (size_t i = 0; set->runs && i < set->n; i++)
		run_done(&set->runs[i]);
	free(set->runs);
}

static size_t run_index(const struct run_set *set, const char *name)
{
	size_t i = 0;

	while (i < set->n && strcmp(set->runs[i].job->name, name) != 0)
		i++;
	return i;
}

/* In the order of the set: who chooses a port sees those of all before it, and what others fix. */
static int set_decide(struct run_set *set, const struct ctx *ctx, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < set->n; i++) {
		struct run *run = &set->runs[i];

		*run = (struct run){ .core = set->core, .opts = &set->opts, .lock = -1, .set = set };
		r = run_copy_job(&set->jobs->jobs[i], &run->job, err);
	}
	for (size_t i = 0; r >= 0 && i < set->n; i++) {
		r = run_decide(&set->runs[i], ctx, err);
		if (r < 0 && set->runs[i].job->name)
			(void)err_wrap(err, r, "job %s", set->runs[i].job->name);
	}
	return r;
}

static void wait_for(struct run_set *set, struct graph *g, const struct job_nodes *nodes, size_t i, const struct depend *on)
{
	const size_t other = run_index(set, on->name);
	struct set_end *e = &set->ends[other];

	if (on->when == DEPEND_HEALTHY) {
		job_nodes_need_health_of(g, job_nodes_waiting(&nodes[i]), &nodes[other], &set->runs[other]);
		if (!e->lends)
			lend_node(g, &set->runs[other], &nodes[other]);
		e->lends = true;
		return;
	}
	if (on->when != DEPEND_COMPLETED) {
		job_nodes_need_start_of(g, job_nodes_waiting(&nodes[i]), &nodes[other]);
		return;
	}
	if (!e->wanted) {
		e->run = &set->runs[other];
		e->wanted = true;
		e->node = graph_add(g, &end_kind, set->runs[other].whose, e);
		job_nodes_need_start_of(g, e->node, &nodes[other]);
	}
	graph_need(g, job_nodes_waiting(&nodes[i]), e->node, NULL);
}

/* Not beside jobs that are removed at their end: they are never lent; nor where others wait for one's success: a recovery that
 * stops it would be its failure. */
static bool set_recovers(const struct run_set *set)
{
	bool several = false;

	for (size_t i = 0; i < set->n; i++) {
		if (set->runs[i].job->remove || set->ends[i].wanted)
			return false;
		several |= set->ends[i].lends && recovery_is_of_several(set->runs[i].job);
	}
	return several && set->opts.set;
}

static struct graph *set_graph(struct run_set *set)
{
	_cleanup_free_ struct job_nodes *nodes = mem_array(struct job_nodes, set->n);
	struct graph *g = graph_new();

	set->ends = mem_array(struct set_end, set->n);
	for (size_t i = 0; i < set->n; i++)
		job_start_nodes(g, &set->runs[i], &nodes[i]);
	for (size_t i = 0; i < set->n; i++) {
		const struct job *j = set->runs[i].job;

		for (size_t k = 0; k < j->n_depends_on; k++)
			wait_for(set, g, nodes, i, &j->depends_on[k]);
	}
	set->recovers = set_recovers(set);
	for (size_t i = 0; set->recovers && i < set->n; i++)
		if (!set->ends[i].lends)
			lend_node(g, &set->runs[i], &nodes[i]);
	return g;
}

static void end_run(struct run *run, struct run_result *ret)
{
	lend_over(run);
	claim_unlock(run->core, run->job->name, TAKE_FD(run->lock));
	ret->name = mem_strdup(run->job->name);
	ret->id = mem_strdup(run->id);
	if (run_starts(run))
		monitored_started(run->core, run->job, run->id);
	foreground_heir(run);
}

static int set_execute(struct run_set *set, const struct ctx *ctx, struct set_result *ret, struct err *err)
{
	_cleanup_(graph_freep) struct graph *graph = set_graph(set);
	const struct graph_how how = { .loop = set->core->loop,
				       .step_ms = set->core->conf.call_ms ? set->core->conf.call_ms : JOB_CALL_MS,
				       .undo_ms = set_undo_ms(set) };
	const int64_t origin = clock_mono();
	int r = cidfile_write(set->opts.cidfile, set->runs, set->n, err);

	if (r < 0)
		return r;
	r = graph_run(graph, &how, ctx, err);
	for (size_t i = 0; i < set->n; i++)
		set->lost_pick |= set->runs[i].lost_pick;
	if (r < 0) {
		cidfile_undo(set->opts.cidfile);
		return r;
	}
	run_report_timing(graph, set->opts.timing, origin);
	ret->jobs = mem_array(struct run_result, set->n);
	for (ret->n = 0; ret->n < set->n; ret->n++)
		end_run(&set->runs[ret->n], &ret->jobs[ret->n]);
	if (set->foreground)
		r = set_stay(set, ctx, &ret->exit_code, err);
	else
		set_leave(set);
	return r < 0 ? r : 0;
}

static int set_run_once(struct core *core, const struct jobset *jobs, const struct run_opts *opts, const struct ctx *ctx,
			struct set_result *ret, bool *ret_lost, struct err *err)
{
	_cleanup_(run_set_done) struct run_set set = { .core = core, .jobs = jobs, .opts = *opts, .n = jobs->n_jobs };
	int r;

	set.opts.set = jobs->name;
	set.foreground = opts->mode == RUN_FOREGROUND;
	if (set.foreground)
		set.opts.mode = RUN_DETACHED; /* each writes its log; those are followed */
	set.runs = mem_array(struct run, set.n);
	r = set_decide(&set, ctx, err);
	if (r >= 0)
		r = set_check(&set, ctx, err);
	if (r >= 0)
		r = set_execute(&set, ctx, ret, err);
	*ret_lost = set.lost_pick;
	return r;
}

int set_run(struct core *core, const struct jobset *jobs, const struct run_opts *opts, const struct ctx *ctx,
	    struct set_result *ret, struct err *err)
{
	bool lost = false;
	int r = jobset_check(jobs, err);

	if (r >= 0)
		r = run_check_keys(opts, jobs->n_jobs, err);
	if (r >= 0)
		unheeded_say(core, jobs->jobs, jobs->n_jobs, opts->mode == RUN_FOREGROUND);
	if (r >= 0)
		r = set_run_once(core, jobs, opts, ctx, ret, &lost, err);
	for (int i = 0; r < 0 && lost && i < PICKS_MAX && ctx_check(ctx, NULL) >= 0; i++) {
		err_clear(err);
		r = set_run_once(core, jobs, opts, ctx, ret, &lost, err);
	}
	return r < 0 ? err_wrap(err, r, "run %s", jobs->name ? jobs->name : "jobs") : 0;
}
