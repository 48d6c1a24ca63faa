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

struct exec_clear {
	struct core core;
	char *ns, *id, *exec_id, *name;
	bool kill;
	int64_t until, pause_ms;
	struct ctrd_call *call;
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
		(void)task_break_exec(&x->core, x->id, x->exec_id, NULL);
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

struct exec_clear *exec_clear_new(struct core *c, const char *id, const char *exec_id, enum exec_clear_how how, int64_t ms,
				  void (*fn)(void *arg, bool gone), void *arg)
{
	struct exec_clear *x = mem_new(struct exec_clear);

	*x = (struct exec_clear){ .ns = mem_strdup(c->conf.ns),
				  .id = mem_strdup(id),
				  .exec_id = mem_strdup(exec_id),
				  .name = mem_printf("%s/%s", id, exec_id),
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

static void on_over(void *arg, bool gone)
{
	(void)gone;
	*(bool *)arg = true;
}

void exec_clear(struct core *c, const char *id, const char *exec_id, enum exec_clear_how how, int64_t ms)
{
	bool over = false;
	struct exec_clear *x = exec_clear_new(c, id, exec_id, how, ms, on_over, &over);
	const struct ctx limit = ctx_within(NULL, ms);

	while (!over && loop_turn(c->loop, &limit, NULL) >= 0)
		;
	exec_clear_free(x);
}
