/* Theory of operation: a Kill where it may run, then a Delete, which is what counts: its success, or an answer that there is no
 * such process, is the end. Any other answer leads to the next round, after a pause that grows: the process was not quite dead, or
 * containerd is away. A Delete without an answer means that an engine hangs with the process; that one is ended. */
#include "exec-clear.h"
#include "clock.h"
#include "mem.h"
#include "task.h"
#include <signal.h>
#include <stdlib.h>

enum { KILL_MS = 3000, DELETE_MS = 1500, PAUSE_MS = 20, PAUSE_MAX_MS = 1000 };

/* The end of an engine, at a worker: with copies, since what it is for may go before it. */
struct exec_break {
	struct work work;
	struct exec_clear *of; /* NULL: that has gone */
	struct core core;      /* of its names alone */
	char *address, *ns, *run_dir, *id, *exec_id;
};

struct exec_clear {
	struct core core;
	char *ns, *id, *exec_id, *name;
	bool kill;
	int64_t until, pause_ms;
	struct ctrd_call *call;
	struct workers *workers;
	struct exec_break *breaking; /* NULL: none is under way */
	struct timer pause;
	void (*fn)(void *arg, bool gone);
	void *arg;
};

static void clear_pause(struct exec_clear *x)
{
	const int64_t now = clock_mono();

	if (now >= x->until) {
		x->fn(x->arg, false);
		return;
	}
	timer_set(&x->pause, now + x->pause_ms * NSEC_PER_MSEC);
	x->pause_ms = x->pause_ms * 2 < PAUSE_MAX_MS ? x->pause_ms * 2 : PAUSE_MAX_MS;
}

static void break_free(struct exec_break *b)
{
	free(b->address);
	free(b->ns);
	free(b->run_dir);
	free(b->id);
	free(b->exec_id);
	free(b);
}

static void break_run(void *arg, void *state, const struct ctx *ctx)
{
	struct exec_break *b = arg;

	(void)state;
	(void)ctx;
	(void)task_break_exec(&b->core, b->id, b->exec_id, NULL);
}

static void on_broken(void *arg, bool ran)
{
	struct exec_break *b = arg;

	(void)ran;
	if (b->of)
		b->of->breaking = NULL;
	break_free(b);
}

static struct exec_break *break_new(struct exec_clear *x)
{
	struct exec_break *b = mem_new(struct exec_break);

	b->address = mem_strdup(x->core.address);
	b->ns = mem_strdup(x->ns);
	b->run_dir = mem_strdup(x->core.conf.run_dir);
	b->id = mem_strdup(x->id);
	b->exec_id = mem_strdup(x->exec_id);
	b->core = (struct core){ .conf = { .ns = b->ns, .run_dir = b->run_dir }, .address = b->address };
	b->work = (struct work){ .run = break_run, .done = on_broken, .arg = b, .slow = true };
	b->of = x;
	return b;
}

static void clear_break(struct exec_clear *x)
{
	struct exec_break *b;

	if (!x->workers) {
		(void)task_break_exec(&x->core, x->id, x->exec_id, NULL);
		return;
	}
	if (x->breaking)
		return;
	b = break_new(x);
	if (workers_submit(x->workers, &b->work, NULL) >= 0)
		x->breaking = b;
	else
		break_free(b); /* the next round's */
}

static void on_cleared(void *arg)
{
	struct exec_clear *x = arg;
	struct ctrd_exit unused;
	int r = tasks_delete_end(TAKE_PTR(x->call), NULL, &unused, NULL);

	if (r >= 0 || r == -ERR_NOT_FOUND) {
		x->fn(x->arg, true);
		return;
	}
	if (r == -ERR_DEADLINE)
		clear_break(x);
	else if (r != -ERR_UNAVAILABLE) /* it runs */
		x->kill = true;
	clear_pause(x);
}

static void clear_delete(struct exec_clear *x)
{
	const struct ctx limit = ctx_within(NULL, DELETE_MS);

	x->call = tasks_delete_begin(x->core.ctrd, x->id, x->exec_id, &limit);
	ctrd_call_notify(x->call, on_cleared, x);
}

static void on_killed_exec(void *arg)
{
	struct exec_clear *x = arg;

	(void)tasks_kill_end(TAKE_PTR(x->call), NULL, NULL);
	clear_delete(x);
}

static void clear_round(void *arg)
{
	struct exec_clear *x = arg;
	const struct ctx limit = ctx_within(NULL, KILL_MS);

	if (core_reconnect(&x->core, NULL) < 0) {
		clear_pause(x);
		return;
	}
	if (!x->kill) {
		clear_delete(x);
		return;
	}
	x->call = tasks_kill_begin(x->core.ctrd, x->id, x->exec_id, SIGKILL, false, &limit);
	ctrd_call_notify(x->call, on_killed_exec, x);
}

struct exec_clear *exec_clear_new(struct core *c, struct workers *workers, const char *id, const char *exec_id,
				  enum exec_clear_how how, int64_t ms, void (*fn)(void *arg, bool gone), void *arg)
{
	struct exec_clear *x = mem_new(struct exec_clear);

	*x = (struct exec_clear){ .ns = mem_strdup(c->conf.ns),
				  .id = mem_strdup(id),
				  .exec_id = mem_strdup(exec_id),
				  .name = mem_printf("%s/%s", id, exec_id),
				  .workers = workers,
				  .kill = how == EXEC_CLEAR_KILL,
				  .until = clock_mono() + ms * NSEC_PER_MSEC,
				  .pause_ms = PAUSE_MS,
				  .fn = fn,
				  .arg = arg };
	x->core = core_in(c, x->ns);
	timer_init(&x->pause, c->loop, clear_round, x);
	timer_set(&x->pause, clock_mono());
	return x;
}

void exec_clear_free(struct exec_clear *x)
{
	if (!x)
		return;
	if (x->breaking)
		x->breaking->of = NULL;
	ctrd_call_free(x->call);
	timer_done(&x->pause);
	core_leave(&x->core);
	free(x->ns);
	free(x->id);
	free(x->exec_id);
	free(x->name);
	free(x);
}

const char *exec_clear_id(const struct exec_clear *x) { return x->name; }

void exec_clear_names(const struct exec_clear *x, struct strv *ret)
{
	strv_push(ret, x->ns);
	strv_push(ret, x->id);
	strv_push(ret, x->exec_id);
}

static void on_over(void *arg, bool gone)
{
	(void)gone;
	*(bool *)arg = true;
}

void exec_clear(struct core *c, const char *id, const char *exec_id, enum exec_clear_how how, int64_t ms)
{
	bool over = false;
	struct exec_clear *x = exec_clear_new(c, NULL, id, exec_id, how, ms, on_over, &over);
	const struct ctx limit = ctx_within(NULL, ms);

	while (!over && loop_turn(c->loop, &limit, NULL) >= 0)
		;
	exec_clear_free(x);
}
