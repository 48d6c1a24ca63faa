/* Theory of operation: a Wait is open at containerd. When it fails, whyever, the process is looked at by a Get over a connection
 * that is made anew where the old one broke; when it goes on, or nothing is known, a new Wait follows. Between two failures
 * there is a pause, which grows: there is no event for a daemon that comes back, and one that refuses each Wait is not to be
 * asked without end. */
#include "task-wait.h"
#include "clock.h"
#include "mem.h"
#include "task.h"

enum { PAUSE_MS = 50, PAUSE_MAX_MS = 1000, LOOK_MS = 15000 /* longer than a containerd that is silent is believed in */ };

enum wait_at { AT_WAIT, AT_PAUSE, AT_LOOK, AT_END };

struct task_wait {
	struct core *core;
	const char *id, *exec_id;
	enum wait_at at;
	struct ctrd_call *call; /* the Wait or the Get */
	struct timer timer;
	bool due;                /* the pause is over, or the Get takes too long */
	int64_t pause_ms, began; /* the next pause; since when this Wait has been open */
	int64_t heard;           /* when containerd answered last, or the wait began */
	int r;
	struct ctrd_exit exit;
	struct err err;
};

static void on_due(void *arg) { ((struct task_wait *)arg)->due = true; }

static void due_in(struct task_wait *w, int64_t ms)
{
	w->due = false;
	timer_set(&w->timer, clock_mono() + ms * NSEC_PER_MSEC);
}

static void wait_open(struct task_wait *w, struct ctrd_call *call)
{
	w->at = AT_WAIT;
	w->began = clock_mono();
	w->call = call ? call : tasks_wait_begin(w->core->ctrd, w->id, w->exec_id, NULL);
}

static void wait_pause(struct task_wait *w)
{
	w->at = AT_PAUSE;
	due_in(w, w->pause_ms);
	w->pause_ms = w->pause_ms * 2 < PAUSE_MAX_MS ? w->pause_ms * 2 : PAUSE_MAX_MS;
}

static void wait_end(struct task_wait *w, int r)
{
	w->at = AT_END;
	w->r = r;
}

struct task_wait *task_wait_new(struct core *c, const char *id, const char *exec_id, struct ctrd_call *call)
{
	struct task_wait *w = mem_new(struct task_wait);

	*w = (struct task_wait){ .core = c, .id = id, .exec_id = exec_id, .pause_ms = PAUSE_MS, .heard = clock_mono() };
	timer_init(&w->timer, c->loop, on_due, w);
	wait_open(w, call);
	return w;
}

void task_wait_free(struct task_wait *w)
{
	if (!w)
		return;
	ctrd_call_free(w->call);
	timer_done(&w->timer);
	free(w);
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

static void waited(struct task_wait *w)
{
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

static void look_open(struct task_wait *w)
{
	const struct ctx within = ctx_within(NULL, LOOK_MS);
	int r;

	err_clear(&w->err);
	r = core_reconnect(w->core, &w->err);
	if (r < 0) {
		wait_away(w, r);
		return;
	}
	w->at = AT_LOOK;
	w->call = task_look_begin(w->core, w->id, w->exec_id, &within);
	due_in(w, LOOK_MS);
}

static void look_too_long(struct task_wait *w)
{
	ctrd_call_free(TAKE_PTR(w->call));
	wait_away(w, err_set(&w->err, ERR_DEADLINE, "task %s: containerd does not say how it is", w->id));
}

static void looked(struct task_wait *w)
{
	struct task_status t = { 0 };
	int r = task_look_end(TAKE_PTR(w->call), NULL, &t, &w->err);

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
		timer_set(&w->timer, 0);
		wait_open(w, NULL);
	}
}

bool task_wait_over(struct task_wait *w)
{
	for (;;) {
		if (w->at == AT_WAIT && ctrd_call_ready(w->call))
			waited(w);
		else if (w->at == AT_PAUSE && w->due)
			look_open(w);
		else if (w->at == AT_LOOK && ctrd_call_ready(w->call))
			looked(w);
		else if (w->at == AT_LOOK && w->due)
			look_too_long(w);
		else
			return w->at == AT_END;
	}
}

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
