#include "poststop.h"
#include "claim.h"
#include "crew.h"
#include "decide.h"
#include "job-name.h"
#include "job-steps.h"
#include "log.h"
#include "mapped.h"
#include "mem.h"
#include "places.h"
#include "task.h"

bool poststop_wanted(const struct job *job)
{
	for (size_t i = 0; i < job->n_tasks; i++)
		if (job->tasks[i].lifecycle == LIFE_POSTSTOP)
			return true;
	return false;
}

static bool is_last(const struct run_task *t) { return t->task->lifecycle == LIFE_POSTSTOP; }

static void poststop_warn(const struct run *run, const struct err *err)
{
	log_warn("job %s: poststop: %s", run->job->name, err->msg);
}

/* Under the lock. 1: all others are over, and none of them was started. */
static int poststop_due(const struct run *run, const struct ctx *ctx, struct err *err)
{
	bool ran = false;

	for (size_t i = 0; i < run->n_tasks; i++) {
		struct task_status t;
		int r = task_look(run->core, run->tasks[i].id, ctx, &t, err);

		if (r < 0)
			return r;
		if (is_last(&run->tasks[i]) ? t.state != TASK_ABSENT : !task_is_over(&t))
			return 0;
		ran |= t.state != TASK_ABSENT;
	}
	return ran; /* else it is settled: network and files are gone */
}

static int poststop_launch(struct run *run, const struct ctx *ctx, struct err *err)
{
	const struct graph_how how = { .loop = run->core->loop, .step_ms = JOB_CALL_MS, .goes_on = true };
	_cleanup_(graph_freep) struct graph *g = graph_new();

	run->stopping = true;
	job_poststop_nodes(g, run);
	return graph_run(g, &how, ctx, err);
}

static int poststop_start(struct run *run, const struct ctx *ctx, struct err *err)
{
	int lock, r = claim_lock(run->core, run->job->name, true, ctx, &lock, err);

	if (r < 0)
		return r;
	r = core_reconnect(run->core, err);
	if (r >= 0)
		r = poststop_due(run, ctx, err);
	if (r > 0)
		r = poststop_launch(run, ctx, err);
	claim_unlock(run->core, run->job->name, lock);
	return r;
}

static void say_exit(const struct run_task *t, const struct ctrd_exit *exit)
{
	if (exit->status)
		log_warn("job %s: poststop task %s ended with %u", t->run->job->name, t->task->name, exit->status);
}

int poststop_foreground(struct run *run, const struct ctx *ctx, struct err *err)
{
	const struct ctx own = ctx_uncancelled(ctx);
	struct err why = ERR_INIT;
	int r = poststop_start(run, &own, &why);

	if (r < 0)
		poststop_warn(run, &why);
	r = crew_run(run, run->core, ctx, err);
	for (size_t i = 0; r == STREAMS_EXITED && i < run->n_tasks; i++)
		if (is_last(&run->tasks[i]) && run->tasks[i].joined)
			say_exit(&run->tasks[i], &run->tasks[i].exit);
	return r;
}

/* without streams */

static int poststop_await(struct run_task *t, int timeout, const struct ctx *ctx, struct err *err)
{
	const int seconds = timeout == -1 ? t->task->stop_timeout : timeout;
	const struct ctx limit = timeout == POSTSTOP_PATIENT ? ctx_endless(ctx) : ctx_within(ctx, (int64_t)seconds * 1000);
	struct ctrd_exit exit = { 0 };
	int r = task_wait(t->core, t->id, NULL, &limit, &exit, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r == -ERR_DEADLINE && ctx_check(ctx, NULL) >= 0) {
		err_clear(err);
		log_warn("job %s: poststop task %s did not end in %d s, and is killed", t->run->job->name, t->task->name, seconds);
		return task_terminate(t->core, t->id, ctx, NULL, err);
	}
	if (r >= 0)
		say_exit(t, &exit);
	return r;
}

static int poststop_load(struct run *run, struct record *rec, const struct ctx *ctx, struct err *err)
{
	int r;

	run->job = TAKE_PTR(rec->job);
	run->id = mem_strdup(rec->c.id);
	run->snapshotter = mem_strdup(rec->c.snapshotter);
	r = run_load_records(run, rec, ctx, err);
	if (r >= 0)
		r = run_decide_users(run, err);
	if (r < 0 || !run->users)
		return r;
	run->netns = places_netns(run->id);
	return run_join_users(run, err);
}

void poststop_of_job(struct core *c, const char *id, int timeout, const struct ctx *ctx)
{
	static const struct run_opts detached = { .mode = RUN_DETACHED };
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(run_done) struct run run = { .core = c, .opts = &detached, .lock = -1, .stopping = true };
	struct err err = ERR_INIT;

	if (record_find(c, id, ctx, &rec, NULL) < 0 || !rec.job || !poststop_wanted(rec.job))
		return;
	if (poststop_load(&run, &rec, ctx, &err) < 0 || poststop_start(&run, ctx, &err) < 0)
		poststop_warn(&run, &err);
	err_clear(&err);
	for (size_t i = 0; i < run.n_tasks; i++)
		if (is_last(&run.tasks[i]) && poststop_await(&run.tasks[i], timeout, ctx, &err) < 0) {
			poststop_warn(&run, &err);
			err_clear(&err);
		}
}
