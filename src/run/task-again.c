#include "task-again.h"
#include "claim.h"
#include "clock.h"
#include "decide.h"
#include "job-steps.h"
#include "mem.h"
#include "mend.h"
#include "monitored.h"
#include "remains.h"
#include "stop.h"
#include <string.h>

/* Under the lock. 1: it is due. */
static int again_due(struct run *run, struct record *rec, size_t task, struct task_status **ret, const struct ctx *ctx,
		     struct err *err)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r = record_get(run->core, run->id, ctx, rec, err);

	if (r >= 0)
		r = monitored_ask(run->core, rec, ctx, ret, &m, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	return m.state != MONITORED_NOTHING && m.state != MONITORED_ENDED && !m.whole && !m.stranded && task < m.n &&
	       m.tasks[task].state == MONITORED_DUE;
}

/* Before the start: killed after it, nobody would know of it. What it was started for is over then, as its next end will be. */
static int again_count(const struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	struct restarts s = { 0 };
	char text[RESTARTS_TEXT], name[MONITORED_LABEL], now[CLOCK_TEXT];
	const size_t i = run->only->index;

	(void)restarts_parse(dict_get(&run->records[0].c.labels, monitored_label(RECORD_RESTARTS, i, name)), &s, NULL);
	restart_begun(&s);
	dict_set(&labels, name, restarts_text(&s, text));
	dict_set(&labels, monitored_label(RECORD_BEGUN, i, name), clock_rfc3339(clock_wall(), now));
	dict_set(&labels, monitored_label(RECORD_TROUBLE, i, name), "");
	dict_set(&labels, monitored_label(RECORD_DONE, i, name), "");
	return containers_set_labels(run->core->ctrd, run->id, &labels, ctx, err);
}

/* Whoever stopped the job meanwhile may have found nothing of it that runs. */
static int again_check_stopped(struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ bool *which = mem_array(bool, run->n_tasks);
	_cleanup_(record_done) struct record now = { 0 };
	int r = record_get(run->core, run->id, ctx, &now, err);

	if (r < 0 || !dict_get(&now.c.labels, RECORD_STOPPED))
		return r < 0 ? r : 0;
	which[run->only->index] = true;
	return stop_tasks(run->core, &now, -1, which, ctx, err);
}

static int again_launch(struct run *run, const struct ctx *ctx, struct err *err)
{
	const struct graph_how how = { .loop = run->core->loop, .step_ms = JOB_CALL_MS, .undo_ms = run_undo_ms(run->core) };
	_cleanup_(graph_freep) struct graph *g = graph_new();
	int r = again_count(run, ctx, err);

	if (r >= 0) /* its spec says where that is */
		r = mend_netns(run->core, run->id, run->job, ctx, err);
	if (r >= 0)
		r = remains_task(run->core, run->only->id, ctx, err);
	if (r < 0)
		return r;
	job_later_nodes(g, run);
	r = graph_run(g, &how, ctx, err);
	return r < 0 ? r : again_check_stopped(run, ctx, err);
}

static int again_locked(struct run *run, size_t task, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ struct task_status *others = NULL;
	_cleanup_(record_done) struct record rec = { 0 };
	int r = again_due(run, &rec, task, &others, ctx, err);

	if (r <= 0)
		return r;
	free(TAKE_PTR(run->id)); /* it is the record's from here on */
	r = run_load(run, &rec, ctx, err);
	if (r < 0)
		return r;
	run->only = &run->tasks[task];
	for (size_t i = 0; i < run->n_tasks; i++) /* whose namespaces it may join */
		run->tasks[i].pid = task_may_live(&others[i]) ? others[i].pid : 0;
	return again_launch(run, ctx, err);
}

int task_start_again(struct core *core, const char *id, size_t task, const struct ctx *ctx, struct err *err)
{
	static const struct run_opts detached = { .mode = RUN_DETACHED, .why = START_AGAIN };
	_cleanup_(run_done) struct run run = { .core = core, .opts = &detached, .lock = -1 };
	_cleanup_(record_done) struct record rec = { 0 };
	int lock = -1, r = record_get(core, id, ctx, &rec, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	r = record_lock(core, id, &rec.name, true, ctx, &lock, err);
	if (r < 0)
		return r;
	run.id = mem_strdup(id);
	r = again_locked(&run, task, ctx, err);
	claim_unlock(core, rec.name, lock);
	monitored_poke(core, id); /* for those who wait for it, too */
	return r < 0 ? err_wrap(err, r, "start task %zu of job %s again", task, rec.name) : 0;
}

/* Since the start of @run was begun. */
static bool is_stopped_since(const struct run *run, const struct record *now)
{
	const char *had = run->records ? dict_get(&run->records[0].c.labels, RECORD_STOPPED) : NULL,
		   *has = dict_get(&now->c.labels, RECORD_STOPPED);

	return has && (!had || strcmp(has, had) != 0);
}

static int within_load(const struct run *run, struct record *ret, const struct ctx *ctx, struct err *err)
{
	int r = record_get(run->core, run->id, ctx, ret, err);

	if (r >= 0 && !ret->job)
		return err_set(err, ERR_DATA_LOSS, "its record is not davit's, or cannot be read");
	if (r >= 0 && is_stopped_since(run, ret))
		return err_set(err, ERR_ABORTED, "it was stopped meanwhile");
	return r;
}

int task_again_wanted(const struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record unused = { 0 };

	return within_load(run, &unused, ctx, err);
}

int task_start_within(const struct run *outer, size_t task, const struct restarts *counts, const struct ctx *ctx, struct err *err)
{
	static const struct run_opts detached = { .mode = RUN_DETACHED, .why = START_AGAIN };
	_cleanup_(run_done) struct run run = { .core = outer->core, .opts = &detached, .lock = -1 };
	_cleanup_(record_done) struct record rec = { 0 };
	char text[RESTARTS_TEXT], name[MONITORED_LABEL];
	int r = within_load(outer, &rec, ctx, err);

	if (r >= 0)
		r = run_load(&run, &rec, ctx, err);
	if (r < 0)
		return r;
	dict_set(&run.records[0].c.labels, monitored_label(RECORD_RESTARTS, task, name), restarts_text(counts, text));
	run.only = &run.tasks[task];
	for (size_t i = 0; i < run.n_tasks; i++)
		run.tasks[i].pid = outer->tasks[i].pid;
	return again_launch(&run, ctx, err);
}
