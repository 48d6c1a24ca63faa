#include "poststop.h"
#include "claim.h"
#include "clock.h"
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
	job_later_nodes(g, run);
	return graph_run(g, &how, ctx, err);
}

static int poststop_start(struct run *run, const struct ctx *ctx, struct err *err)
{
	int lock, r = record_lock(run->core, run->id, &run->job->name, true, ctx, &lock, err);

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

/* Its time has gone by since @began, while others were waited for. */
static int poststop_await(struct run_task *t, int timeout, int64_t began, const struct ctx *ctx, struct err *err)
{
	const int seconds = timeout == -1 ? t->task->stop_timeout : timeout;
	const int64_t left = seconds * (int64_t)1000 - (clock_mono() - began) / NSEC_PER_MSEC;
	const struct ctx limit = timeout == POSTSTOP_PATIENT ? ctx_endless(ctx) : ctx_within(ctx, left > 0 ? left : 0);
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

/* Of one job; a zeroed one has none. */
struct poststop {
	struct record rec;
	struct run run;
	int64_t began;
};

static void poststop_begin(struct poststop *p, struct core *c, const char *id, const struct ctx *ctx)
{
	static const struct run_opts detached = { .mode = RUN_DETACHED };
	struct err err = ERR_INIT;
	int r;

	p->run = (struct run){ .core = c, .opts = &detached, .lock = -1, .stopping = true };
	r = record_find(c, id, ctx, &p->rec, &err);
	if (r < 0 && r != -ERR_NOT_FOUND)
		log_warn("job %s: whether it has poststop tasks is not known: %s", id, err.msg);
	if (r < 0 || !p->rec.job || !poststop_wanted(p->rec.job))
		return;
	if (run_load(&p->run, &p->rec, ctx, &err) < 0 || poststop_start(&p->run, ctx, &err) < 0)
		poststop_warn(&p->run, &err);
	p->began = clock_mono();
}

static void poststop_end(struct poststop *p, int timeout, const struct ctx *ctx)
{
	for (size_t i = 0; i < p->run.n_tasks; i++) {
		struct err err = ERR_INIT;

		if (is_last(&p->run.tasks[i]) && poststop_await(&p->run.tasks[i], timeout, p->began, ctx, &err) < 0)
			poststop_warn(&p->run, &err);
	}
	run_done(&p->run);
	record_done(&p->rec);
}

void poststop_of_jobs(struct core *c, const char *const *ids, size_t n, int timeout, const struct ctx *ctx)
{
	struct poststop *all = mem_array(struct poststop, n);

	for (size_t i = 0; i < n; i++)
		poststop_begin(&all[i], c, ids[i], ctx);
	for (size_t i = 0; i < n; i++)
		poststop_end(&all[i], timeout, ctx);
	free(all);
}
