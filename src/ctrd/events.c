#include "events.h"
#include "call.h"
#include "mem.h"
#include "events.pb-c.h"
#include <string.h>

static const struct method subscribe = {
	"/containerd.services.events.v1.Events/Subscribe",
	&events__envelope__descriptor,
	"events",
};

void ctrd_event_done(struct ctrd_event *e)
{
	free(e->ns);
	free(e->topic);
	ctrd_any_done(&e->event);
	*e = (struct ctrd_event){ 0 };
}

void ctrd_task_event_done(struct ctrd_task_event *e)
{
	free(e->container_id);
	free(e->id);
	*e = (struct ctrd_task_event){ 0 };
}

struct ctrd_call *events_subscribe(struct ctrd *c, const struct strv *filters, const struct ctx *ctx)
{
	Events__SubscribeRequest req = EVENTS__SUBSCRIBE_REQUEST__INIT;
	const struct ctx endless = ctx_endless(ctx);

	req.n_filters = filters ? filters->n : 0;
	req.filters = filters ? filters->v : NULL;
	return call_begin(c, &subscribe, NULL, &req.base, &endless);
}

int events_next(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_event *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Events__Envelope *m;
	int r = call_next(call, ctx, &reply, err);

	if (r <= 0)
		return r;
	m = (const void *)reply.msg;
	*ret = (struct ctrd_event){
		.at = time_unpack(m->timestamp),
		.ns = mem_strdup(m->namespace_),
		.topic = mem_strdup(m->topic),
	};
	any_unpack(m->event, &ret->event);
	return 1;
}

bool events_ready(const struct ctrd_call *call) { return call_said(call); }

static void exit_unpack(const ProtobufCMessage *msg, struct ctrd_task_event *ret)
{
	const Events__TaskExit *m = (const void *)msg;

	*ret = (struct ctrd_task_event){ mem_strdup(m->container_id), mem_strdup(m->id), pid_unpack(m->pid),
					 status_unpack(m->exit_status), time_unpack(m->exited_at) };
}

static void delete_unpack(const ProtobufCMessage *msg, struct ctrd_task_event *ret)
{
	const Events__TaskDelete *m = (const void *)msg;

	*ret = (struct ctrd_task_event){ mem_strdup(m->container_id), text_unpack(m->id), pid_unpack(m->pid),
					 status_unpack(m->exit_status), time_unpack(m->exited_at) };
}

static void create_unpack(const ProtobufCMessage *msg, struct ctrd_task_event *ret)
{
	const Events__TaskCreate *m = (const void *)msg;

	*ret = (struct ctrd_task_event){ .container_id = mem_strdup(m->container_id), .pid = pid_unpack(m->pid) };
}

static void start_unpack(const ProtobufCMessage *msg, struct ctrd_task_event *ret)
{
	const Events__TaskStart *m = (const void *)msg;

	*ret = (struct ctrd_task_event){ .container_id = mem_strdup(m->container_id), .pid = pid_unpack(m->pid) };
}

static void exec_unpack(const ProtobufCMessage *msg, struct ctrd_task_event *ret)
{
	const Events__TaskExecStarted *m = (const void *)msg;

	*ret = (struct ctrd_task_event){ mem_strdup(m->container_id), mem_strdup(m->exec_id), pid_unpack(m->pid), 0, 0 };
}

static void named_unpack(const ProtobufCMessage *msg, struct ctrd_task_event *ret)
{
	ret->container_id = mem_strdup(((const Events__TaskNamed *)(const void *)msg)->container_id);
}

static const struct kind {
	const char *type_url;
	const ProtobufCMessageDescriptor *message;
	void (*unpack)(const ProtobufCMessage *, struct ctrd_task_event *);
} kinds[] = {
	{ "containerd.events.TaskCreate", &events__task_create__descriptor, create_unpack },
	{ "containerd.events.TaskStart", &events__task_start__descriptor, start_unpack },
	{ "containerd.events.TaskExit", &events__task_exit__descriptor, exit_unpack },
	{ "containerd.events.TaskDelete", &events__task_delete__descriptor, delete_unpack },
	{ "containerd.events.TaskExecAdded", &events__task_exec_started__descriptor, exec_unpack }, /* but for the pid */
	{ "containerd.events.TaskExecStarted", &events__task_exec_started__descriptor, exec_unpack },
	{ "containerd.events.TaskOOM", &events__task_named__descriptor, named_unpack },
	{ "containerd.events.TaskPaused", &events__task_named__descriptor, named_unpack },
	{ "containerd.events.TaskResumed", &events__task_named__descriptor, named_unpack },
};

int ctrd_event_task(const struct ctrd_event *e, struct ctrd_task_event *ret, struct err *err)
{
	const char *url = e->event.type_url ? e->event.type_url : "";

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		_cleanup_reply_ struct reply reply = { 0 };
		int r;

		if (strcmp(kinds[i].type_url, url) != 0)
			continue;
		r = pb_unpack(kinds[i].message, e->event.value.data, e->event.value.len, &reply.arena, &reply.msg, err);
		if (r < 0)
			return err_wrap(err, r, "event %s", e->topic);
		*ret = (struct ctrd_task_event){ 0 };
		kinds[i].unpack(reply.msg, ret);
		return 0;
	}
	return err_set(err, ERR_INVALID, "event %s is none of a task", e->topic ? e->topic : url);
}

void ctrd_named_event_done(struct ctrd_named_event *e)
{
	free(e->name);
	dict_done(&e->labels);
	*e = (struct ctrd_named_event){ 0 };
}

static int id_unpack(const ProtobufCMessage *msg, struct ctrd_named_event *ret, struct err *err)
{
	(void)err;
	ret->name = mem_strdup(((const Events__ContainerNamed *)(const void *)msg)->id);
	return 0;
}

static int update_unpack(const ProtobufCMessage *msg, struct ctrd_named_event *ret, struct err *err)
{
	const Events__ContainerUpdate *m = (const void *)msg;

	ret->name = mem_strdup(m->id);
	return entries_unpack(m->labels, m->n_labels, &ret->labels, err);
}

static int image_event_unpack(const ProtobufCMessage *msg, struct ctrd_named_event *ret, struct err *err)
{
	(void)err;
	ret->name = mem_strdup(((const Events__ImageNamed *)(const void *)msg)->name);
	return 0;
}

static const struct named_kind {
	const char *topic; /* what it begins with */
	const ProtobufCMessageDescriptor *message;
	int (*unpack)(const ProtobufCMessage *, struct ctrd_named_event *, struct err *err);
} named_kinds[] = {
	{ "/containers/update", &events__container_update__descriptor, update_unpack },
	{ "/containers/", &events__container_named__descriptor, id_unpack },
	{ "/images/", &events__image_named__descriptor, image_event_unpack },
};

int ctrd_event_named(const struct ctrd_event *e, struct ctrd_named_event *ret, struct err *err)
{
	const char *topic = e->topic ? e->topic : "";

	for (size_t i = 0; i < sizeof named_kinds / sizeof *named_kinds; i++) {
		_cleanup_(ctrd_named_event_done) struct ctrd_named_event event = { 0 };
		_cleanup_reply_ struct reply reply = { 0 };
		int r;

		if (strncmp(topic, named_kinds[i].topic, strlen(named_kinds[i].topic)) != 0)
			continue;
		r = pb_unpack(named_kinds[i].message, e->event.value.data, e->event.value.len, &reply.arena, &reply.msg, err);
		if (r >= 0)
			r = named_kinds[i].unpack(reply.msg, &event, err);
		if (r < 0)
			return err_wrap(err, r, "event %s", topic);
		*ret = TAKE_STRUCT(event);
		return 0;
	}
	return err_set(err, ERR_INVALID, "event %s is none of a container or an image", topic);
}
