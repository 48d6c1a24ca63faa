/* The step "healthy": a task that others wait for is well. */
#include "health-gate.h"
#include "job-steps.h"
#include "lend.h"
#include "monitored.h"
#include "retry.h"

bool healthy_wanted(const void *state)
{
	const struct run_task *t = state;

	return task_starts(t) && t->health_awaited;
}

static bool has_check(const struct task *t) { return task_is_checked(t); }

/* Of a job of several tasks that another job waits for those count that have a check. */
static bool is_spared(const struct run_task *t)
{
	for (size_t i = 0; i < t->run->n_tasks; i++)
		if (has_check(t->run->tasks[i].task))
			return !has_check(t->task) && t->run->set;
	return false;
}

int healthy_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;

	(void)ctx;
	if (is_spared(t))
		return 0;
	if (!has_check(t->task))
		return err_hint(err, err_set(err, ERR_INVALID, "has no health check, and others wait for its health"),
				"give it a healthcheck, or wait for its start");
	if (!monitored_asks(t->run->job)) /* then nobody would make the checks */
		return 0;
	t->gate = health_gate_new(t->core, t->run->id, t->id, t->run->job, t->index, run_lends(t->run) && !t->health_awaited_here);
	return GRAPH_LONG;
}

/* It has ended, and is going to be started again. */
static bool healthy_is_between_lives(const struct run_task *t)
{
	struct ctrd_exit unused;

	return t->retry && health_gate_ended(t->gate, &unused);
}

bool healthy_ready(const void *state, unsigned number)
{
	const struct run_task *t = state;

	(void)number;
	return health_gate_ready(t->gate) || (healthy_is_between_lives(t) && retry_ready(t->retry));
}

/* The job's lock is held by its start, so that its monitor does not: we do. Not what others have joined: they would be left in the
 * namespaces of its first life; nor what is removed at its end: who waits for that knows the first life alone. */
static bool is_retried(const struct run_task *t)
{
	return t->health_awaited_here && !t->awaited && !t->joined_by && !t->run->job->remove;
}

/* It has ended: 0 where it is going to be started again. */
static int healthy_retry(struct run_task *t, int r, struct err *err)
{
	if (r != -ERR_ABORTED || !is_retried(t) || !health_gate_ended(t->gate, &t->exit) || retry_begin(t) <= 0)
		return r;
	err_clear(err);
	return 0;
}

static int healthy_go_on(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	int r = retry_go_on(t->retry, ctx, err);

	if (r <= 0)
		return r;
	health_gate_next_life(t->gate);
	monitored_poke(t->core, t->run->id); /* who makes the checks sees its new life */
	return 0;
}

int healthy_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	int r = healthy_is_between_lives(t) ? healthy_go_on(t, ctx, err) : 0;

	if (r >= 0)
		r = healthy_retry(t, health_gate_look(t->gate, ctx, err), err);
	if (r == 0)
		return GRAPH_LONG;
	health_gate_free(TAKE_PTR(t->gate));
	return r < 0 ? r : 0;
}

void healthy_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;

	(void)ctx;
	health_gate_free(TAKE_PTR(t->gate));
	retry_free(TAKE_PTR(t->retry));
}
