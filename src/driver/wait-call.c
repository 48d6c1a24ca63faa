/* WaitTask and InspectTask. A WaitTask is parked until the task's end; an error would end the task in Nomad's eyes, so nothing but
 * an id that we do not know is one. */
#include "wait-call.h"
#include "clock.h"
#include "desk.h"
#include "mem.h"
#include <string.h>

struct wait_call {
	struct plugin_call *call;
	struct handle *of;
	struct handle_watch watch;
};

static void wait_call_free(struct wait_call *w)
{
	handle_unwatch(&w->watch);
	handle_unref(w->of);
	free(w);
}

static void on_wait_closed(void *arg) { wait_call_free(arg); }

static void exit_fill(const struct handle_exit *x, Driver__ExitResult *m)
{
	driver__exit_result__init(m);
	m->exit_code = x->code;
	m->signal = x->signal;
	m->oom_killed = x->oom;
}

static void on_wait_exited(void *arg, struct handle *h)
{
	struct wait_call *w = arg;
	Driver__WaitTaskResponse reply = DRIVER__WAIT_TASK_RESPONSE__INIT;
	Driver__ExitResult result;

	exit_fill(&h->exit, &result);
	reply.result = &result;
	if (h->exit.err)
		reply.err = h->exit.err;
	else if (h->exit.oom) /* what people read; the docker driver's words */
		reply.err = (char *)(uintptr_t) "OOM Killed";
	plugin_answer(TAKE_PTR(w->call), &reply.base);
	wait_call_free(w);
}

struct handle *task_of_call(struct plugin_call *call, const char *task_id)
{
	struct err err = ERR_INIT;
	struct handle *h = NULL;

	if (desk_task(desk_of(call), task_id, &h, &err) < 0)
		plugin_fail_recoverable(call, &err, false);
	return h;
}

void wait_task_begin(struct plugin_call *call, const ProtobufCMessage *msg)
{
	const Driver__WaitTaskRequest *req = (const void *)msg;
	struct handle *h = task_of_call(call, req->task_id);
	struct wait_call *w;

	if (!h)
		return;
	w = mem_new(struct wait_call);
	*w = (struct wait_call){ .call = call, .of = handle_ref(h), .watch = { .exited = on_wait_exited, .arg = w } };
	plugin_park(call, on_wait_closed, w);
	handle_watch(h, &w->watch);
}

/* InspectTask: the client takes times and result for granted, and Go's zero time for "not yet". */
#define GO_ZERO_TIME INT64_C(-62135596800)

static void time_fill(int64_t wall, Google__Protobuf__Timestamp *m)
{
	google__protobuf__timestamp__init(m);
	m->seconds = wall ? wall / NSEC_PER_SEC : GO_ZERO_TIME;
	m->nanos = wall ? (int32_t)(wall % NSEC_PER_SEC) : 0;
}

struct inspected {
	Driver__InspectTaskResponse reply;
	Driver__TaskStatus status;
	Google__Protobuf__Timestamp started, completed;
	Driver__ExitResult result;
	Driver__TaskDriverStatus driver;
	Driver__TaskDriverStatus__AttributesEntry entries[4], *attributes[4];
	char *name;
};

static void inspected_add(struct inspected *i, const char *key, const char *value)
{
	Driver__TaskDriverStatus__AttributesEntry *e = &i->entries[i->driver.n_attributes];

	if (!value)
		return;
	driver__task_driver_status__attributes_entry__init(e);
	e->key = (char *)(uintptr_t)key;
	e->value = (char *)(uintptr_t)value;
	i->attributes[i->driver.n_attributes++] = e;
}

static void inspect_fill(const struct handle *h, struct inspected *i)
{
	const struct handle_kept *k = &h->kept;
	const bool exited = h->state == HANDLE_EXITED;

	driver__inspect_task_response__init(&i->reply);
	driver__task_status__init(&i->status);
	driver__task_driver_status__init(&i->driver);
	i->reply.task = &i->status;
	i->reply.driver = &i->driver;
	i->status.id = k->task_id;
	i->status.name = i->name = handle_task_name(k->task_id);
	i->status.state = exited ? DRIVER__TASK_STATE__EXITED : DRIVER__TASK_STATE__RUNNING;
	time_fill(k->started_at, &i->started);
	time_fill(exited ? h->exit.at : 0, &i->completed);
	exit_fill(&h->exit, &i->result);
	i->status.started_at = &i->started;
	i->status.completed_at = &i->completed;
	i->status.result = &i->result;
	i->driver.attributes = i->attributes;
	inspected_add(i, "containerName", k->container); /* as Roblox's driver calls it */
	inspected_add(i, "containerd_namespace", k->ns);
	inspected_add(i, "image", k->image);
	inspected_add(i, "davit_job", k->job);
}

void inspect_task_begin(struct plugin_call *call, const ProtobufCMessage *msg)
{
	const Driver__InspectTaskRequest *req = (const void *)msg;
	struct handle *h = task_of_call(call, req->task_id);
	struct inspected i;

	if (!h)
		return;
	inspect_fill(h, &i);
	plugin_answer(call, &i.reply.base);
	free(i.name);
}
