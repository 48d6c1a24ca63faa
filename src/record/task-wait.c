/* Theory of operation: a Wait is open at containerd. When it fails, whyever, the process is looked at by a Get over a connection
 * that is made anew where the old one broke; when it goes on, or nothing is known, a new Wait follows. Between two failures
 * there is a pause, which grows: there is no event for a daemon that comes back, and one that refuses each Wait is not to be
 * asked without end. The loop drives it: at any moment either a call or the pause has a function that takes the next step. */
#include "task-wait.h"
#include "clock.h"
#include "mem.h"
#include "task.h"

enum { PAUSE_MS = 50, PAUSE_MAX_MS = 1000, LOOK_MS = 15000 /* longer than a containerd that is silent is believed in */ };

struct task_wait {
	struct core *core;
	const char *id, *exec_id;
	struct ctrd_call *call; /* the Wait or the Get */
	struct timer pause;     /* between them; once it is over, until @fn is called */
	void (*fn)(void *arg);
	void *arg;
	int64_t pause_ms, began; /* the next pause; since when this Wait has been open */
	int64_t heard;           /* when containerd answered last, or the wait began */
	bool over;
	int r;
	struct ctrd_exit exit;
	struct err err;
};

static void on_wait_told(void *arg)
{
	struct task_wait *w = arg;

	w->fn(w->arg);
}

static void wait_tell(struct task_wait *w)
{
	timer_done(&w->pause);
	if (!w->fn)
		return;
	timer_init(&w->pause, w->core->loop, on_wait_told, w);
	timer_set(&w->pause, 1);
}

static void wait_end(struct task_wait *w, int r)
{
	w->over = true;
	w->r = r;
	wait_tell(w);
}

static void wait_pause(struct task_wait *w)
{
	timer_set(&w->pause, clock_mono() + w->pause_ms * NSEC_PER_MSEC);
	w->pause_ms = w->pause_ms * 2 < PAUSE_MAX_MS ? w->pause_ms * 2 : PAUSE_MAX_MS;
}

/* Is containerd away for longer than is borne? Then the error that says why is the result. */
static void wait_away(struct task_wait *w, int r)
{
	const int64_t limit = w->core->conf.return_ms * NSEC_PER_MSEC;

	if (limit && clock_mono() - w->heard >= limit)
		wait_end(w, r);
	else
		wait_pause(w);
}

static void on_waited(void *arg)
{
	struct task_wait *w = arg;
	int r = tasks_wait_end(TAKE_PTR(w->call), NULL, &w->exit, &w->err);

	if (r >= 0) {
		wait_end(w, 0);
		return;
	}
	err_clear(&w->err);
	if (clock_mono() - w->began >= PAUSE_MAX_MS * NSEC_PER_MSEC) { /* not one of a row of refusals */
		w->pause_ms = PAUSE_MS;
		w->heard = clock_mono();
	}
	wait_pause(w);
}

static void wait_open(struct task_wait *w)
{
	w->began = clock_mono();
	w->call = tasks_wait_begin(w->core->ctrd, w->id, w->exec_id, NULL);
	ctrd_call_notify(w->call, on_waited, w);
}

static void on_looked(void *arg)
{
	struct task_wait *w = arg;
	struct task_status t = { 0 };
	int r = task_look_end(TAKE_PTR(w->call), NULL, &t, &w->err);

	if (r == -ERR_DEADLINE)
		r = err_set(&w->err, ERR_DEADLINE, "task %s: containerd does not say how it is", w->id);
	if (r >= 0 && t.state == TASK_ABSENT)
		r = err_set(&w->err, ERR_NOT_FOUND, "task %s: not found", w->id);
	if (r >= 0 && t.state == TASK_STOPPED)
		w->exit = t.exit;
	if (r == -ERR_NOT_FOUND || (r >= 0 && t.state == TASK_STOPPED)) {
		wait_end(w, r);
	} else if (r < 0) {
		wait_away(w, r);
	} else {
		w->heard = clock_mono();
		wait_open(w);
	}
}

static void on_pause_over(void *arg)
{
	struct task_wait *w = arg;
	const struct ctx within = ctx_within(NULL, LOOK_MS);
	int r;

	err_clear(&w->err);
	r = core_reconnect(w->core, &w->err);
	if (r < 0) {
		wait_away(w, r);
		return;
	}
	w->call = task_look_begin(w->core, w->id, w->exec_id, &within);
	ctrd_call_notify(w->call, on_looked, w);
}

struct task_wait *task_wait_new(struct core *c, const char *id, const char *exec_id, struct ctrd_call *call)
{
	struct task_wait *w = mem_new(struct task_wait);

	*w = (struct task_wait){ .core = c, .id = id, .exec_id = exec_id, .call = call, .pause_ms = PAUSE_MS };
	w->began = w->heard = clock_mono();
	timer_init(&w->pause, c->loop, on_pause_over, w);
	if (!call)
		wait_open(w);
	else if (ctrd_call_ready(call))
		on_waited(w);
	else
		ctrd_call_notify(call, on_waited, w);
	return w;
}

void task_wait_free(struct task_wait *w)
{
	if (!w)
		return;
	ctrd_call_free(w->call);
	timer_done(&w->pause);
	free(w);
}

void task_wait_notify(struct task_wait *w, void (*fn)(void *arg), void *arg)
{
	w->fn = fn;
	w->arg = arg;
	if (w->over)
		wait_tell(w);
}

bool task_wait_over(const struct task_wait *w) { return w->over; }

int task_wait_result(const struct task_wait *w, struct ctrd_exit *ret, struct err *err)
{
	if (w->r >= 0)
		*ret = w->exit;
	else if (err)
		*err = w->err;
	return w->r;
}

int task_wait(struct core *c, const char *id, const char *exec_id, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	_cleanup_(task_wait_freep) struct task_wait *w = task_wait_new(c, id, exec_id, NULL);

	while (!task_wait_over(w)) {
		int r = loop_turn(c->loop, ctx, err);

		if (r < 0)
			return r;
	}
	return task_wait_result(w, ret, err);
}
