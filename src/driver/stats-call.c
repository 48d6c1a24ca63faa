/* TaskStats: a timer on the loop for each stream, and two looks that the next message is made of. It ends well when the task does.
 */
#include "task-stats.h"
#include "clock.h"
#include "desk.h"
#include "mem.h"
#include "wait.h"
#include "wait-call.h"

enum { STATS_INTERVAL_MS = 1000, STATS_INTERVAL_LEAST_MS = 100, STATS_UNSENT_MAX = 64 << 10 };

struct stats_call {
	struct plugin_call *call;
	struct handle *of;
	struct handle_watch watch;
	struct timer timer;
	int64_t interval;
	struct stats_look before;
};

static void stats_call_free(struct stats_call *s)
{
	timer_done(&s->timer);
	handle_unwatch(&s->watch);
	handle_unref(s->of);
	free(s);
}

static void on_stats_closed(void *arg) { stats_call_free(arg); }

static void on_stats_exited(void *arg, struct handle *h)
{
	struct stats_call *s = arg;

	(void)h;
	plugin_end(TAKE_PTR(s->call));
	stats_call_free(s);
}

static bool stats_look(struct stats_call *s, struct stats_look *ret)
{
	*ret = (struct stats_look){ .at.mono = clock_mono(), .wall = clock_wall() };
	return wait_usage(s->of, &ret->at.usage, NULL) >= 0;
}

/* One that does not read what is sent has it newer later. */
static void on_stats_time(void *arg)
{
	struct stats_call *s = arg;
	struct desk *desk = plugin_app(s->call);
	struct stats_message m;
	struct stats_look now;

	timer_set(&s->timer, clock_mono() + s->interval);
	if (plugin_unsent(s->call) > STATS_UNSENT_MAX || !stats_look(s, &now))
		return;
	stats_message(s->of->kept.task_id, &s->before, &now, &desk->compute, &m);
	s->before = now;
	plugin_send(s->call, &m.reply.base);
}

/* The operator's, else the agent's. */
static int64_t stats_interval(const struct desk *desk, const Google__Protobuf__Duration *d)
{
	const int64_t least = STATS_INTERVAL_LEAST_MS * NSEC_PER_MSEC;
	int64_t n = desk->conf->stats_interval;

	if (!n && d && d->seconds >= 0 && d->seconds < INT64_MAX / NSEC_PER_SEC / 2 && d->nanos >= 0)
		n = d->seconds * NSEC_PER_SEC + d->nanos;
	if (!n)
		n = STATS_INTERVAL_MS * NSEC_PER_MSEC;
	return n < least ? least : n;
}

void task_stats_begin(struct plugin_call *call, const ProtobufCMessage *msg)
{
	const Driver__TaskStatsRequest *req = (const void *)msg;
	struct handle *h = task_of_call(call, req->task_id);
	struct err err = ERR_INIT;
	struct stats_call *s;

	if (!h)
		return;
	if (h->state == HANDLE_EXITED) {
		(void)err_set(&err, ERR_PRECONDITION, "task %s: has ended", req->task_id);
		plugin_fail_recoverable(call, &err, false);
		return;
	}
	s = mem_new(struct stats_call);
	*s = (struct stats_call){ .call = call, .of = handle_ref(h), .watch = { .exited = on_stats_exited, .arg = s } };
	s->interval = stats_interval(plugin_app(call), req->collection_interval);
	plugin_park(call, on_stats_closed, s);
	(void)stats_look(s, &s->before);
	timer_init(&s->timer, plugin_loop(call), on_stats_time, s);
	timer_set(&s->timer, clock_mono() + s->interval);
	handle_watch(h, &s->watch);
}
