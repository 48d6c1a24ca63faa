#include "publisher.h"
#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mem.h"
#include "pb.h"
#include "shim.pb-c.h"
#include "ttrpc.h"
#include <string.h>

#define SERVICE "containerd.services.events.ttrpc.v1.Events"
enum { CALL_MS = 5000, DELAYS = 8 }; /* a quarter of a second more each time, up to two */

struct event {
	struct list_node node;
	bool kept;
	struct buf request;
};

struct publisher {
	struct loop *loop;
	char *address, *ns;
	struct ttrpc *client;
	struct ttrpc_call *call;
	struct list_node queue; /* the first is under way */
	size_t n, bytes, lost;
	unsigned tries; /* of the first */
	struct timer again;
};

static void send_first(struct publisher *e);

static void event_free(struct publisher *e, struct event *v)
{
	list_unlink(&v->node);
	e->bytes -= v->request.len;
	buf_done(&v->request);
	free(v);
	e->n--;
}

static struct event *first_event(struct publisher *e) { return container_of(e->queue.next, struct event, node); }

/* containerd is away, or hangs. */
static void try_again(struct publisher *e)
{
	e->tries += e->tries < DELAYS;
	timer_set(&e->again, clock_mono() + (int64_t)e->tries * NSEC_PER_SEC / 4);
}

static void on_answer(void *arg, struct ttrpc_call *call)
{
	struct publisher *e = arg;
	_cleanup_buf_ struct buf answer = { 0 };
	struct err err = ERR_INIT;
	int r = ttrpc_unary_end(call, NULL, &answer, &err);

	ttrpc_call_free(call);
	e->call = NULL;
	if (r == -ERR_UNAVAILABLE || r == -ERR_DEADLINE) {
		try_again(e);
		return;
	}
	if (r < 0)
		log_warn("event: %s", err.msg);
	event_free(e, first_event(e));
	e->tries = 0;
	timer_set(&e->again, clock_mono());
}

static void on_again(void *arg) { send_first(arg); }

static void send_first(struct publisher *e)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	struct err err = ERR_INIT;
	struct event *v;

	if (e->call || !e->n)
		return;
	if (e->client && !ttrpc_alive(e->client))
		ttrpc_free(TAKE_PTR(e->client));
	if (!e->client && ttrpc_open(e->loop, e->address, &e->client, &err) < 0) {
		try_again(e);
		return;
	}
	v = first_event(e);
	e->call = ttrpc_start(e->client, TTRPC_UNARY, SERVICE, "Forward", v->request.data, v->request.len, NULL, &ctx);
	ttrpc_notify(e->call, on_answer, e);
}

struct publisher *publisher_new(struct loop *loop, const char *address, const char *ns)
{
	struct publisher *e = mem_new(struct publisher);

	*e = (struct publisher){ .loop = loop, .address = address && *address ? mem_strdup(address) : NULL, .ns = mem_strdup(ns) };
	list_init(&e->queue);
	timer_init(&e->again, loop, on_again, e);
	return e;
}

void publisher_free(struct publisher *e)
{
	if (!e)
		return;
	while (e->n)
		event_free(e, first_event(e));
	ttrpc_call_free(e->call);
	ttrpc_free(e->client);
	timer_done(&e->again);
	free(e->address);
	free(e->ns);
	free(e);
}

/* The oldest that may be lost: not the one that is under way. */
static struct event *dispensable_event(struct publisher *e)
{
	list_for_each(it, &e->queue) {
		struct event *v = container_of(it, struct event, node);

		if (!v->kept && (!e->call || v != first_event(e)))
			return v;
	}
	return NULL;
}

static void publisher_make_room(struct publisher *e, size_t n)
{
	struct event *v;

	while (e->bytes + n > EVENTS_BYTES && (v = dispensable_event(e))) {
		if (!e->lost++)
			log_warn("containerd takes no events: the oldest are lost");
		event_free(e, v);
	}
}

size_t publisher_lost(const struct publisher *e) { return e->lost; }

void publisher_say(struct publisher *e, const char *topic, const char *name, const ProtobufCMessage *msg)
{
	_cleanup_free_ char *url = mem_printf("containerd.events.%s", name);
	_cleanup_buf_ struct buf value = { 0 };
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Google__Protobuf__Timestamp now = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Events__Envelope envelope = EVENTS__ENVELOPE__INIT;
	Shim__ForwardRequest req = SHIM__FORWARD_REQUEST__INIT;
	const int64_t at = clock_wall();
	struct event *v;

	if (!e->address)
		return;
	pb_pack(msg, &value);
	any.type_url = url;
	any.value.data = (uint8_t *)value.data;
	any.value.len = value.len;
	now.seconds = at / NSEC_PER_SEC;
	now.nanos = (int32_t)(at % NSEC_PER_SEC);
	envelope.timestamp = &now;
	envelope.namespace_ = e->ns;
	envelope.topic = (char *)(uintptr_t)topic;
	envelope.event = &any;
	req.envelope = &envelope;
	v = mem_new(struct event);
	*v = (struct event){ .kept = !strcmp(name, "TaskExit") };
	pb_pack(&req.base, &v->request);
	publisher_make_room(e, v->request.len);
	e->bytes += v->request.len;
	list_push(&e->queue, &v->node);
	e->n++;
	send_first(e);
}

bool publisher_pending(const struct publisher *e) { return e->n > 0; }
