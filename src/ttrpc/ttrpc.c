#include "ttrpc.h"
#include "clock.h"
#include "conn.h"
#include "socket.h"
#include "list.h"
#include "mem.h"
#include "ttrpc-frame.h"
#include <assert.h>

struct ttrpc {
	struct loop *loop;
	struct conn *conn;
	struct list_node calls;
	struct ttrpc_reader reader;
	struct buf out;
	uint32_t next_id;
	struct err *closed; /* why the connection is gone; NULL while it is not */
};

enum { MESSAGE_WEIGHT = 64 }; /* what an unread message costs beyond its bytes */

struct message {
	struct list_node node;
	struct buf bytes;
};

struct ttrpc_call {
	struct list_node node;
	struct ttrpc *client;
	enum ttrpc_kind kind;
	uint32_t id;
	int64_t deadline; /* 0: none */
	bool sending;     /* we have not half-closed */
	struct list_node messages;
	size_t unread;
	bool ended;
	struct err *why; /* once ended: NULL for status OK */
};

static void end(struct ttrpc_call *call, const struct err *why)
{
	if (call->ended)
		return;
	call->ended = true;
	if (why)
		call->why = mem_dup(why, sizeof *why);
}

static void end_with(struct ttrpc_call *call, enum errc code, const char *text)
{
	struct err why = ERR_INIT;

	(void)err_set(&why, code, "%s", text);
	end(call, &why);
}

static void put(struct ttrpc_call *call, enum ttrpc_type type, unsigned flags, const void *data, size_t len)
{
	if (call->client->closed)
		return;
	ttrpc_frame_put(&call->client->out, call->id, type, flags, data, len);
	conn_kick(call->client->conn);
}

/* Takes @bytes over. */
static void add_message(struct ttrpc_call *call, struct buf *bytes)
{
	struct message *m = mem_new(struct message);

	m->bytes = *bytes;
	*bytes = (struct buf){ 0 };
	call->unread += MESSAGE_WEIGHT + m->bytes.len;
	list_push(&call->messages, &m->node);
	if (call->unread > TTRPC_UNREAD_MAX)
		end_with(call, ERR_EXHAUSTED, "the stream's messages are not read fast enough");
}

static void on_response(struct ttrpc_call *call, const struct ttrpc_frame *f)
{
	_cleanup_(ttrpc_response_done) struct ttrpc_response s = { 0 };
	_cleanup_buf_ struct buf bytes = { 0 };
	struct err why = ERR_INIT;

	if (ttrpc_response_get(f->data.data, f->data.len, &s, &why) < 0) {
		end(call, &why);
	} else if (s.code) {
		end_with(call, err_from_grpc(s.code), s.message && *s.message ? s.message : err_name(err_from_grpc(s.code)));
	} else {
		if (s.len || call->kind == TTRPC_UNARY || call->kind == TTRPC_CLIENT_STREAM) {
			buf_add(&bytes, s.payload, s.len);
			add_message(call, &bytes);
		}
		end(call, NULL);
	}
}

static void on_data(struct ttrpc_call *call, struct ttrpc_frame *f)
{
	if (call->kind == TTRPC_UNARY) {
		end_with(call, ERR_INTERNAL, "data in answer to a unary call");
		return;
	}
	if (!(f->flags & TTRPC_NO_DATA))
		add_message(call, &f->data);
	if (f->flags & TTRPC_REMOTE_CLOSED)
		end(call, NULL);
}

/* Frames of calls that were freed, and of types that we do not know, are dropped. */
static void on_frame(struct ttrpc *t, struct ttrpc_frame *f)
{
	list_for_each(it, &t->calls) {
		struct ttrpc_call *call = container_of(it, struct ttrpc_call, node);

		if (call->id != f->id || call->ended)
			continue;
		if (f->oversized)
			end_with(call, ERR_EXHAUSTED, "answer is longer than 4 MiB");
		else if (f->type == TTRPC_RESPONSE)
			on_response(call, f);
		else if (f->type == TTRPC_DATA)
			on_data(call, f);
		return;
	}
}

static ssize_t input(void *arg, const void *p, size_t n, struct err *err)
{
	_cleanup_(ttrpc_frame_done) struct ttrpc_frame f = { 0 };
	const unsigned char *bytes = p;
	size_t all = n;
	struct ttrpc *t = arg;

	(void)err;
	while (n && ttrpc_reader_feed(&t->reader, &bytes, &n, &f))
		on_frame(t, &f);
	return (ssize_t)all;
}

static int output(void *arg, struct buf *out, struct err *err)
{
	struct ttrpc *t = arg;
	struct buf empty = *out;

	(void)err;
	assert(!out->len);
	*out = t->out;
	t->out = empty;
	return 0;
}

static void closed(void *arg, const struct err *why)
{
	struct ttrpc *t = arg;

	t->closed = mem_dup(why, sizeof *why);
	list_for_each(it, &t->calls)
		end(container_of(it, struct ttrpc_call, node), why);
}

static const struct conn_ops ops = { input, output, closed };

int ttrpc_open(struct loop *loop, const char *path, struct ttrpc **ret, struct err *err)
{
	struct ttrpc *t;
	int fd, r;

	r = socket_dial(path, &fd, err);
	if (r < 0)
		return r;
	t = mem_new(struct ttrpc);
	t->loop = loop;
	t->next_id = 1;
	list_init(&t->calls);
	t->conn = conn_new(loop, fd, path, &ops, t);
	*ret = t;
	return 0;
}

void ttrpc_free(struct ttrpc *t)
{
	if (!t)
		return;
	assert(list_empty(&t->calls));
	conn_free(t->conn);
	ttrpc_reader_done(&t->reader);
	buf_done(&t->out);
	free(t->closed);
	free(t);
}

bool ttrpc_alive(const struct ttrpc *t) { return !t->closed; }

static void send_request(struct ttrpc_call *call, const struct ttrpc_request *q)
{
	static const unsigned flags[] = {
		[TTRPC_UNARY] = 0,
		[TTRPC_CLIENT_STREAM] = TTRPC_REMOTE_OPEN,
		[TTRPC_SERVER_STREAM] = TTRPC_REMOTE_CLOSED,
		[TTRPC_BIDI] = TTRPC_REMOTE_OPEN,
	};
	_cleanup_buf_ struct buf b = { 0 };

	ttrpc_request_put(&b, q);
	if (b.len > TTRPC_DATA_MAX)
		end_with(call, ERR_EXHAUSTED, "request is longer than 4 MiB");
	else
		put(call, TTRPC_REQUEST, flags[call->kind], b.data, b.len);
}

struct ttrpc_call *ttrpc_start(struct ttrpc *t, enum ttrpc_kind kind, const char *service, const char *method, const void *msg,
			       size_t len, const struct dict *md, const struct ctx *ctx)
{
	struct ttrpc_call *call = mem_new(struct ttrpc_call);
	struct ttrpc_request q = { .payload = msg, .len = len, .timeout_ns = ctx_left(ctx) };

	*call = (struct ttrpc_call){ .client = t, .kind = kind, .id = t->next_id, .deadline = ctx->deadline };
	call->sending = kind == TTRPC_CLIENT_STREAM || kind == TTRPC_BIDI;
	list_init(&call->messages);
	list_push(&t->calls, &call->node);
	if (t->closed) {
		end(call, t->closed);
	} else if (t->next_id > INT32_MAX) {
		end_with(call, ERR_UNAVAILABLE, "connection takes no new calls: its stream ids are used up");
	} else {
		t->next_id += 2;
		q.service = mem_strdup(service);
		q.method = mem_strdup(method);
		if (md)
			dict_add(&q.md, md);
		send_request(call, &q);
		ttrpc_request_done(&q);
	}
	return call;
}

void ttrpc_send(struct ttrpc_call *call, const void *msg, size_t len, bool last)
{
	if (call->ended)
		return;
	assert(call->sending);
	if (len > TTRPC_DATA_MAX) {
		ttrpc_send_end(call);
		end_with(call, ERR_EXHAUSTED, "message is longer than 4 MiB");
		return;
	}
	call->sending = !last;
	put(call, TTRPC_DATA, last ? TTRPC_REMOTE_CLOSED : 0, msg, len);
}

void ttrpc_send_end(struct ttrpc_call *call)
{
	if (!call->sending)
		return;
	call->sending = false;
	put(call, TTRPC_DATA, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA, NULL, 0);
}

bool ttrpc_ready(const struct ttrpc_call *call) { return call->ended || !list_empty(&call->messages); }

/* One turn of the loop within @ctx and the call's own deadline, which ends the call rather than this wait. */
static int turn(struct ttrpc_call *call, const struct ctx *ctx, struct err *err)
{
	struct ctx both = ctx ? *ctx : ctx_none();
	int r;

	if (call->deadline && (!both.deadline || call->deadline < both.deadline))
		both.deadline = call->deadline;
	r = loop_turn(call->client->loop, &both, err);
	if (r != -ERR_DEADLINE || !call->deadline || clock_mono() < call->deadline)
		return r;
	if (err)
		*err = (struct err)ERR_INIT;
	end_with(call, ERR_DEADLINE, "timed out");
	return 0;
}

static void take(struct ttrpc_call *call, struct buf *ret)
{
	struct message *m = container_of(call->messages.next, struct message, node);

	buf_done(ret);
	*ret = m->bytes;
	call->unread -= MESSAGE_WEIGHT + ret->len;
	list_unlink(&m->node);
	free(m);
}

int ttrpc_recv(struct ttrpc_call *call, const struct ctx *ctx, struct buf *ret, struct err *err)
{
	int r;

	while (!ttrpc_ready(call)) {
		conn_flush(call->client->conn);
		if (ttrpc_ready(call))
			break;
		r = turn(call, ctx, err);
		if (r < 0)
			return r;
	}
	buf_reset(ret);
	if (!list_empty(&call->messages)) {
		take(call, ret);
		return 1;
	}
	if (!call->why)
		return 0;
	if (err)
		*err = *call->why;
	return -(int)call->why->code;
}

int ttrpc_unary_end(struct ttrpc_call *call, const struct ctx *ctx, struct buf *ret, struct err *err)
{
	_cleanup_buf_ struct buf answer = { 0 }, more = { 0 };
	int r;

	r = ttrpc_recv(call, ctx, &answer, err);
	if (r == 0)
		return err_set(err, ERR_INTERNAL, "call ended without an answer");
	if (r < 0)
		return r;
	r = ttrpc_recv(call, ctx, &more, err);
	if (r > 0)
		return err_set(err, ERR_INTERNAL, "more than one answer to a unary call");
	if (r < 0)
		return r;
	buf_done(ret);
	*ret = answer;
	answer = (struct buf){ 0 };
	return 0;
}

void ttrpc_call_free(struct ttrpc_call *call)
{
	_cleanup_buf_ struct buf unread = { 0 };

	if (!call)
		return;
	ttrpc_send_end(call);
	while (!list_empty(&call->messages))
		take(call, &unread);
	list_unlink(&call->node);
	free(call->why);
	free(call);
}
