/* The steps "task" and "start". */
#include "job-steps.h"
#include "job-cgroup.h"
#include "job-checkpoint.h"
#include "cgroup.h"
#include "crew.h"
#include "dev-null.h"
#include "engine-words.h"
#include "file-disk.h"
#include "foreground.h"
#include "heir.h"
#include "held.h"
#include "joined.h"
#include "kata.h"
#include "mapped.h"
#include "mem.h"
#include "orphans.h"
#include "remains.h"
#include "shim.h"
#include "shim-streams.h"
#include <string.h>

enum { ANSWER_MS = 1500 };

static int task_explain(const struct run_task *t, int r, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };

	if (r >= 0)
		return r;
	spec_args(t->task, &t->image->config, &args);
	return exec_error(args.n ? args.v[0] : "", t->task->bundle ? "bundle" : "image", r, err);
}

/* task */

static void task_drop_mounts(struct run_task *t)
{
	mapped_drop(t);
	held_drop(t);
}

/* In what the engine says, too: it was given our places. */
static int task_rename(const struct run_task *t, int r, struct err *err)
{
	if (r < 0) {
		mapped_rename(t, err);
		held_rename(t, err);
	}
	return r;
}

/* Who looks at the files of its life before has that disk mounted: containerd's shims would not see it. */
static int task_await_disk(const struct run_task *t, const struct ctx *ctx, struct err *err)
{
	const char *file = file_disk(&t->mounts);

	return file && !shim_reuses_disk(t) ? file_disk_await(t->run->core->loop, file, ctx, err) : 0;
}

int task_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	const bool tty = t->task->tty;
	const struct ctrd_io detached = { t->in_uri, t->log_uri, tty ? NULL : t->err_uri ? t->err_uri : t->log_uri, tty };
	const struct ctrd_io *io = t->streams ? streams_io(t->streams) : &detached;
	_cleanup_(ctrd_any_done) struct ctrd_any restore = { 0 };
	const char *frozen = t->run->opts->checkpoint;
	int r = frozen && t->record ? checkpoint_options(&t->record->c.runtime_options, frozen, &restore, err) : 0;

	if (r >= 0)
		r = task_await_disk(t, ctx, err);
	if (r >= 0 && !run_is_new(t->run))
		r = run_confine_again(t, ctx, err);

	if (r >= 0 && !run_is_new(t->run))
		r = joined_again(t, ctx, err);
	if (r >= 0)
		r = held_again(t, err);
	if (r >= 0)
		r = mapped_make(t, err);
	if (r < 0) {
		task_drop_mounts(t); /* a task that others go on without is not rolled back */
		return task_rename(t, r, err);
	}
	run_label_root(t);
	t->asked = true;
	t->call[S_TASK] = tasks_create_begin(run_ctrd(t->run), t->id, &t->mounts, io, frozen ? &restore : NULL, ctx);
	if (t->run->n_tasks == 1 && !t->run->set && !shim_is_heir(t->run))
		foreground_heir(t->run);
	return 0;
}

/* Kata's own words for a device that is not there are those of its hypervisor, if any. */
static int vm_error(const struct run *run, int r, struct err *err)
{
	struct err why = ERR_INIT;

	if (r != -ERR_UNKNOWN || !run->runtime.vm || kata_check_devices("", &why) >= 0)
		return r;
	(void)err_hint(err, r, "%s", why.hint);
	return err_wrap(err, r, "%s", why.msg);
}

int task_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	int r = task_await(t, S_TASK, ctx, err);

	if (r >= 0)
		r = tasks_create_end(TAKE_PTR(t->call[S_TASK]), ctx, &t->pid, err);
	dev_null_keep();
	run_close_fifos(t);
	task_drop_mounts(t);
	r = task_rename(t, vm_error(t->run, limit_error(task_explain(t, r, err), err), err), err);
	if (r >= 0 && t->record && t->streams) /* its record has the size of the terminal that it was made on */
		streams_resize(t->streams, t->core, t->id, ctx);
	return r;
}

/* A part of the time that is left, and no more than somebody bears who has pressed Ctrl-C. */
static struct ctx patience(const struct ctx *ctx)
{
	const int64_t part = ctx_left(ctx) / NSEC_PER_MSEC / 4;

	return ctx_within(ctx, part < ANSWER_MS ? part : ANSWER_MS);
}

/* The create has an answer in the end: when none comes, engine and shim are made to give one. True when they were. */
static bool await_create(struct run_task *t, const struct ctx *ctx)
{
	bool broken = false;
	struct err unused = ERR_INIT;
	pid_t pid;

	for (int hard = 0; t->call[S_TASK] && hard < 2; hard++) {
		struct ctx limit = patience(ctx);

		if (task_await(t, S_TASK, &limit, NULL) >= 0)
			break;
		broken = true;
		(void)task_break(t->core, t->id, hard, ctx, NULL);
	}
	if (t->call[S_TASK]) {
		struct ctx limit = patience(ctx);

		(void)tasks_create_end(TAKE_PTR(t->call[S_TASK]), &limit, &pid, &unused);
	}
	return broken;
}

/* crun leaves it when it cannot set one of its limits. */
static bool left_cgroup(const struct run_task *t) { return job_cgroup_exists(t->core, t->id); }

/* All that were asked for, each of which dies and is deleted while the others are. */
static void end_tasks(struct run *run, const struct ctx *ctx)
{
	_cleanup_free_ const char **ids = mem_array(const char *, run->n_tasks);
	_cleanup_free_ struct run_task **asked = mem_array(struct run_task *, run->n_tasks);
	_cleanup_free_ struct task_over **overs = mem_array(struct task_over *, run->n_tasks);
	struct err err = ERR_INIT;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < run->n_tasks; i++) {
		struct run_task *t = &run->tasks[i];

		if (!t->asked || t->over || t->left)
			continue;
		t->broken = await_create(t, ctx);
		ids[n] = t->id;
		asked[n++] = t;
	}
	r = remains_tasks(run->core, ids, n, ctx, overs, &err);
	for (size_t i = 0; i < n; i++) {
		asked[i]->over = overs[i];
		if (overs[i] && (asked[i]->broken || left_cgroup(asked[i])) && orphans_end_task(run->core, ids[i], ctx, &err) < 0)
			task_over_free(TAKE_PTR(asked[i]->over));
		asked[i]->left = !asked[i]->over;
		r = asked[i]->left ? -1 : r;
	}
	if (r < 0)
		run_undo_failed(run, &err);
}

const struct task_over *run_task_over(struct run_task *t, const struct ctx *ctx)
{
	if (!t->over && !t->asked)
		t->over = task_over_unmade(t->id);
	if (!t->over && !t->left && run_undo_connected(t->run))
		end_tasks(t->run, ctx);
	return t->over;
}

const struct job_over *run_over(struct run *run, const struct ctx *ctx)
{
	_cleanup_free_ const struct task_over **all = mem_array(const struct task_over *, run->n_tasks);
	size_t n = 0;

	for (size_t i = 0; i < run->n_tasks; i++) { /* each is ended, though another cannot be */
		all[i] = run_task_over(&run->tasks[i], ctx);
		n += all[i] != NULL;
	}
	if (!run->over && n == run->n_tasks)
		run->over = job_over_of(all, n);
	return run->over;
}

void task_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;

	/* Else it may run, and the heir reads what it says. */
	if (run_task_over(t, ctx) && heir_tell(t->run->heir, HEIR_DONE, -1))
		heir_free(TAKE_PTR(t->run->heir));
	mapped_drop(t);
	held_drop(t);
}

void task_plan(const void *state, struct strv *out)
{
	const struct run_task *t = state;

	if (t->task->cgroup)
		strv_pushf(out, "task: create in cgroup %s, that of somebody else", t->task->cgroup);
	else
		strv_pushf(out, "task: create in cgroup /%s/%s", t->core->conf.ns, t->id);
}

/* Its shim looks for the interface when the sandbox is made. */
bool task_needs_network(const void *state)
{
	const struct run_task *t = state;

	return t->run->runtime.vm;
}

/* start */

int start_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	struct ctx forever = { 0 };

	(void)err;
	t->wait = tasks_wait_begin(run_ctrd(t->run), t->id, NULL, &forever);
	t->call[S_START] = tasks_start_begin(run_ctrd(t->run), t->id, NULL, ctx);
	return 0;
}

int start_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	pid_t pid;

	int r = task_explain(t, tasks_start_end(TAKE_PTR(t->call[S_START]), ctx, &pid, err), err);

	if (r >= 0 && t->streams && t->run->n_tasks > 1)
		crew_join(t);
	return r;
}

void start_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;

	task_give_up(t, S_START);
	if (t->joined && !t->gone)
		streams_leave(t->streams);
	t->joined = false;
	ctrd_call_free(TAKE_PTR(t->wait));
	(void)run_task_over(t, ctx);
}

void start_plan(const void *state, struct strv *out)
{
	const struct run_task *t = state;
	static const char *const how[] = { "in the foreground", "detached", "" };

	strv_pushf(out, "start: %s", how[t->run->opts->mode]);
}
