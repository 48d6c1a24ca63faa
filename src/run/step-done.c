/* The step "done": a task that others wait for has ended, and well. Its output is copied meanwhile. */
#include "crew.h"
#include "job-order.h"
#include "job-steps.h"
#include "retry.h"

/* Is it in the way of a task that starts? */
bool done_wanted(const void *state)
{
	const struct run_task *t = state;

	return task_starts(t) && t->awaited;
}

int done_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;

	(void)ctx;
	(void)err;
	if (!t->joined)
		t->waiting = task_wait_new(t->core, t->id, NULL, TAKE_PTR(t->wait));
	return GRAPH_LONG;
}

bool done_ready(const void *state, unsigned number)
{
	const struct run_task *t = state;

	(void)number;
	if (t->retry && !t->waiting)
		return retry_ready(t->retry);
	return t->waiting ? task_wait_over(t->waiting) : streams_ended(t->streams);
}

/* What it has said is to be seen before what comes after it. */
static int done_drain(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	int r;

	while ((r = streams_go_on(t->streams, &t->exit, err)) == 0) {
		r = loop_turn(t->core->loop, ctx, err);
		if (r < 0)
			return r;
	}
	t->gone = r == STREAMS_EXITED || r == -ERR_NOT_FOUND;
	return r < 0 ? r : r == STREAMS_EXITED ? 0 : err_set(err, ERR_CANCELLED, "nobody reads what it writes");
}

/* It has failed. */
static int done_again(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	int r = retry_go_on(t->retry, ctx, err);

	if (r > 0)
		t->waiting = task_wait_new(t->core, t->id, NULL, NULL);
	return r < 0 ? r : GRAPH_LONG;
}

int done_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	int r;

	if (t->retry && !t->waiting)
		return done_again(t, ctx, err);
	r = t->waiting ? task_wait_result(t->waiting, &t->exit, err) : done_drain(t, ctx, err);
	task_wait_free(TAKE_PTR(t->waiting));
	if (r < 0)
		return r;
	if (t->exit.status && retry_begin(t) > 0)
		return GRAPH_LONG;
	if (t->exit.status)
		return err_set(err, ERR_ABORTED, "ended with %u, and other tasks wait for its success", t->exit.status);
	return 0;
}

void done_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;

	(void)ctx;
	task_wait_free(TAKE_PTR(t->waiting));
	retry_free(TAKE_PTR(t->retry));
}
