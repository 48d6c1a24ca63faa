/* Theory of operation: containerd is asked, with a limit for each answer. When a Kill is not answered, or not followed by an end,
 * the engine or the shim hangs: in a FIFO that the job has put in the engine's way, in a signal that stops it, or on a dead disk.
 * The kernel needs neither of them to end processes: the engines that hang (children of the shim) and all that is in the job's
 * cgroup get SIGKILL. Mostly the shim then sees the end, and containerd knows the exit. A shim that still says nothing is
 * killed; containerd sees that, and forgets the task. */
#include "task.h"
#include "job-cgroup.h"
#include "mem.h"
#include "shim.h"
#include <poll.h>
#include <signal.h>
#include <string.h>

enum {
	KILL_MS = 1500,   /* for the answers to several */
	LOOK_MS = 5000,   /* containerd itself gives a shim 2 s */
	SIGNAL_MS = 3000, /* for the answer to a signal */
	END_MS = 5000,    /* from an answered SIGKILL to the end */
	SEEN_MS = 4000,   /* until containerd has seen what the kernel did */
	FORGET_MS = 8000, /* until containerd has cleaned up behind a dead shim */
	DELETE_MS = 10000,
	ANSWER_MS = 2000,
	EMPTY_MS = 5000, /* for the cgroup */
	PAUSE_MS = 50,
};

static enum task_state state_of(enum ctrd_status s)
{
	static const enum task_state states[] = {
		[CTRD_UNKNOWN] = TASK_UNKNOWN, [CTRD_CREATED] = TASK_CREATED, [CTRD_RUNNING] = TASK_LIVE,
		[CTRD_STOPPED] = TASK_STOPPED, [CTRD_PAUSED] = TASK_PAUSED,   [CTRD_PAUSING] = TASK_PAUSED,
	};

	return states[s];
}

static struct task_status status_of(const struct ctrd_process *p)
{
	return (struct task_status){ state_of(p->status), p->pid, { p->exit_status, p->exited_at } };
}

/* Did only our own limit run out, not the caller's? */
static bool is_silence(int r, const struct ctx *ctx) { return r == -ERR_DEADLINE && ctx_check(ctx, NULL) >= 0; }

struct ctrd_call *task_look_begin(struct core *c, const char *id, const char *exec_id, const struct ctx *ctx)
{
	return tasks_get_begin(c->ctrd, id, exec_id, ctx);
}

int task_look_end(struct ctrd_call *call, const struct ctx *ctx, struct task_status *ret, struct err *err)
{
	struct ctrd_process p = { 0 };
	int r = tasks_get_end(call, ctx, &p, err);

	if (r >= 0)
		*ret = status_of(&p);
	ctrd_process_done(&p);
	if (r != -ERR_NOT_FOUND)
		return r;
	*ret = (struct task_status){ .state = TASK_ABSENT };
	return err_clear(err), 0;
}

int task_look_process(struct core *c, const char *id, const char *exec_id, const struct ctx *ctx, struct task_status *ret,
		      struct err *err)
{
	const struct ctx limit = ctx_within(ctx, LOOK_MS);
	int r;

	*ret = (struct task_status){ .state = TASK_UNKNOWN };
	r = task_look_end(task_look_begin(c, id, exec_id, &limit), &limit, ret, err);
	return is_silence(r, ctx) ? (err_clear(err), 0) : r;
}

int task_look(struct core *c, const char *id, const struct ctx *ctx, struct task_status *ret, struct err *err)
{
	return task_look_process(c, id, NULL, ctx, ret, err);
}

void task_states_done(struct task_states *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].id);
	free(l->v);
	*l = (struct task_states){ 0 };
}

struct ctrd_call *task_list_begin(struct core *c, const struct ctx *ctx) { return tasks_list_begin(c->ctrd, ctx); }

static int by_task_id(const void *a, const void *b)
{
	const struct task_of *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static void states_sort(struct task_states *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_task_id);
}

int task_list_end(struct ctrd_call *call, const struct ctx *ctx, struct task_states *ret, struct err *err)
{
	_cleanup_(ctrd_processes_done) struct ctrd_processes all = { 0 };
	int r = tasks_list_end(call, ctx, &all, err);

	if (r < 0)
		return r;
	ret->v = mem_array(struct task_of, all.n);
	ret->n = all.n;
	for (size_t i = 0; i < all.n; i++)
		ret->v[i] = (struct task_of){ TAKE_PTR(all.v[i].id), status_of(&all.v[i]) };
	states_sort(ret);
	return 0;
}

int task_list(struct core *c, const struct ctx *ctx, struct task_states *ret, struct err *err)
{
	return task_list_end(task_list_begin(c, ctx), ctx, ret, err);
}

int task_look_all(struct core *c, const char *const *ids, size_t n, const struct ctx *ctx, struct task_states *ret, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, LOOK_MS);
	_cleanup_free_ struct ctrd_call **calls = mem_array(struct ctrd_call *, n);
	_cleanup_(task_states_done) struct task_states all = { .v = mem_array(struct task_of, n) };
	int first = 0;

	for (size_t i = 0; i < n; i++)
		calls[i] = task_look_begin(c, ids[i], NULL, &limit);
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;
		struct task_status t = { .state = TASK_UNKNOWN };
		int r = task_look_end(calls[i], &limit, &t, &why);

		if (r < 0 && !is_silence(r, ctx) && first >= 0) {
			first = r;
			if (err)
				*err = why;
		}
		if (t.state != TASK_ABSENT)
			all.v[all.n++] = (struct task_of){ mem_strdup(ids[i]), t };
	}
	if (first < 0)
		return first;
	states_sort(&all);
	*ret = TAKE_STRUCT(all);
	return 0;
}

const struct task_status *task_states_find(const struct task_states *l, const char *id)
{
	const struct task_of key = { .id = (char *)(uintptr_t)id },
			     *found = l->n ? bsearch(&key, l->v, l->n, sizeof *l->v, by_task_id) : NULL;

	return found ? &found->status : NULL;
}

bool task_is_over(const struct task_status *t) { return t->state == TASK_ABSENT || t->state == TASK_STOPPED; }
bool task_may_live(const struct task_status *t) { return !task_is_over(t) && t->state != TASK_CREATED; }

struct task_over {
	char *id;
	bool there, forced;
	struct ctrd_exit exit;
};

static struct task_over *over_new(const char *id, bool there, bool forced)
{
	struct task_over *o = mem_new(struct task_over);

	*o = (struct task_over){ .id = mem_strdup(id), .there = there, .forced = forced };
	return o;
}

void task_over_free(struct task_over *o)
{
	if (!o)
		return;
	free(o->id);
	free(o);
}

struct task_over *task_over_copy(const struct task_over *o)
{
	struct task_over *copy = over_new(o->id, o->there, o->forced);

	copy->exit = o->exit;
	return copy;
}

const struct ctrd_exit *task_over_exit(const struct task_over *o) { return &o->exit; }
struct task_over *task_over_unmade(const char *id) { return over_new(id, false, false); }
const char *task_over_id(const struct task_over *o) { return o->id; }
bool task_over_is_there(const struct task_over *o) { return o->there; }
bool task_over_was_forced(const struct task_over *o) { return o->forced; }

int task_prove(struct core *c, const char *id, const struct ctx *ctx, struct task_status *ret_status, struct task_over **ret,
	       struct err *err)
{
	struct task_status t;
	int r = task_look(c, id, ctx, &t, err);

	if (r < 0)
		return r;
	if (ret_status)
		*ret_status = t;
	if (!task_is_over(&t))
		return 0;
	*ret = over_new(id, t.state == TASK_STOPPED, false);
	(*ret)->exit = t.exit;
	return 1;
}

int task_end_unstarted(struct core *c, const char *id, const struct ctx *ctx, struct task_status *ret_status,
		       struct task_over **ret, struct err *err)
{
	struct task_status t;
	int r = task_prove(c, id, ctx, &t, ret, err);

	if (r >= 0 && ret_status)
		*ret_status = t;
	if (r != 0 || t.state != TASK_CREATED)
		return r;
	r = task_terminate(c, id, ctx, ret, err);
	return r < 0 ? r : 1;
}

/* A signal that found no process: 1 unless the task may live all the same. */
static int nothing_signalled(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int r = task_look(c, id, ctx, &t, err);

	return r < 0 ? r : !task_may_live(&t);
}

/* The signal and the end within a limit of each: 1, 0, or an error. */
static int signal_and_wait(struct core *c, const char *id, int sig, bool all, int64_t signal_ms, int64_t end_ms,
			   const struct ctx *ctx, struct err *err)
{
	const struct ctx answer = ctx_within(ctx, signal_ms);
	struct ctrd_call *wait = tasks_wait_begin(c->ctrd, id, NULL, ctx);
	struct ctx limit;
	struct ctrd_exit unused;
	int r = tasks_kill(c->ctrd, id, NULL, sig, all, &answer, err);

	if (r < 0) {
		ctrd_call_free(wait);
		if (ctx_check(ctx, NULL) < 0 || !ctrd_alive(c->ctrd))
			return r;
		err_clear(err);
		return r == -ERR_NOT_FOUND ? nothing_signalled(c, id, ctx, err) : 0; /* else shim or engine fail */
	}
	limit = ctx_within(ctx, end_ms);
	r = tasks_wait_end(wait, &limit, &unused, err);
	if (r < 0 && r != -ERR_NOT_FOUND && !is_silence(r, ctx))
		return r;
	err_clear(err);
	return r >= 0 || r == -ERR_NOT_FOUND;
}

/* Until containerd knows that it is over: 1; 0 when it does not come to know it within @ms. */
static int await_over(struct core *c, const char *id, int64_t ms, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, ms);

	for (;;) {
		struct task_status t;
		int r = task_look(c, id, &limit, &t, err);

		if (r >= 0 && task_is_over(&t))
			return 1;
		if (r < 0 && !is_silence(r, ctx))
			return r;
		err_clear(err);
		if (ctx_check(&limit, NULL) < 0)
			return ctx_check(ctx, err);
		(void)poll(NULL, 0, PAUSE_MS); /* there is no event that a shim which hangs would send */
	}
}

static int find_shims(struct core *c, const char *id, struct shims *ret, struct err *err)
{
	int r = shims_find(c, shims_home(c), id, ret, err);

	if (r >= 0 && ret->foreign)
		return err_set(err, ERR_PRECONDITION, "task %s: is also another containerd's: left alone", id);
	return r;
}

int task_break(struct core *c, const char *id, bool hard, const struct ctx *ctx, struct err *err)
{
	_cleanup_(shims_done) struct shims shims = { 0 };
	const struct ctx limit = ctx_within(ctx, EMPTY_MS);
	int r = find_shims(c, id, &shims, err);

	if (r < 0)
		return r;
	shims_end_engines(&shims, NULL);
	r = job_cgroup_kill(c, id, &limit, err);
	if (r >= 0 && hard)
		shims_end(&shims);
	return r;
}

/* What is seen of it from here: without that an empty cgroup is no proof (we may be in a container with containerd's socket). */
static bool is_in_sight(struct core *c, const char *id)
{
	_cleanup_(shims_done) struct shims shims = { 0 };

	return shims_find(c, shims_home(c), id, &shims, NULL) >= 0 && (shims.pids.n || job_cgroup_exists(c, id));
}

static int force(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	const bool seen = job_cgroup_exists(c, id); /* one that never was proves nothing by being empty */
	int r;

	if (!is_in_sight(c, id))
		return err_hint(err, err_set(err, ERR_DEADLINE, "task %s: its shim does not answer, nor is it seen from here", id),
				"run davit where containerd runs");
	core_notice(c, "%s: its shim does not answer: ended by its cgroup", id);
	r = task_break(c, id, false, ctx, err);
	if (r >= 0)
		r = await_over(c, id, SEEN_MS, ctx, err);
	if (r != 0)
		return r < 0 ? r : TASK_FORCED;
	r = task_break(c, id, true, ctx, err);
	if (r >= 0)
		r = await_over(c, id, FORGET_MS, ctx, err);
	if (r == 0 && !seen)
		return err_set(err, ERR_DEADLINE, "task %s: containerd does not see its end, and it has no cgroup here", id);
	return r < 0 ? r : TASK_FORCED; /* not seen by containerd: the kernel's word stands */
}

int task_terminate(struct core *c, const char *id, const struct ctx *ctx, struct task_over **ret, struct err *err)
{
	struct task_status t;
	int r = task_look(c, id, ctx, &t, err);

	if (r >= 0 && !task_is_over(&t)) {
		r = signal_and_wait(c, id, SIGKILL, true, SIGNAL_MS, END_MS, ctx, err);
		r = r < 0 ? r : r > 0 ? 0 : force(c, id, ctx, err);
	}
	if (r >= 0 && ret)
		*ret = over_new(id, t.state != TASK_ABSENT, r == TASK_FORCED);
	return r;
}

/* What does not die, or was never started, is for task_terminate(). */
void task_kill_all(struct core *c, const char *const *ids, size_t n, const struct ctx *ctx)
{
	const struct ctx limit = ctx_within(ctx, KILL_MS);
	_cleanup_free_ struct ctrd_call **calls = mem_array(struct ctrd_call *, n);

	for (size_t i = 0; i < n; i++)
		calls[i] = tasks_kill_begin(c->ctrd, ids[i], NULL, SIGKILL, true, &limit);
	for (size_t i = 0; i < n; i++) {
		while (!ctrd_call_ready(calls[i]) && loop_turn(c->loop, &limit, NULL) >= 0)
			;
		ctrd_call_free(calls[i]);
	}
}

/* containerd tells of its own limits and of its shim's in many codes. One that says "not stopped" means it. */
bool task_delete_hangs(const struct core *c, int r, const struct ctx *ctx)
{
	return r != -ERR_NOT_FOUND && r != -ERR_PRECONDITION && ctx_check(ctx, NULL) >= 0 && ctrd_alive(c->ctrd);
}

static int delete_within(struct core *c, const char *id, int64_t ms, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, ms);

	return tasks_delete(c->ctrd, id, NULL, &limit, ret, err);
}

/* containerd sees that the shim has ended, tries to clean up behind it, and forgets the task. */
static int delete_of_broken(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, FORGET_MS);
	struct ctrd_exit unused;

	for (;;) {
		int r = delete_within(c, id, ANSWER_MS, &limit, &unused, err);

		if (r >= 0 || r == -ERR_NOT_FOUND)
			return err_clear(err), 0;
		if (ctx_check(&limit, NULL) < 0 || !ctrd_alive(c->ctrd))
			return r;
		err_clear(err);
		(void)poll(NULL, 0, PAUSE_MS);
	}
}

int task_delete(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct ctrd_exit unused;
	int r = delete_within(c, id, DELETE_MS, ctx, &unused, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r >= 0 || !task_delete_hangs(c, r, ctx))
		return r;
	err_clear(err);
	r = task_break(c, id, true, ctx, err);
	if (r >= 0)
		r = delete_of_broken(c, id, ctx, err);
	return r < 0 ? r : TASK_FORCED;
}

int task_break_exec(struct core *c, const char *id, const char *exec_id, struct err *err)
{
	_cleanup_(shims_done) struct shims shims = { 0 };
	int r = find_shims(c, id, &shims, err);

	if (r >= 0)
		shims_end_engines(&shims, exec_id);
	return r;
}
