/* The steps "task" and "start". */
#include "job-steps.h"
#include "foreground.h"
#include "heir.h"
#include "orphans.h"
#include "remains.h"
#include "task.h"
#include <string.h>

enum { ANSWER_MS = 1500 };

/* task */

int task_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	const bool tty = run->task->tty;
	const struct ctrd_io detached = { NULL, run->log_uri, tty ? NULL : run->log_uri, tty };
	const struct ctrd_io *io = run->streams ? streams_io(run->streams) : &detached;
	int r = run_is_new(run) ? 0 : run_confine_again(run, ctx, err);

	if (r < 0)
		return r;
	run_label_root(run);
	run->call[S_TASK] = tasks_create_begin(run_ctrd(run), run->id, &run->mounts, io, NULL, ctx);
	foreground_heir(run);
	return 0;
}

int task_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = run_await(run, S_TASK, ctx, err);

	if (r >= 0)
		r = tasks_create_end(TAKE_PTR(run->call[S_TASK]), ctx, &run->pid, err);
	if (r >= 0 && run->record && run->streams) /* its record has the size of the terminal that it was made on */
		streams_resize(run->streams, run->core, run->id, ctx);
	return r;
}

/* A part of the time that is left, and no more than somebody bears who has pressed Ctrl-C. */
static struct ctx patience(const struct ctx *ctx)
{
	const int64_t part = ctx_left(ctx) / NSEC_PER_MSEC / 4;

	return ctx_within(ctx, part < ANSWER_MS ? part : ANSWER_MS);
}

/* The create has an answer in the end: when none comes, engine and shim are made to give one. True when they were. */
static bool await_create(struct run *run, const struct ctx *ctx)
{
	bool broken = false;
	struct err unused = ERR_INIT;
	pid_t pid;

	for (int hard = 0; run->call[S_TASK] && hard < 2; hard++) {
		struct ctx limit = patience(ctx);

		if (run_await(run, S_TASK, &limit, NULL) >= 0)
			break;
		broken = true;
		(void)task_break(run->core, run->id, hard, ctx, NULL);
	}
	if (run->call[S_TASK]) {
		struct ctx limit = patience(ctx);

		(void)tasks_create_end(TAKE_PTR(run->call[S_TASK]), &limit, &pid, &unused);
	}
	return broken;
}

/* All that belongs to a job stays while it is not known that nothing of it runs. */
static void undo_task(struct run *run, bool broken, const struct ctx *ctx)
{
	struct err err = ERR_INIT;
	int r;

	if (run->task_ended || !run_undo_connected(run))
		return;
	r = remains_task(run->core, run->id, ctx, &err);
	if (r >= 0 && broken)
		r = orphans_end_task(run->core, run->id, ctx, &err);
	run->task_ended = r >= 0;
	run->task_left = r < 0;
	if (r < 0)
		run_undo_failed(run, &err);
}

void task_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	bool broken = run_undo_connected(run) && await_create(run, ctx);

	undo_task(run, broken, ctx);
	if (run->task_ended && heir_tell(run->heir, HEIR_DONE, -1)) /* else it may run, and the heir reads what it says */
		heir_free(TAKE_PTR(run->heir));
}

void task_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	strv_pushf(out, "task: create in cgroup /%s/%s", run->core->conf.ns, run->id);
}

unsigned task_needs(const void *state)
{
	const struct run *run = state;

	return run->runtime.vm ? STEP(S_NETWORK) | STEP(S_HOSTS) : 0;
}

/* start */

int start_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	struct ctx forever = { 0 };

	(void)err;
	run->wait = tasks_wait_begin(run_ctrd(run), run->id, NULL, &forever);
	run->call[S_START] = tasks_start_begin(run_ctrd(run), run->id, NULL, ctx);
	return 0;
}

int start_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	pid_t pid;

	return tasks_start_end(TAKE_PTR(run->call[S_START]), ctx, &pid, err);
}

void start_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;

	run_give_up(run, S_START);
	ctrd_call_free(TAKE_PTR(run->wait));
	undo_task(run, false, ctx);
	if (!run->task_ended)
		run->task_left = true; /* it may have been started */
}

void start_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	static const char *const how[] = { "in the foreground", "detached", "" };

	strv_pushf(out, "start: %s", how[run->opts->mode]);
}
