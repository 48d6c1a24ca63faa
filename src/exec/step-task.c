/* The steps "task" and "start". */
#include "job-steps.h"
#include "remains.h"
#include "tasks.h"
#include <string.h>

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
	run->call[S_TASK] = tasks_create_begin(run_ctrd(run), run->id, &run->mounts, io, NULL, ctx);
	return 0;
}

int task_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	struct ctx answer = answer_of(ctx);
	int r = tasks_create_end(TAKE_PTR(run->call[S_TASK]), &answer, &run->pid, err);

	if (r >= 0 && run->record && run->streams) /* its record has the size of the terminal that it was made on */
		streams_resize(run->streams, run->core, run->id, ctx);
	return r;
}

void task_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);
	pid_t pid;

	if (run->call[S_TASK])
		(void)tasks_create_end(TAKE_PTR(run->call[S_TASK]), &half, &pid, &unused);
	if (run_undo_connected(run) && remains_task(run->core, run->id, true, ctx, NULL, &err) < 0)
		run_undo_failed(run, &err);
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

	(void)ctx;
	run_give_up(run, S_START);
	ctrd_call_free(TAKE_PTR(run->wait));
}

void start_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	static const char *const how[] = { "in the foreground", "detached", "" };

	strv_pushf(out, "start: %s", how[run->opts->mode]);
}
