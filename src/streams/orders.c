#include "orders.h"
#include "clock.h"
#include "mem.h"
#include "tasks.h"
#include <signal.h>

enum {
	AT_ONCE = 8,
	PATIENCE_MS = 1500 /* somebody has pressed Ctrl-C */,
	AGAIN_MS = 250, /* for who is told when the connection may be there again */
	RESIZE = 62,
	CLOSE_STDIN = 63
};

struct orders {
	struct core *core;
	const char *id, *exec_id;
	uint64_t wanted; /* a bit for each signal, and for the two above them */
	unsigned cols, rows;
	struct {
		struct ctrd_call *call;
		int what;
		int64_t until;
	} asked[AT_ONCE];
	struct timer patience;
	void (*fn)(void *arg); /* NULL: who made it looks after each turn of the loop */
	void *arg;
};

/* The turn of the loop that it ends is all that is wanted where nobody is to be told. */
static void orders_on_patience(void *arg)
{
	const struct orders *o = arg;

	if (o->fn)
		o->fn(o->arg);
}

struct orders *orders_new(struct core *core, const char *id, const char *exec_id)
{
	struct orders *o = mem_new(struct orders);

	*o = (struct orders){ .core = core, .id = id, .exec_id = exec_id };
	timer_init(&o->patience, core->loop, orders_on_patience, o);
	return o;
}

void orders_notify(struct orders *o, void (*fn)(void *arg), void *arg)
{
	o->fn = fn;
	o->arg = arg;
}

void orders_free(struct orders *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < AT_ONCE; i++)
		ctrd_call_free(o->asked[i].call);
	timer_done(&o->patience);
	free(o);
}

static void want(struct orders *o, int what) { o->wanted |= UINT64_C(1) << what; }

void orders_signal(struct orders *o, int signal)
{
	if (signal > 0 && signal < RESIZE)
		want(o, signal);
}

void orders_resize(struct orders *o, unsigned cols, unsigned rows)
{
	o->cols = cols;
	o->rows = rows;
	want(o, RESIZE);
}

void orders_close_stdin(struct orders *o) { want(o, CLOSE_STDIN); }

static bool is_ending(int what) { return what == SIGINT || what == SIGTERM || what == SIGHUP || what == SIGKILL; }

static struct ctrd_call *ask(struct orders *o, int what)
{
	const struct ctx within = ctx_within(NULL, PATIENCE_MS);
	struct ctrd *c = o->core->ctrd;

	if (what == RESIZE)
		return tasks_resize_begin(c, o->id, o->exec_id, o->cols, o->rows, &within);
	if (what == CLOSE_STDIN)
		return tasks_close_stdin_begin(c, o->id, o->exec_id, &within);
	return tasks_kill_begin(c, o->id, o->exec_id, what, false, &within);
}

static int order_end(int what, struct ctrd_call *call)
{
	if (what == RESIZE)
		return tasks_resize_end(call, NULL, NULL);
	if (what == CLOSE_STDIN)
		return tasks_close_stdin_end(call, NULL, NULL);
	return tasks_kill_end(call, NULL, NULL);
}

/* What can be asked now. Calls that are underway at once overtake each other: where the last must win there is one at a time. */
static uint64_t orders_askable(const struct orders *o)
{
	uint64_t askable = o->wanted;

	for (size_t i = 0; i < AT_ONCE; i++)
		if (o->asked[i].call && o->asked[i].what >= RESIZE)
			askable &= ~(UINT64_C(1) << o->asked[i].what);
	return askable;
}

static void ask_all(struct orders *o)
{
	for (size_t i = 0; i < AT_ONCE; i++) {
		const uint64_t askable = orders_askable(o);
		int what;

		if (!askable)
			return;
		if (o->asked[i].call)
			continue;
		what = __builtin_ctzll(askable);
		o->wanted &= ~(UINT64_C(1) << what);
		o->asked[i].what = what;
		o->asked[i].until = clock_mono() + PATIENCE_MS * NSEC_PER_MSEC;
		o->asked[i].call = ask(o, what);
		if (o->fn)
			ctrd_call_notify(o->asked[i].call, o->fn, o->arg);
		timer_set(&o->patience, o->asked[i].until);
	}
}

/* What has been answered, and what waited long enough. An answer of containerd's own, whatever it says, is one: the process may
 * just have ended. */
static bool orders_take_answers(struct orders *o, bool alive)
{
	bool delivered = true;

	for (size_t i = 0; i < AT_ONCE; i++) {
		const int what = o->asked[i].what;
		struct ctrd_call *call = o->asked[i].call;
		const bool ended = call && alive && ctrd_call_ready(call);

		if (!call || (alive && !ended && clock_mono() < o->asked[i].until))
			continue;
		o->asked[i].call = NULL;
		if (!ended)
			ctrd_call_free(call);
		else if (order_end(what, call) != -ERR_DEADLINE) /* ours, or containerd's for its shim */
			continue;
		delivered = delivered && !is_ending(what);
		if (!is_ending(what) && (!alive || what >= RESIZE))
			want(o, what);
	}
	return delivered;
}

bool orders_go_on(struct orders *o)
{
	const bool alive = ctrd_alive(o->core->ctrd);
	bool delivered = orders_take_answers(o, alive);

	if (alive) {
		ask_all(o);
		return delivered;
	}
	if (o->fn && o->wanted)
		timer_set(&o->patience, clock_mono() + AGAIN_MS * NSEC_PER_MSEC);
	for (int what = 1; what < RESIZE; what++)
		if (is_ending(what) && o->wanted >> what & 1)
			delivered = false;
	return delivered;
}
