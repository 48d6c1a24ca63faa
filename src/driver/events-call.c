/* TaskEvents: a stream that never ends by itself, since the agent would open it again at once, without a pause. */
#include "desk.h"
#include "mem.h"
#include "task-events.h"
#include "wait-call.h"

enum { EVENTS_UNSENT_MAX = 256 << 10 };

struct events_call {
	struct plugin_call *call;
	struct task_listener listener;
};

static void on_events_closed(void *arg)
{
	struct events_call *e = arg;

	task_events_leave(&e->listener);
	free(e);
}

/* One that does not read misses some. */
static void events_send(void *arg, const Driver__DriverTaskEvent *m)
{
	struct events_call *e = arg;

	if (plugin_unsent(e->call) <= EVENTS_UNSENT_MAX)
		plugin_send(e->call, &m->base);
}

void task_events_begin(struct plugin_call *call, const ProtobufCMessage *msg)
{
	struct desk *desk = plugin_app(call);
	struct events_call *e = mem_new(struct events_call);

	(void)msg;
	*e = (struct events_call){ .call = call, .listener = { .send = events_send, .arg = e } };
	plugin_park(call, on_events_closed, e);
	task_events_join(desk->events, &e->listener);
}
