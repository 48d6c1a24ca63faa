/* Theory of operation: calls hang in a few lists by their id until they end, then in that of those that have; whose owner asked to
 * be told is told from there, with no list being gone through. Of a call's messages the first stands in the call itself. */
#include "ttrpc.h"
#include "clock.h"
#include "conn.h"
#include "list.h"
#include "mem.h"
#include "socket.h"
#include "ttrpc-frame.h"
#include <assert.h>
#include <string.h>

enum {
	BUCKETS = 64,        /* of open calls: a handful in each with hundreds of waits */
	MESSAGE_WEIGHT = 64, /* what an unread message costs beyond its bytes */
};

struct ttrpc {
	struct loop *loop;
	struct conn *conn;
	struct timer told;                     /* goes off where untold is to be looked at from the loop */
	struct list_node calls[BUCKETS];       /* open */
	struct list_node ended, untold, spare; /* untold: ended, and to be notified */
	size_t n_spare;
	struct ttrpc_reader reader;
	uint32_t next_id;
	struct err *closed; /* why the connection is gone; NULL while it is not */
};

struct ttrpc_message {
	struct list_node node;
	struct buf bytes;
};

struct ttrpc_call {
	struct list_node node;
	struct ttrpc *client;
	enum ttrpc_kind kind;
	uint32_t id;
	int64_t deadline;   /* 0: none */
	struct timer timer; /* for it, where nobody waits; on the loop while the call is spare, too */
	bool sending;       /* we have not half-closed */
	bool has_first;
	struct buf first;
	struct list_node messages; /* behind it */
	size_t unread;
	bool ended;
	struct err *why; /* once ended: NULL for status OK */
	void (*fn)(void *arg, struct ttrpc_call *);
	void *arg;
};

static struct list_node *call_bucket(struct ttrpc *t, uint32_t id) { return &t->calls[id / 2 % BUCKETS]; }

static void call_end(struct ttrpc_call *call, const struct err *why)
{
	struct ttrpc *t = call->client;

	if (call->ended)
		return;
	call->ended = true;
	timer_set(&call->timer, 0);
	if (why)
		call->why = mem_dup(why, sizeof *why);
	list_unlink(&call->node);
	list_push(call->fn ? &t->untold : &t->ended, &call->node);
}

static void end_with(struct ttrpc_call *call, enum errc code, const char *text, size_t n)
{
	struct err why = ERR_INIT;

	(void)err_set(&why, code, "%.*s", (int)(n < sizeof why.msg ? n : sizeof why.msg), text);
	call_end(call, &why);
}

static void fail_call(struct ttrpc_call *call, enum errc code, const char *text) { end_with(call, code, text, strlen(text)); }

/* Tell those that have ended; each may free calls and start others. */
static void tell_ended(struct ttrpc *t)
{
	while (!list_empty(&t->untold)) {
		struct ttrpc_call *call = container_of(t->untold.next, struct ttrpc_call, node);

		list_unlink(&call->node);
		list_push(&t->ended, &call->node);
		call->fn(call->arg, call);
	}
}

static void put_data(struct ttrpc_call *call, unsigned flags, const void *data, size_t len)
{
	if (call->client->closed)
		return;
	ttrpc_frame_put(conn_out(call->client->conn), call->id, TTRPC_DATA, flags, data, len);
	conn_kick(call->client->conn);
}

static void add_call_message(struct ttrpc_call *call, const void *p, size_t n)
{
	struct ttrpc_message *m;

	call->unread += MESSAGE_WEIGHT + n;
	if (!call->has_first) {
		buf_reset(&call->first);
		buf_add(&call->first, p, n);
		call->has_first = true;
		return;
	}
	m = mem_new(struct ttrpc_message);
	buf_add(&m->bytes, p, n);
	list_push(&call->messages, &m->node);
	if (call->unread > TTRPC_UNREAD_MAX)
		fail_call(call, ERR_EXHAUSTED, "the stream's messages are not read fast enough");
}

/* The bytes of @ret and of the message change places, so that both ends keep a buffer. */
static void take_message(struct ttrpc_call *call, struct buf *ret)
{
	struct buf before = *ret;
	struct ttrpc_message *m;

	*ret = call->first;
	call->first = before;
	call->unread -= MESSAGE_WEIGHT + ret->len;
	call->has_first = !list_empty(&call->messages);
	if (!call->has_first)
		return;
	m = container_of(call->messages.next, struct ttrpc_message, node);
	buf_done(&call->first);
	call->first = m->bytes;
	list_unlink(&m->node);
	free(m);
}

static void on_response(struct ttrpc_call *call, const struct ttrpc_frame *f)
{
	struct ttrpc_response s;
	struct err why = ERR_INIT;

	if (ttrpc_response_get(f->data, f->len, &s, &why) < 0) {
		call_end(call, &why);
	} else if (s.code && s.message.n) {
		end_with(call, err_from_grpc(s.code), s.message.p, s.message.n);
	} else if (s.code) {
		fail_call(call, err_from_grpc(s.code), err_name(err_from_grpc(s.code)));
	} else {
		if (s.len || call->kind == TTRPC_UNARY || call->kind == TTRPC_CLIENT_STREAM)
			add_call_message(call, s.payload, s.len);
		call_end(call, NULL);
	}
}

static void on_call_data(struct ttrpc_call *call, const struct ttrpc_frame *f)
{
	if (call->kind == TTRPC_UNARY) {
		fail_call(call, ERR_INTERNAL, "data in answer to a unary call");
		return;
	}
	if (!(f->flags & TTRPC_NO_DATA))
		add_call_message(call, f->data, f->len);
	if (f->flags & TTRPC_REMOTE_CLOSED)
		call_end(call, NULL);
}

/* Frames of calls that were freed, and of types that we do not know, are dropped. */
static void on_frame(struct ttrpc *t, const struct ttrpc_frame *f)
{
	list_for_each(it, call_bucket(t, f->id)) {
		struct ttrpc_call *call = container_of(it, struct ttrpc_call, node);

		if (call->id != f->id)
			continue;
		if (f->oversized)
			fail_call(call, ERR_EXHAUSTED, "answer is longer than 4 MiB");
		else if (f->type == TTRPC_RESPONSE)
			on_response(call, f);
		else if (f->type == TTRPC_DATA)
			on_call_data(call, f);
		return;
	}
}

static ssize_t on_client_input(void *arg, const void *p, size_t n, struct err *err)
{
	const unsigned char *at = p;
	struct ttrpc *t = arg;
	struct ttrpc_frame f;
	size_t left = n;

	(void)err;
	while (ttrpc_reader_next(&t->reader, &at, &left, &f))
		on_frame(t, &f);
	tell_ended(t);
	return (ssize_t)(n - left);
}

static void on_client_closed(void *arg, const struct err *why)
{
	struct ttrpc *t = arg;

	t->closed = mem_dup(why, sizeof *why);
	for (size_t i = 0; i < BUCKETS; i++)
		while (!list_empty(&t->calls[i]))
			call_end(container_of(t->calls[i].next, struct ttrpc_call, node), why);
	tell_ended(t);
}

static const struct conn_ops client_ops = { on_client_input, NULL, on_client_closed };

static void on_call_overdue(void *arg)
{
	struct ttrpc_call *call = arg;
	struct ttrpc *t = call->client;

	fail_call(call, ERR_DEADLINE, "timed out");
	tell_ended(t);
}

static void on_untold(void *arg) { tell_ended(arg); }

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
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&t->calls[i]);
	list_init(&t->ended);
	list_init(&t->untold);
	list_init(&t->spare);
	timer_init(&t->told, loop, on_untold, t);
	t->conn = conn_new(loop, fd, path, &client_ops, t);
	*ret = t;
	return 0;
}

static void call_destroy(struct ttrpc_call *call)
{
	list_unlink(&call->node);
	timer_done(&call->timer);
	buf_done(&call->first);
	free(call);
}

void ttrpc_free(struct ttrpc *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		assert(list_empty(&t->calls[i]));
	assert(list_empty(&t->ended) && list_empty(&t->untold));
	list_for_each(it, &t->spare)
		call_destroy(container_of(it, struct ttrpc_call, node));
	timer_done(&t->told);
	conn_free(t->conn);
	free(t->closed);
	free(t);
}

bool ttrpc_alive(const struct ttrpc *t) { return !t->closed; }

static void send_request(struct ttrpc_call *call, const struct ttrpc_request *q, const struct dict *md)
{
	static const unsigned flags[] = {
		[TTRPC_UNARY] = 0,
		[TTRPC_CLIENT_STREAM] = TTRPC_REMOTE_OPEN,
		[TTRPC_SERVER_STREAM] = TTRPC_REMOTE_CLOSED,
		[TTRPC_BIDI] = TTRPC_REMOTE_OPEN,
	};
	struct buf *out = conn_out(call->client->conn);
	size_t begun = ttrpc_frame_begin(out, call->id, TTRPC_REQUEST, flags[call->kind]);

	ttrpc_request_put(out, q, md);
	if (ttrpc_frame_end(out, begun))
		conn_kick(call->client->conn);
	else
		fail_call(call, ERR_EXHAUSTED, "request is longer than 4 MiB");
}

static struct ttrpc_call *call_new(struct ttrpc *t)
{
	struct ttrpc_call *call;

	if (list_empty(&t->spare)) {
		call = mem_new(struct ttrpc_call);
		timer_init(&call->timer, t->loop, on_call_overdue, call);
		return call;
	}
	call = container_of(t->spare.next, struct ttrpc_call, node);
	list_unlink(&call->node);
	t->n_spare--;
	return call;
}

struct ttrpc_call *ttrpc_start(struct ttrpc *t, enum ttrpc_kind kind, const char *service, const char *method, const void *msg,
			       size_t len, const struct dict *md, const struct ctx *ctx)
{
	struct ttrpc_request q = { .payload = msg, .len = len, .timeout_ns = ctx_left(ctx) };
	struct ttrpc_call *call = call_new(t);

	*call = (struct ttrpc_call){
		.client = t, .kind = kind, .id = t->next_id, .deadline = ctx->deadline, .timer = call->timer, .first = call->first
	};
	call->sending = kind == TTRPC_CLIENT_STREAM || kind == TTRPC_BIDI;
	list_init(&call->messages);
	list_push(call_bucket(t, call->id), &call->node);
	q.service = (struct ttrpc_text){ service, strlen(service) };
	q.method = (struct ttrpc_text){ method, strlen(method) };
	if (t->closed) {
		call_end(call, t->closed);
	} else if (t->next_id > INT32_MAX) {
		fail_call(call, ERR_UNAVAILABLE, "connection takes no new calls: its stream ids are used up");
	} else {
		t->next_id += 2;
		send_request(call, &q, md);
	}
	return call;
}

void ttrpc_notify(struct ttrpc_call *call, void (*fn)(void *arg, struct ttrpc_call *), void *arg)
{
	call->fn = fn;
	call->arg = arg;
	if (call->ended) { /* told from the loop: the caller is not ready for it here */
		list_unlink(&call->node);
		list_push(&call->client->untold, &call->node);
		timer_set(&call->client->told, 1);
	} else {
		timer_set(&call->timer, call->deadline);
	}
}

void ttrpc_send(struct ttrpc_call *call, const void *msg, size_t len, bool last)
{
	if (call->ended)
		return;
	assert(call->sending);
	if (len > TTRPC_DATA_MAX) {
		ttrpc_send_end(call);
		fail_call(call, ERR_EXHAUSTED, "message is longer than 4 MiB");
		return;
	}
	call->sending = !last;
	put_data(call, last ? TTRPC_REMOTE_CLOSED : 0, msg, len);
}

void ttrpc_send_end(struct ttrpc_call *call)
{
	if (!call->sending)
		return;
	call->sending = false;
	put_data(call, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA, NULL, 0);
}

bool ttrpc_ready(const struct ttrpc_call *call) { return call->ended || call->has_first; }

/* One turn of the loop within @ctx and the call's own deadline, which ends the call rather than this wait. */
static int turn_for_call(struct ttrpc_call *call, const struct ctx *ctx, struct err *err)
{
	struct ctx both = ctx ? *ctx : ctx_none();
	int r;

	if (call->deadline && (!both.deadline || call->deadline < both.deadline))
		both.deadline = call->deadline;
	r = loop_turn(call->client->loop, &both, err);
	if (r != -ERR_DEADLINE || !call->deadline || clock_mono() < call->deadline)
		return r;
	err_clear(err);
	fail_call(call, ERR_DEADLINE, "timed out");
	return 0;
}

/* Until it is ready, or (@ended) has ended. */
static int wait_for_call(struct ttrpc_call *call, bool ended, const struct ctx *ctx, struct err *err)
{
	int r;

	while (ended ? !call->ended : !ttrpc_ready(call)) {
		conn_flush(call->client->conn);
		if (ended ? call->ended : ttrpc_ready(call))
			break;
		r = turn_for_call(call, ctx, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int call_error(const struct ttrpc_call *call, struct err *err)
{
	if (!call->why)
		return 0;
	if (err)
		*err = *call->why;
	return -(int)call->why->code;
}

int ttrpc_recv(struct ttrpc_call *call, const struct ctx *ctx, struct buf *ret, struct err *err)
{
	int r = wait_for_call(call, false, ctx, err);

	if (r < 0)
		return r;
	buf_reset(ret);
	if (!call->has_first)
		return call_error(call, err);
	take_message(call, ret);
	return 1;
}

int ttrpc_unary_end(struct ttrpc_call *call, const struct ctx *ctx, struct buf *ret, struct err *err)
{
	int r = wait_for_call(call, true, ctx, err);

	if (r == 0)
		r = call_error(call, err);
	if (r < 0)
		return r;
	if (!call->has_first)
		return err_set(err, ERR_INTERNAL, "call ended without an answer");
	if (!list_empty(&call->messages))
		return err_set(err, ERR_INTERNAL, "more than one answer to a unary call");
	take_message(call, ret);
	return 0;
}

void ttrpc_call_free(struct ttrpc_call *call)
{
	struct ttrpc *t;

	if (!call)
		return;
	t = call->client;
	ttrpc_send_end(call);
	while (!list_empty(&call->messages)) {
		struct ttrpc_message *m = container_of(call->messages.next, struct ttrpc_message, node);

		list_unlink(&m->node);
		buf_done(&m->bytes);
		free(m);
	}
	timer_set(&call->timer, 0);
	free(call->why);
	if (call->first.cap > CONN_KEEP)
		buf_done(&call->first);
	if (t->n_spare >= TTRPC_CALLS_KEPT) {
		call_destroy(call);
		return;
	}
	list_unlink(&call->node);
	list_push(&t->spare, &call->node);
	t->n_spare++;
}
