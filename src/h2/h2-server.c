/* Theory of operation: a grpc_stream is born when the block of request headers is whole and dies when nghttp2 closes
 * the stream; until then it is the stream's user data and an entry of the connection's list. Headers are collected in
 * a struct request before that. Ending a stream queues its trailers behind what is unsent; where the client has not
 * half-closed by then, RST_STREAM NO_ERROR follows (RFC 9113 8.1). */
#include "h2-server.h"
#include "base64.h"
#include "clock.h"
#include "grpc-frame.h"
#include "grpc-text.h"
#include "h2.h"
#include "list.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

struct grpc_stream {
	struct list_node node;
	struct h2_server *server;
	int32_t id;
	void *state;
	/* the request's head */
	char *method;
	struct dict md;
	int64_t timeout_ns, deadline;
	size_t head_size;
	bool post, grpc, refused;
	/* the call */
	bool open; /* the handler has a state to be told of */
	struct grpc_frame rx;
	bool paused, feeding, half_closed; /* half_closed: to be told of */
	struct buf held;                   /* came while it was paused */
	void (*taken)(void *arg);
	void *taken_arg;
	size_t taken_below;
	struct h2_tx tx;
	bool answered, deferred, ended;
	unsigned status;
	char *message; /* percent-encoded */
	char *details; /* base64 */
};

struct h2_server {
	nghttp2_session *session;
	const struct grpc_handler *handler;
	void *arg;
	struct h2_carrier carrier;
	struct list_node streams;
	int64_t next_deadline; /* no stream has an earlier one; 0: none has one */
	size_t held;           /* bytes in the streams' rx */
	bool dropped, dying, greeted;
	char why[H2_WHY]; /* what nghttp2 last complained about */
};

static struct grpc_stream *stream_of(nghttp2_session *s, int32_t id) { return nghttp2_session_get_stream_user_data(s, id); }

static void kick_carrier(struct h2_server *s)
{
	if (!s->dying)
		s->carrier.kick(s->carrier.arg);
}

/* False: refuse long messages. */
static bool hold(struct h2_server *s, size_t before, size_t now)
{
	s->held = s->held - before + now;
	return !s->carrier.hold || s->carrier.hold(s->carrier.arg, s->held);
}

static void forget_input(struct grpc_stream *st)
{
	(void)hold(st->server, grpc_frame_held(&st->rx) + st->held.len, 0);
	grpc_frame_done(&st->rx);
	buf_done(&st->held);
}

static void tell_taken(struct grpc_stream *st)
{
	void (*fn)(void *arg) = st->taken;

	if (!fn || h2_tx_left(&st->tx) > st->taken_below)
		return;
	st->taken = NULL;
	fn(st->taken_arg);
}

void grpc_stream_when_unsent(struct grpc_stream *st, size_t below, void (*fn)(void *arg), void *arg)
{
	st->taken = fn;
	st->taken_arg = arg;
	st->taken_below = below;
	tell_taken(st);
}

static void stream_free(struct grpc_stream *st)
{
	const struct grpc_handler *h = st->server->handler;

	if (st->open && h->closed)
		h->closed(st->state, st);
	list_unlink(&st->node);
	dict_done(&st->md);
	forget_input(st);
	h2_tx_done(&st->tx);
	free(st->message);
	free(st->details);
	free(st->method);
	free(st);
}

static void add_status(struct h2_fields *f, const struct grpc_stream *st, char digits[12])
{
	(void)snprintf(digits, 12, "%u", st->status);
	h2_fields_add(f, "grpc-status", digits);
	if (st->message)
		h2_fields_add(f, "grpc-message", st->message);
	if (st->details)
		h2_fields_add(f, "grpc-status-details-bin", st->details);
}

static void submit_trailers(struct grpc_stream *st)
{
	_cleanup_h2_fields_ struct h2_fields f = { 0 };
	char digits[12];

	add_status(&f, st, digits);
	(void)nghttp2_submit_trailer(st->server->session, st->id, f.v, f.n);
}

static ssize_t on_server_read(nghttp2_session *s, int32_t id, uint8_t *to, size_t n, uint32_t *flags, nghttp2_data_source *source,
			      void *arg)
{
	struct grpc_stream *st = stream_of(s, id);

	(void)source;
	(void)arg;
	if (!st)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (!h2_tx_left(&st->tx) && !st->ended) {
		st->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	n = h2_tx_take(&st->tx, to, n);
	tell_taken(st);
	if (st->ended && !h2_tx_left(&st->tx)) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		submit_trailers(st);
	}
	return (ssize_t)n;
}

/* The response's head. A call that ends before it sent anything is answered by trailers alone. */
static void answer_stream(struct grpc_stream *st)
{
	_cleanup_h2_fields_ struct h2_fields f = { 0 };
	const nghttp2_data_provider source = { .read_callback = on_server_read };
	char digits[12];

	st->answered = true;
	h2_fields_add(&f, ":status", "200");
	h2_fields_add(&f, "content-type", "application/grpc");
	if (st->ended)
		add_status(&f, st, digits);
	(void)nghttp2_submit_response(st->server->session, st->id, f.v, f.n, st->ended ? NULL : &source);
}

/* Wake the data source, or start it. */
static void push(struct grpc_stream *st)
{
	if (!st->answered) {
		answer_stream(st);
	} else if (st->deferred) {
		st->deferred = false;
		(void)nghttp2_session_resume_data(st->server->session, st->id);
	}
	kick_carrier(st->server);
}

void grpc_stream_send(struct grpc_stream *st, const void *msg, size_t len)
{
	if (st->ended || st->server->dying)
		return;
	if (len > GRPC_MESSAGE_MAX) {
		grpc_stream_end(st, err_to_grpc(-ERR_EXHAUSTED), "answer is longer than 16 MiB");
		return;
	}
	grpc_frame_put(&st->tx.bytes, msg, len);
	push(st);
}

void grpc_stream_end(struct grpc_stream *st, unsigned status, const char *message)
{
	struct buf text = { 0 };

	if (st->ended || st->server->dying)
		return;
	st->ended = true;
	st->status = status;
	forget_input(st);
	if (message && *message) {
		grpc_percent_encode(&text, message);
		if (text.len > H2_HEADERS_MAX / 4)
			buf_cut(&text, H2_HEADERS_MAX / 4);
		st->message = buf_take(&text);
	}
	push(st);
}

/* Binary metadata goes without padding (gRPC over HTTP/2, "Binary-Header"). */
void grpc_stream_details(struct grpc_stream *st, const void *status, size_t len)
{
	struct buf text = { 0 };

	if (st->ended || st->server->dying || len > GRPC_DETAILS_MAX)
		return;
	base64_encode(&text, status, len);
	while (text.len && text.data[text.len - 1] == '=')
		buf_cut(&text, text.len - 1);
	free(st->details);
	st->details = buf_take(&text);
}

size_t grpc_stream_unsent(const struct grpc_stream *st) { return h2_tx_left(&st->tx); }

int64_t grpc_stream_deadline(const struct grpc_stream *st) { return st->deadline; }

/* What the client does not take is given up with the stream; else it is told. */
static void expire_stream(struct grpc_stream *st)
{
	st->deadline = 0;
	if (!h2_tx_left(&st->tx)) {
		grpc_stream_end(st, err_to_grpc(-ERR_DEADLINE), "timed out");
		return;
	}
	st->ended = true;
	forget_input(st);
	h2_tx_done(&st->tx);
	(void)nghttp2_submit_rst_stream(st->server->session, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_CANCEL);
	kick_carrier(st->server);
}

static bool sooner(int64_t deadline, int64_t than) { return deadline && (!than || deadline < than); }

int64_t h2_server_expire(struct h2_server *s, int64_t now)
{
	if (!s->next_deadline || s->next_deadline > now)
		return s->next_deadline;
	s->next_deadline = 0;
	list_for_each(it, &s->streams) {
		struct grpc_stream *st = container_of(it, struct grpc_stream, node);

		if (st->deadline && st->deadline <= now)
			expire_stream(st);
		if (sooner(st->deadline, s->next_deadline))
			s->next_deadline = st->deadline;
	}
	if (s->next_deadline && s->next_deadline < now + NSEC_PER_MSEC)
		s->next_deadline = now + NSEC_PER_MSEC; /* all are looked through no more often, however many have one */
	return s->next_deadline;
}

void grpc_stream_drop_connection(struct grpc_stream *st)
{
	st->server->dropped = true;
	st->server->carrier.drop(st->server->carrier.arg);
}

static int on_server_begin_headers(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	struct grpc_stream *st;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	st = mem_new(struct grpc_stream);
	st->server = arg;
	st->id = frame->hd.stream_id;
	list_push(&st->server->streams, &st->node);
	(void)nghttp2_session_set_stream_user_data(s, st->id, st);
	return 0;
}

/* Fields that are HTTP's or gRPC's own are no metadata. */
static bool is_reserved(const uint8_t *name, size_t n)
{
	static const char *const names[] = { "te",           "content-type",  "user-agent",
					     "grpc-timeout", "grpc-encoding", "grpc-accept-encoding" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (h2_is(names[i], name, n))
			return true;
	return n && name[0] == ':';
}

static void take_header_field(struct grpc_stream *st, const uint8_t *name, size_t namelen, const uint8_t *value, size_t valuelen)
{
	static const char grpc_type[] = "application/grpc";
	_cleanup_free_ char *v = mem_strndup((const char *)value, valuelen);

	if (h2_is(":path", name, namelen)) {
		free(st->method);
		st->method = TAKE_PTR(v);
	} else if (h2_is(":method", name, namelen)) {
		st->post = !strcmp(v, "POST");
	} else if (h2_is("content-type", name, namelen)) {
		st->grpc = !strncmp(v, grpc_type, strlen(grpc_type));
	} else if (h2_is("grpc-timeout", name, namelen)) {
		if (grpc_timeout_parse(v, valuelen, &st->timeout_ns, NULL) < 0)
			st->refused = true;
	} else if (!is_reserved(name, namelen)) {
		_cleanup_free_ char *key = mem_strndup((const char *)name, namelen);

		dict_set(&st->md, key, v);
	}
}

static int on_server_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t namelen,
			    const uint8_t *value, size_t valuelen, uint8_t flags, void *arg)
{
	struct grpc_stream *st = stream_of(s, frame->hd.stream_id);

	(void)flags;
	(void)arg;
	if (!st || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	st->head_size += namelen + valuelen + 32;
	if (st->head_size <= H2_HEADERS_MAX)
		take_header_field(st, name, namelen, value, valuelen);
	return 0;
}

/* HTTP's own refusal, for what is no gRPC request. */
static void refuse_http(struct grpc_stream *st, const char *status)
{
	_cleanup_h2_fields_ struct h2_fields f = { 0 };

	st->ended = st->answered = true;
	h2_fields_add(&f, ":status", status);
	(void)nghttp2_submit_response(st->server->session, st->id, f.v, f.n, NULL);
	kick_carrier(st->server);
}

static void open_grpc_stream(struct grpc_stream *st)
{
	struct h2_server *s = st->server;

	if (st->head_size > H2_HEADERS_MAX) {
		refuse_http(st, "431");
	} else if (!st->post) {
		refuse_http(st, "405");
	} else if (!st->grpc) {
		refuse_http(st, "415");
	} else if (st->refused) {
		grpc_stream_end(st, err_to_grpc(-ERR_INTERNAL), "malformed grpc-timeout");
	} else {
		if (st->timeout_ns && __builtin_add_overflow(clock_mono(), st->timeout_ns, &st->deadline))
			st->deadline = INT64_MAX;
		if (sooner(st->deadline, s->next_deadline))
			s->next_deadline = st->deadline;
		st->state = s->handler->open(s->arg, st, st->method, &st->md);
		st->open = st->state;
	}
}

static void half_close(struct grpc_stream *st)
{
	st->half_closed = st->paused || st->held.len;
	if (st->ended || st->half_closed)
		return;
	if (grpc_frame_held(&st->rx))
		grpc_stream_end(st, err_to_grpc(-ERR_INTERNAL), "the stream ended inside a message");
	else if (st->open && st->server->handler->half_close)
		st->server->handler->half_close(st->state, st);
}

static int on_server_frame_recv(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	struct h2_server *server = arg;
	struct grpc_stream *st;

	server->greeted = true; /* the first frame is SETTINGS: nghttp2 sees to it */
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	st = stream_of(s, frame->hd.stream_id);
	if (!st)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		open_grpc_stream(st);
	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && !server->dropped)
		half_close(st);
	return server->dropped ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* As grpc_frame_feed(), within what a connection may hold. */
static int feed(struct grpc_stream *st, const unsigned char **p, size_t *n, struct buf *msg, struct err *why)
{
	struct h2_server *server = st->server;
	size_t before = grpc_frame_held(&st->rx), now;
	int r = grpc_frame_feed(&st->rx, p, n, msg, why);
	bool roomy;

	now = grpc_frame_held(&st->rx);
	roomy = hold(server, before, now) || now <= CONN_KEEP;
	if (r == 0 && (server->held > H2_SERVER_HELD_MAX || !roomy))
		return err_set(why, ERR_EXHAUSTED, "too many unfinished messages at once");
	return r;
}

/* The messages in @p, until the handler has enough; how many bytes that took. */
static size_t feed_messages(struct grpc_stream *st, const unsigned char *p, size_t n)
{
	struct h2_server *server = st->server;
	_cleanup_buf_ struct buf msg = { 0 };
	struct err why = ERR_INIT;
	const size_t all = n;
	int r;

	st->feeding = true;
	while (n && !st->ended && !server->dropped && !st->paused) {
		r = feed(st, &p, &n, &msg, &why);
		if (r < 0)
			grpc_stream_end(st, err_to_grpc(r), why.msg);
		else if (r > 0 && st->open && server->handler->message)
			server->handler->message(st->state, st, buf_str(&msg), msg.len);
	}
	st->feeding = false;
	return st->ended ? all : all - n;
}

/* Bytes for which the client gets no credit yet. */
static void hold_bytes(struct grpc_stream *st, const uint8_t *p, size_t n)
{
	(void)hold(st->server, 0, n);
	buf_add(&st->held, p, n);
}

static int on_server_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct grpc_stream *st = stream_of(s, id);
	struct h2_server *server = arg;
	size_t took = n;

	(void)flags;
	(void)nghttp2_session_consume_connection(s, n);
	if (st && !st->ended) {
		took = st->held.len ? 0 : feed_messages(st, p, n);
		if (took < n && !st->ended)
			hold_bytes(st, p + took, n - took);
	}
	(void)nghttp2_session_consume_stream(s, id, took);
	return server->dropped ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

void grpc_stream_pause(struct grpc_stream *st, bool paused)
{
	_cleanup_buf_ struct buf held = { 0 };
	size_t took;

	st->paused = paused;
	if (paused || st->feeding || st->ended || st->server->dying)
		return;
	held = TAKE_STRUCT(st->held);
	(void)hold(st->server, held.len, 0);
	took = feed_messages(st, (const unsigned char *)buf_str(&held), held.len);
	if (took < held.len && !st->ended)
		hold_bytes(st, (const uint8_t *)held.data + took, held.len - took);
	(void)nghttp2_session_consume_stream(st->server->session, st->id, took);
	if (st->half_closed)
		half_close(st);
	kick_carrier(st->server);
}

static int on_server_frame_sent(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	h2_note_goaway(((struct h2_server *)arg)->why, frame);
	if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
	    nghttp2_session_get_stream_remote_close(s, frame->hd.stream_id) == 0)
		(void)nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
	return 0;
}

static int on_server_stream_close(nghttp2_session *s, int32_t id, uint32_t code, void *arg)
{
	struct grpc_stream *st = stream_of(s, id);

	(void)code;
	(void)arg;
	if (st)
		stream_free(st);
	return 0;
}

static int on_server_complaint(nghttp2_session *s, int code, const char *msg, size_t len, void *arg)
{
	struct h2_server *server = arg;

	(void)s;
	(void)code;
	h2_note_complaint(server->why, msg, len);
	return 0;
}

struct h2_server *h2_server_new(const struct grpc_handler *handler, void *arg, const struct h2_carrier *carrier)
{
	struct h2_server *s = mem_new(struct h2_server);
	nghttp2_option *options = h2_options();
	nghttp2_session_callbacks *cb;

	s->handler = handler;
	s->arg = arg;
	s->carrier = *carrier;
	list_init(&s->streams);
	if (nghttp2_session_callbacks_new(&cb))
		abort(); /* out of memory */
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_server_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_server_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_server_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_server_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_server_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_server_stream_close);
	nghttp2_session_callbacks_set_error_callback2(cb, on_server_complaint);
	if (nghttp2_session_server_new2(&s->session, cb, s, options))
		abort();
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(options);
	h2_settings(s->session, H2_SERVER_STREAMS);
	return s;
}

void h2_server_streams(struct h2_server *s, unsigned n)
{
	const nghttp2_settings_entry iv = { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, n };

	(void)nghttp2_submit_settings(s->session, NGHTTP2_FLAG_NONE, &iv, 1);
}

void h2_server_free(struct h2_server *s)
{
	if (!s)
		return;
	s->dying = true;
	list_for_each(it, &s->streams)
		stream_free(container_of(it, struct grpc_stream, node));
	nghttp2_session_del(s->session);
	free(s);
}

int h2_server_input(struct h2_server *s, const void *p, size_t n, struct err *err)
{
	return h2_input(s->session, p, n, s->why, err);
}

int h2_server_output(struct h2_server *s, struct buf *out, struct err *err) { return h2_output(s->session, out, s->why, err); }

bool h2_server_greeted(const struct h2_server *s) { return s->greeted; }

void h2_server_shutdown(struct h2_server *s)
{
	(void)nghttp2_submit_goaway(s->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(s->session),
				    NGHTTP2_NO_ERROR, NULL, 0);
	kick_carrier(s);
}
