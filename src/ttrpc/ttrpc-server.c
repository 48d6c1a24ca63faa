/* Theory of operation: a stream ends by its last frame being put into the connection's output; it goes where no
 * handler function is on the stack: behind the frame that is being dealt with, or when the connection next writes. Streams
 * that are open hang in a few lists by their id. */
#include "ttrpc-server.h"
#include "buf.h"
#include "clock.h"
#include "mem.h"
#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { BUCKETS = 64 /* of open streams: a handful in each with hundreds of waits */ };

/* One connection. */
struct ttrpc_peer {
	struct guest guest;
	struct ttrpc_server *server;
	struct ttrpc_reader reader;
	struct list_node streams[BUCKETS], ended;
	size_t n_streams;
	uint32_t last_id;
	bool dropped;
};

struct ttrpc_stream {
	struct list_node node; /* of its peer's, or of the spare ones */
	struct list_node link; /* the handler's */
	struct ttrpc_peer *peer;
	const struct ttrpc_method *method;
	const struct ttrpc_request *request; /* during the first message */
	void *state;
	struct timer deadline; /* on the loop while the stream is spare, too */
	uint32_t id;
	bool unary;
	bool remote_closed; /* the client has half-closed */
	bool ended;
};

struct ttrpc_server {
	struct loop *loop;
	struct listener *listener;
	const struct ttrpc_service *services;
	void *arg;
	struct list_node spare; /* streams: of first, and others that were needed once */
	size_t n_others;        /* of those others */
	struct ttrpc_stream first[TTRPC_SERVER_STREAMS_KEPT];
};

static struct list_node *stream_bucket(struct ttrpc_peer *p, uint32_t id) { return &p->streams[id / 2 % BUCKETS]; }

static struct buf *peer_out(struct ttrpc_peer *p) { return conn_out(p->guest.conn); }

/* Whether anybody hears what is sent. */
static bool peer_hears(const struct ttrpc_peer *p) { return !p->dropped && !conn_is_mute(p->guest.conn); }

static void put_status(struct ttrpc_peer *p, uint32_t id, enum errc code, const char *text)
{
	struct ttrpc_response s = { .code = err_to_grpc(-(int)code), .message = { text, text ? strlen(text) : 0 } };
	size_t begun = ttrpc_frame_begin(peer_out(p), id, TTRPC_RESPONSE, 0);

	if (s.message.n > TTRPC_DATA_MAX / 2)
		s.message.n = TTRPC_DATA_MAX / 2;
	ttrpc_response_put(peer_out(p), &s);
	(void)ttrpc_frame_end(peer_out(p), begun);
	conn_kick(p->guest.conn);
}

static void on_overdue(void *arg);

static bool is_other(const struct ttrpc_server *s, const struct ttrpc_stream *st)
{
	return st < s->first || st >= s->first + TTRPC_SERVER_STREAMS_KEPT;
}

static struct ttrpc_stream *stream_new(struct ttrpc_server *s)
{
	struct ttrpc_stream *st;

	if (list_empty(&s->spare)) {
		st = mem_new(struct ttrpc_stream);
		timer_init(&st->deadline, s->loop, on_overdue, st);
		return st;
	}
	st = container_of(s->spare.next, struct ttrpc_stream, node);
	list_unlink(&st->node);
	s->n_others -= is_other(s, st);
	return st;
}

static void stream_end(struct ttrpc_stream *st)
{
	st->ended = true;
	timer_set(&st->deadline, 0);
	list_unlink(&st->link);
	list_unlink(&st->node);
	list_push(&st->peer->ended, &st->node);
	st->peer->n_streams--;
}

static void ttrpc_stream_free(struct ttrpc_server *s, struct ttrpc_stream *st)
{
	timer_done(&st->deadline);
	list_unlink(&st->node);
	if (is_other(s, st))
		free(st);
}

static void stream_done(struct ttrpc_stream *st)
{
	struct ttrpc_server *s = st->peer->server;

	list_unlink(&st->link);
	if (st->method->closed)
		st->method->closed(s->arg, st);
	list_unlink(&st->link); /* closed() may have parked it again */
	list_unlink(&st->node);
	if (is_other(s, st) && s->n_others >= TTRPC_SERVER_STREAMS_KEPT) {
		ttrpc_stream_free(s, st);
		return;
	}
	list_push(&s->spare, &st->node);
	s->n_others += is_other(s, st);
}

static void done_with_ended(struct ttrpc_peer *p)
{
	while (!list_empty(&p->ended))
		stream_done(container_of(p->ended.next, struct ttrpc_stream, node));
}

void ttrpc_stream_set(struct ttrpc_stream *st, void *state) { st->state = state; }

void *ttrpc_stream_state(const struct ttrpc_stream *st) { return st->state; }

struct list_node *ttrpc_stream_link(struct ttrpc_stream *st) { return &st->link; }

struct ttrpc_stream *ttrpc_stream_of(struct list_node *link) { return container_of(link, struct ttrpc_stream, link); }

const struct ttrpc_method *ttrpc_stream_method(const struct ttrpc_stream *st) { return st->method; }

int64_t ttrpc_stream_deadline(const struct ttrpc_stream *st) { return st->deadline.at; }

struct ttrpc_text ttrpc_stream_md(const struct ttrpc_stream *st, const char *key)
{
	return st->request ? ttrpc_request_md(st->request, key) : (struct ttrpc_text){ 0 };
}

void ttrpc_stream_send(struct ttrpc_stream *st, const void *msg, size_t len)
{
	if (st->ended || !peer_hears(st->peer))
		return;
	assert(!st->unary);
	if (len > TTRPC_DATA_MAX) {
		ttrpc_stream_end(st, err_to_grpc(-ERR_EXHAUSTED), "message is longer than 4 MiB");
		return;
	}
	ttrpc_frame_put(peer_out(st->peer), st->id, TTRPC_DATA, 0, msg, len);
	conn_kick(st->peer->guest.conn);
}

void *ttrpc_stream_answer(struct ttrpc_stream *st, size_t len)
{
	struct buf *out = peer_out(st->peer);
	size_t begun;
	char *room;

	if (st->ended)
		return NULL;
	if (!peer_hears(st->peer)) {
		stream_end(st);
		return NULL;
	}
	if (len > TTRPC_DATA_MAX - 8) { /* with the field's head */
		ttrpc_stream_end(st, err_to_grpc(-ERR_EXHAUSTED), "answer is longer than 4 MiB");
		return NULL;
	}
	begun = ttrpc_frame_begin(out, st->id, TTRPC_RESPONSE, 0);
	room = ttrpc_response_room(out, len);
	(void)ttrpc_frame_end(out, begun);
	conn_kick(st->peer->guest.conn);
	stream_end(st);
	return room;
}

void ttrpc_stream_reply(struct ttrpc_stream *st, const void *msg, size_t len)
{
	void *room = ttrpc_stream_answer(st, len);

	if (room && len)
		memcpy(room, msg, len);
}

void ttrpc_stream_end(struct ttrpc_stream *st, unsigned status, const char *message)
{
	if (st->ended)
		return;
	if (!peer_hears(st->peer)) {
		stream_end(st);
		return;
	}
	if (status || st->unary) {
		put_status(st->peer, st->id, status ? err_from_grpc(status) : ERR_NONE, message);
	} else {
		ttrpc_frame_put(peer_out(st->peer), st->id, TTRPC_DATA, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA, NULL, 0);
		conn_kick(st->peer->guest.conn);
	}
	stream_end(st);
}

void ttrpc_stream_drop_connection(struct ttrpc_stream *st)
{
	st->peer->dropped = true;
	conn_abort(st->peer->guest.conn);
}

static void on_overdue(void *arg)
{
	struct ttrpc_stream *st = arg;
	struct ttrpc_peer *p = st->peer;

	ttrpc_stream_end(st, err_to_grpc(-ERR_DEADLINE), "timed out");
	done_with_ended(p);
}

static void stream_message(struct ttrpc_stream *st, const void *p, size_t n)
{
	if (!st->ended)
		st->method->message(st->peer->server->arg, st, n ? p : "", n);
}

static void stream_half_close(struct ttrpc_stream *st)
{
	st->remote_closed = true;
	if (!st->ended && st->method->half_close)
		st->method->half_close(st->peer->server->arg, st);
}

static void open_ttrpc_stream(struct ttrpc_peer *p, const struct ttrpc_frame *f, const struct ttrpc_request *q,
			      const struct ttrpc_method *method)
{
	struct ttrpc_stream *st = stream_new(p->server);
	bool more = f->flags & TTRPC_REMOTE_OPEN;
	int64_t deadline;

	*st = (struct ttrpc_stream){ .peer = p, .id = f->id, .method = method, .request = q, .deadline = st->deadline };
	st->unary = !(f->flags & (TTRPC_REMOTE_OPEN | TTRPC_REMOTE_CLOSED));
	if (q->timeout_ns)
		timer_set(&st->deadline, __builtin_add_overflow(clock_mono(), q->timeout_ns, &deadline) ? INT64_MAX : deadline);
	list_push(stream_bucket(p, st->id), &st->node);
	p->n_streams++;
	if (q->payload || !more)
		stream_message(st, q->payload, q->len);
	st->request = NULL;
	if (!more)
		stream_half_close(st);
}

/* NULL: @ret_text says what is not there. */
static const struct ttrpc_method *find_method(const struct ttrpc_server *s, const struct ttrpc_request *q, const char **ret_text)
{
	const struct ttrpc_service *service = s->services;

	while (service->name && !ttrpc_text_is(q->service, service->name))
		service++;
	*ret_text = service->name ? "unknown method" : "unknown service";
	for (const struct ttrpc_method *m = service->methods; service->name && m->name; m++)
		if (ttrpc_text_is(q->method, m->name))
			return m;
	return NULL;
}

static void on_request(struct ttrpc_peer *p, const struct ttrpc_frame *f)
{
	const struct ttrpc_method *method;
	struct ttrpc_request q;
	struct err why = ERR_INIT;
	const char *text;

	if (f->id % 2 == 0 || f->id <= p->last_id) {
		put_status(p, f->id, ERR_INVALID, f->id % 2 ? "stream id cannot be used again" : "stream id must be odd");
		return;
	}
	p->last_id = f->id;
	if (f->oversized) {
		put_status(p, f->id, ERR_EXHAUSTED, "request is too long");
	} else if (p->n_streams >= TTRPC_SERVER_STREAMS) {
		put_status(p, f->id, ERR_EXHAUSTED, "too many calls at once");
	} else if (ttrpc_request_get(f->data, f->len, &q, &why) < 0) {
		put_status(p, f->id, why.code, why.msg);
	} else {
		method = find_method(p->server, &q, &text);
		if (method)
			open_ttrpc_stream(p, f, &q, method);
		else
			put_status(p, f->id, ERR_UNIMPLEMENTED, text);
	}
}

static void on_stream_data(struct ttrpc_stream *st, const struct ttrpc_frame *f)
{
	if (f->oversized) {
		ttrpc_stream_end(st, err_to_grpc(-ERR_EXHAUSTED), "message is longer than 4 MiB");
	} else if (st->unary || st->remote_closed) {
		ttrpc_stream_end(st, err_to_grpc(-ERR_INVALID), "data on a stream that takes none");
	} else {
		if (!(f->flags & TTRPC_NO_DATA))
			stream_message(st, f->data, f->len);
		if (f->flags & TTRPC_REMOTE_CLOSED)
			stream_half_close(st);
	}
}

/* Data of a stream that has ended is dropped: the client cannot know yet. */
static void on_peer_data(struct ttrpc_peer *p, const struct ttrpc_frame *f)
{
	list_for_each(it, stream_bucket(p, f->id)) {
		struct ttrpc_stream *st = container_of(it, struct ttrpc_stream, node);

		if (st->id == f->id) {
			on_stream_data(st, f);
			return;
		}
	}
}

static ssize_t on_ttrpc_input(void *arg, const void *bytes, size_t n, struct err *err)
{
	const unsigned char *at = bytes;
	struct ttrpc_peer *p = arg;
	struct ttrpc_frame f;
	size_t left = n;

	(void)err;
	p->reader.max = listener_full(p->server->listener) ? CONN_KEEP : 0;
	while (!p->dropped && conn_unsent(p->guest.conn) < TTRPC_SERVER_UNSENT && ttrpc_reader_next(&p->reader, &at, &left, &f)) {
		if (f.type == TTRPC_REQUEST)
			on_request(p, &f);
		else if (f.type == TTRPC_DATA)
			on_peer_data(p, &f);
		done_with_ended(p);
	}
	return (ssize_t)(n - left);
}

static int on_ttrpc_output(void *arg, struct buf *out, struct err *err)
{
	(void)out;
	(void)err;
	done_with_ended(arg);
	return 0;
}

static void ttrpc_peer_free(struct ttrpc_peer *p)
{
	p->dropped = true; /* a handler that still answers answers nobody */
	for (size_t i = 0; i < BUCKETS; i++)
		while (!list_empty(&p->streams[i]))
			stream_end(container_of(p->streams[i].next, struct ttrpc_stream, node));
	done_with_ended(p);
	guest_done(&p->guest);
	free(p);
}

static void on_ttrpc_closed(void *arg, const struct err *why)
{
	(void)why; /* clients come and go */
	ttrpc_peer_free(arg);
}

static const struct conn_ops peer_ops = { on_ttrpc_input, on_ttrpc_output, on_ttrpc_closed };

static void on_ttrpc_connection(void *arg, int fd)
{
	struct ttrpc_server *s = arg;
	struct ttrpc_peer *p = mem_new(struct ttrpc_peer);

	p->server = s;
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&p->streams[i]);
	list_init(&p->ended);
	guest_init(&p->guest, s->listener, fd, "client", &peer_ops, p);
	conn_polite(p->guest.conn);
	conn_reserve(p->guest.conn);
}

struct ttrpc_server *ttrpc_server_new(struct loop *loop, int fd, const struct listener_limits *limits,
				      const struct ttrpc_service *services, void *arg)
{
	struct ttrpc_server *s = mem_new(struct ttrpc_server);

	s->loop = loop;
	s->services = services;
	s->arg = arg;
	list_init(&s->spare);
	for (size_t i = 0; i < TTRPC_SERVER_STREAMS_KEPT; i++) {
		timer_init(&s->first[i].deadline, loop, on_overdue, &s->first[i]);
		list_push(&s->spare, &s->first[i].node);
	}
	s->listener = listener_new(loop, fd, limits, on_ttrpc_connection, s);
	return s;
}

void ttrpc_server_free(struct ttrpc_server *s)
{
	if (!s)
		return;
	list_for_each(it, listener_guests(s->listener))
		ttrpc_peer_free(container_of(it, struct ttrpc_peer, guest.node));
	listener_free(s->listener);
	list_for_each(it, &s->spare)
		ttrpc_stream_free(s, container_of(it, struct ttrpc_stream, node));
	free(s);
}

void ttrpc_server_flush(struct ttrpc_server *s)
{
	list_for_each(it, listener_guests(s->listener))
		conn_flush(container_of(it, struct ttrpc_peer, guest.node)->guest.conn);
}

size_t ttrpc_stream_unsent(const struct ttrpc_stream *st) { return conn_unsent(st->peer->guest.conn); }

size_t ttrpc_server_connections(const struct ttrpc_server *s) { return listener_n(s->listener); }

struct listener_counts ttrpc_server_counts(const struct ttrpc_server *s) { return listener_counts(s->listener); }
