#include "task-call.h"
#include "clock.h"
#include "parked.h"

/* answers */

static unsigned grpc_status(int r) { return r <= -ERR_CANCELLED && r >= -ERR_UNAUTHENTICATED ? (unsigned)(-r - ERR_BASE) : 2; }

void task_answer(struct ttrpc_stream *s, const ProtobufCMessage *msg)
{
	_cleanup_buf_ struct buf out = { 0 };

	if (msg)
		pb_pack(msg, &out);
	ttrpc_stream_reply(s, out.data, out.len);
}

void task_refuse(struct ttrpc_stream *s, int r, const struct err *err) { ttrpc_stream_end(s, grpc_status(r), err->msg); }

void task_answer_end(struct ttrpc_stream *s, int r, const struct err *err)
{
	if (r < 0)
		task_refuse(s, r, err);
	else
		task_answer(s, NULL);
}

void refuse_as(struct ttrpc_stream *s, enum errc code, const char *why) { ttrpc_stream_end(s, grpc_status(-(int)code), why); }

Google__Protobuf__Timestamp task_time(int64_t wall)
{
	Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

	t.seconds = wall / NSEC_PER_SEC;
	t.nanos = (int32_t)(wall % NSEC_PER_SEC);
	return t;
}

/* requests */

const void *task_request(struct ttrpc_stream *s, const ProtobufCMessageDescriptor *type, const void *msg, size_t len,
			 struct arena *a)
{
	const ProtobufCMessage *m = NULL;
	struct err err = ERR_INIT;
	int r = pb_unpack(type, msg, len, a, &m, &err);

	if (r < 0)
		refuse_as(s, ERR_INVALID, err.msg);
	return r < 0 ? NULL : m;
}

struct container *the_container(struct shim *shim, struct ttrpc_stream *s, const char *id)
{
	struct container *c = container_find(shim, id);

	if (!c || c->init.state == PROCESS_CREATING) {
		refuse_as(s, ERR_NOT_FOUND, "container not created");
		return NULL;
	}
	return c;
}

struct process *the_process(struct shim *shim, struct ttrpc_stream *s, const char *id, const char *exec_id)
{
	struct container *c = the_container(shim, s, id);
	struct process *p = c ? process_find(c, exec_id) : NULL;

	if (c && !p)
		refuse_as(s, ERR_NOT_FOUND, "process does not exist");
	return p;
}

struct process *idle_process(struct shim *shim, struct ttrpc_stream *s, const char *id, const char *exec_id, const void *msg,
			     size_t len)
{
	struct process *p = the_process(shim, s, id, exec_id);

	if (!p || !process_busy(p))
		return p;
	parked_add(shim, s, msg, len);
	return NULL;
}

void task_closed(void *arg, struct ttrpc_stream *s)
{
	struct process *p = parked_closed(arg, s) ? NULL : ttrpc_stream_state(s);

	if (p && p->asked == s)
		p->asked = NULL;
}

struct ttrpc_stream *take_asked(struct process *p)
{
	struct ttrpc_stream *s = TAKE_PTR(p->asked);

	if (s)
		ttrpc_stream_set(s, NULL);
	return s;
}

void task_tell(const struct process *p, const char *topic, const char *name, const ProtobufCMessage *msg)
{
	if (!p->of->silent)
		publisher_say(p->of->shim->publisher, topic, name, msg);
}
