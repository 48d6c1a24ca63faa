/* Theory of operation: a stream ends by its last frame being put into the connection's output; it is freed where no
 * handler function is on the stack: behind the frame that is being dealt with, or when the connection next writes. */
#include "ttrpc-server.h"
#include "buf.h"
#include "clock.h"
#include "conn.h"
#include "list.h"
#include "mem.h"
#include "ttrpc-frame.h"
#include <assert.h>
#include <stdbool.h>
#include <sys/socket.h>

struct ttrpc_server {
	struct loop *loop;
	struct listener *listener;
	const struct ttrpc_handler *handler;
	void *arg;
};

/* One connection. */
struct peer {
	struct guest guest;
	struct ttrpc_server *server;
	struct ttrpc_reader reader;
	struct buf out;
	struct list_node streams, ended;
	struct timer *timer;
	int64_t next_deadline; /* no stream has an earlier one; 0: none has one */
	size_t n_streams;
	uint32_t last_id;
	bool dropped;
};

struct ttrpc_stream {
	struct list_node node;
	struct peer *peer;
	uint32_t id;
	bool unary;
	bool remote_closed; /* the client has half-closed */
	bool ended, open;   /* open: the handler has a state to be told of */
	void *state;
	int64_t deadline;
};

static void put(struct ttrpc_stream *st, enum ttrpc_type type, unsigned flags, const void *data, size_t len)
{
	ttrpc_frame_put(&st->peer->out, st->id, type, flags, data, len);
	conn_kick(st->peer->guest.conn);
}

static void put_response(struct peer *p, uint32_t id, const struct ttrpc_response *s)
{
	_cleanup_buf_ struct buf b = { 0 };

	ttrpc_response_put(&b, s);
	if (b.len > TTRPC_DATA_MAX) {
		buf_reset(&b);
		ttrpc_response_put(&b, &(struct ttrpc_response){ .code = err_to_grpc(-ERR_EXHAUSTED),
								 .message = (char[]){ "answer is longer than 4 MiB" } });
	}
	ttrpc_frame_put(&p->out, id, TTRPC_RESPONSE, 0, b.data, b.len);
	conn_kick(p->guest.conn);
}

static void refuse(struct peer *p, uint32_t id, enum errc code, const char *text)
{
	_cleanup_free_ char *message = mem_strdup(text);

	put_response(p, id, &(struct ttrpc_response){ .code = err_to_grpc(-(int)code), .message = message });
}

static void end(struct ttrpc_stream *st)
{
	st->ended = true;
	list_unlink(&st->node);
	list_push(&st->peer->ended, &st->node);
	st->peer->n_streams--;
}

static void stream_free(struct ttrpc_stream *st)
{
	const struct ttrpc_handler *h = st->peer->server->handler;

	if (st->open && h->closed)
		h->closed(st->state, st);
	list_unlink(&st->node);
	free(st);
}

static void free_ended(struct peer *p)
{
	list_for_each(it, &p->ended)
		stream_free(container_of(it, struct ttrpc_stream, node));
}

void ttrpc_stream_send(struct ttrpc_stream *st, const void *msg, size_t len)
{
	if (st->ended || st->peer->dropped)
		return;
	assert(!st->unary);
	if (len > TTRPC_DATA_MAX)
		ttrpc_stream_end(st, err_to_grpc(-ERR_EXHAUSTED), "message is longer than 4 MiB");
	else
		put(st, TTRPC_DATA, 0, msg, len);
}

void ttrpc_stream_reply(struct ttrpc_stream *st, const void *msg, size_t len)
{
	if (st->ended || st->peer->dropped)
		return;
	put_response(st->peer, st->id, &(struct ttrpc_response){ .payload = msg, .len = len });
	end(st);
}

void ttrpc_stream_end(struct ttrpc_stream *st, unsigned status, const char *message)
{
	if (st->ended || st->peer->dropped)
		return;
	if (status || st->unary)
		refuse(st->peer, st->id, err_from_grpc(status), message);
	else
		put(st, TTRPC_DATA, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA, NULL, 0);
	end(st);
}

int64_t ttrpc_stream_deadline(const struct ttrpc_stream *st) { return st->deadline; }

void ttrpc_stream_drop_connection(struct ttrpc_stream *st)
{
	st->peer->dropped = true;
	conn_abort(st->peer->guest.conn);
}

static void note_deadline(struct peer *p, int64_t at)
{
	if (!at || (p->next_deadline && p->next_deadline <= at))
		return;
	p->next_deadline = at;
	timer_set(p->timer, at);
}

static void on_time(void *arg)
{
	int64_t now = clock_mono();
	struct peer *p = arg;

	p->next_deadline = 0;
	list_for_each(it, &p->streams) {
		struct ttrpc_stream *st = container_of(it, struct ttrpc_stream, node);

		if (st->deadline && st->deadline <= now)
			ttrpc_stream_end(st, err_to_grpc(-ERR_DEADLINE), "timed out");
		else
			note_deadline(p, st->deadline);
	}
	free_ended(p);
}

static void message(struct ttrpc_stream *st, const void *p, size_t n)
{
	const struct ttrpc_handler *h = st->peer->server->handler;

	if (st->open && !st->ended && h->message)
		h->message(st->state, st, n ? p : "", n);
}

static void half_close(struct ttrpc_stream *st)
{
	const struct ttrpc_handler *h = st->peer->server->handler;

	st->remote_closed = true;
	if (st->open && !st->ended && h->half_close)
		h->half_close(st->state, st);
}

static void open_stream(struct peer *p, const struct ttrpc_frame *f, const struct ttrpc_request *q)
{
	struct ttrpc_stream *st = mem_new(struct ttrpc_stream);
	bool more = f->flags & TTRPC_REMOTE_OPEN;

	*st = (struct ttrpc_stream){ .peer = p, .id = f->id, .unary = !(f->flags & (TTRPC_REMOTE_OPEN | TTRPC_REMOTE_CLOSED)) };
	if (q->timeout_ns && __builtin_add_overflow(clock_mono(), q->timeout_ns, &st->deadline))
		st->deadline = INT64_MAX;
	note_deadline(p, st->deadline);
	list_push(&p->streams, &st->node);
	p->n_streams++;
	st->state = p->server->handler->open(p->server->arg, st, q->service, q->method, &q->md);
	st->open = st->state;
	if (q->payload || !more)
		message(st, q->payload, q->len);
	if (!more)
		half_close(st);
}

static void on_request(struct peer *p, const struct ttrpc_frame *f)
{
	_cleanup_(ttrpc_request_done) struct ttrpc_request q = { 0 };
	struct err why = ERR_INIT;

	if (f->id % 2 == 0 || f->id <= p->last_id) {
		refuse(p, f->id, ERR_INVALID, f->id % 2 ? "stream id cannot be used again" : "stream id must be odd");
		return;
	}
	p->last_id = f->id;
	if (f->oversized)
		refuse(p, f->id, ERR_EXHAUSTED, "request is longer than 4 MiB");
	else if (p->n_streams >= TTRPC_SERVER_STREAMS)
		refuse(p, f->id, ERR_EXHAUSTED, "too many calls at once");
	else if (ttrpc_request_get(f->data.data, f->data.len, &q, &why) < 0)
		refuse(p, f->id, why.code, why.msg);
	else
		open_stream(p, f, &q);
}

/* Data of a stream that has ended is dropped: the client cannot know yet. */
static void on_data(struct peer *p, const struct ttrpc_frame *f)
{
	list_for_each(it, &p->streams) {
		struct ttrpc_stream *st = container_of(it, struct ttrpc_stream, node);

		if (st->id != f->id)
			continue;
		if (f->oversized) {
			ttrpc_stream_end(st, err_to_grpc(-ERR_EXHAUSTED), "message is longer than 4 MiB");
		} else if (st->unary || st->remote_closed) {
			ttrpc_stream_end(st, err_to_grpc(-ERR_INVALID), "data on a stream that takes none");
		} else {
			if (!(f->flags & TTRPC_NO_DATA))
				message(st, f->data.data, f->data.len);
			if (f->flags & TTRPC_REMOTE_CLOSED)
				half_close(st);
		}
		return;
	}
}

static ssize_t input(void *arg, const void *bytes, size_t n, struct err *err)
{
	size_t all = n;
	_cleanup_(ttrpc_frame_done) struct ttrpc_frame f = { 0 };
	const unsigned char *b = bytes;
	struct peer *p = arg;

	(void)err;
	while (n && !p->dropped && ttrpc_reader_feed(&p->reader, &b, &n, &f)) {
		if (f.type == TTRPC_REQUEST)
			on_request(p, &f);
		else if (f.type == TTRPC_DATA)
			on_data(p, &f);
		free_ended(p);
	}
	return (ssize_t)all;
}

static int output(void *arg, struct buf *out, struct err *err)
{
	struct peer *p = arg;
	struct buf empty = *out;

	(void)err;
	assert(!out->len);
	free_ended(p);
	*out = p->out;
	p->out = empty;
	return 0;
}

static void peer_free(struct peer *p)
{
	p->dropped = true; /* a handler that still answers answers nobody */
	free_ended(p);
	list_for_each(it, &p->streams)
		stream_free(container_of(it, struct ttrpc_stream, node));
	timer_free(p->timer);
	guest_done(&p->guest);
	ttrpc_reader_done(&p->reader);
	buf_done(&p->out);
	free(p);
}

static void closed(void *arg, const struct err *why)
{
	(void)why; /* clients come and go */
	peer_free(arg);
}

static const struct conn_ops ops = { input, output, closed };

static void on_connection(void *arg, int fd)
{
	struct ttrpc_server *s = arg;
	struct peer *p = mem_new(struct peer);

	p->server = s;
	list_init(&p->streams);
	list_init(&p->ended);
	p->timer = loop_timer(s->loop, on_time, p);
	guest_init(&p->guest, s->listener, fd, "client", &ops, p);
	conn_polite(p->guest.conn);
}

struct ttrpc_server *ttrpc_server_new(struct loop *loop, int fd, const struct listener_limits *limits,
				      const struct ttrpc_handler *handler, void *arg)
{
	struct ttrpc_server *s = mem_new(struct ttrpc_server);

	*s = (struct ttrpc_server){ .loop = loop, .handler = handler, .arg = arg };
	s->listener = listener_new(loop, fd, limits, on_connection, s);
	return s;
}

void ttrpc_server_free(struct ttrpc_server *s)
{
	if (!s)
		return;
	list_for_each(it, listener_guests(s->listener))
		peer_free(container_of(it, struct peer, guest.node));
	listener_free(s->listener);
	free(s);
}

void ttrpc_server_flush(struct ttrpc_server *s)
{
	list_for_each(it, listener_guests(s->listener))
		conn_flush(container_of(it, struct peer, guest.node)->guest.conn);
}

size_t ttrpc_server_connections(const struct ttrpc_server *s) { return listener_n(s->listener); }

struct listener_counts ttrpc_server_counts(const struct ttrpc_server *s) { return listener_counts(s->listener); }
