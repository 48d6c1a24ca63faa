/* Theory of operation: nghttp2 keeps the streams; a call is a stream's user data and an entry of the client's list.
 * A call ends once, in end_call(): with the status of its trailers, with the first thing that goes wrong, or with the
 * connection. What arrives for an ended or freed call is dropped, its credit given back. nghttp2's callbacks only
 * change calls and submit frames; nothing here waits or calls out. */
#include "h2-client.h"
#include "grpc-frame.h"
#include "grpc-text.h"
#include "grpc.h"
#include "h2.h"
#include "list.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

enum { BUCKETS = 64 }; /* of calls: where one is looked for by its id, a thousand that wait are not gone through */

/* What counts of one block of header fields. */
struct head {
	int http;           /* :status */
	int status;         /* grpc-status; -1: none, or not a number */
	bool grpc;          /* content-type is application/grpc... */
	struct buf text;    /* grpc-message, decoded */
	struct buf details; /* grpc-status-details-bin, as it came */
	size_t size;
};

struct message {
	struct list_node node;
	struct buf bytes;
};

struct h2_call {
	struct list_node node;
	struct h2_client *client;
	char *method;
	int32_t id; /* 0: it never became a stream */
	bool timed; /* it has a deadline, which the peer knows */
	struct h2_tx tx;
	bool deferred; /* nghttp2 waits for h2_call_send() */
	struct head head;
	bool answered; /* the response's own header block has come */
	struct grpc_frame rx;
	struct list_node messages;
	size_t buffered; /* bytes of messages and rx, with their frame heads */
	size_t held;     /* of them, bytes whose credit the peer has not back */
	bool ended;
	const struct err *why;              /* once ended: NULL for status OK */
	struct list_node *told_list, *told; /* where the owner wants to find out; NULL: it asks */
};

struct h2_client {
	nghttp2_session *session;
	struct list_node calls[BUCKETS]; /* by their id when they were made */
	bool greeted;                    /* SETTINGS were received */
	bool going;                      /* GOAWAY was received */
	struct err *closed;              /* why the connection is gone; NULL while it is not */
	char why[H2_WHY];                /* what nghttp2 last complained about */
};

static struct list_node *h2_bucket(struct h2_client *c, int32_t id) { return &c->calls[id / 2 % BUCKETS]; }

static void head_reset(struct head *h)
{
	buf_done(&h->text);
	buf_done(&h->details);
	*h = (struct head){ .status = -1 };
}

static struct h2_call *call_of(nghttp2_session *s, int32_t id) { return nghttp2_session_get_stream_user_data(s, id); }

/* Stop the stream, unless both sides are done with it. */
static void reset_stream(struct h2_call *call)
{
	if (call->id && !call->client->closed)
		(void)nghttp2_submit_rst_stream(call->client->session, NGHTTP2_FLAG_NONE, call->id, NGHTTP2_CANCEL);
}

static void tell_owner(struct h2_call *call)
{
	if (call->told)
		list_push(call->told_list, call->told);
	call->told = NULL;
}

static void end_call(struct h2_call *call, const struct err *why)
{
	if (call->ended)
		return;
	call->ended = true;
	if (why && why == call->client->closed) /* one for all of a thousand */
		call->why = why;
	else if (why)
		call->why = mem_dup(why, sizeof *why);
	tell_owner(call);
	h2_tx_done(&call->tx);
	grpc_frame_done(&call->rx);
}

void h2_call_fail(struct h2_call *call, const struct err *why)
{
	if (call->ended)
		return;
	end_call(call, why);
	reset_stream(call);
}

/* The peer's last word: the status of the block that ended the stream. */
static void end_by_status(struct h2_call *call)
{
	const struct head *h = &call->head;
	struct err why = ERR_INIT;

	if (h->status < 0)
		(void)err_set(&why, ERR_INTERNAL, "%s: the stream ended without a grpc-status", call->method);
	else if (h->status && h->text.len)
		(void)err_set(&why, err_from_grpc((unsigned)h->status), "%s", buf_str(&h->text));
	else if (h->status)
		(void)err_set(&why, err_from_grpc((unsigned)h->status), "%s: %s", call->method,
			      err_name(err_from_grpc((unsigned)h->status)));
	else if (grpc_frame_held(&call->rx))
		(void)err_set(&why, ERR_INTERNAL, "%s: the stream ended inside a message", call->method);
	end_call(call, why.code ? &why : NULL);
}

/* The first block must be a gRPC answer; a proxy's or a web server's is not. */
static void check_answer(struct h2_call *call, bool last)
{
	const struct head *h = &call->head;
	struct err why = ERR_INIT;

	call->answered = true;
	if (last && h->status >= 0)
		return;
	if (h->http != 200)
		(void)err_set(&why, grpc_code_of_http(h->http), "%s: HTTP status %d", call->method, h->http);
	else if (!h->grpc)
		(void)err_set(&why, ERR_UNKNOWN, "%s: the answer is not application/grpc", call->method);
	if (why.code)
		h2_call_fail(call, &why);
}

static int on_client_begin_headers(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	struct h2_call *call = call_of(s, frame->hd.stream_id);

	(void)arg;
	if (call && frame->hd.type == NGHTTP2_HEADERS) /* not PUSH_PROMISE, which may come until our SETTINGS are acknowledged */
		head_reset(&call->head);
	return 0;
}

static int on_client_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t namelen,
			    const uint8_t *value, size_t valuelen, uint8_t flags, void *arg)
{
	static const char grpc_type[] = "application/grpc";
	struct h2_call *call = call_of(s, frame->hd.stream_id);
	const char *v = (const char *)value;

	(void)flags;
	(void)arg;
	if (!call || call->ended || frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	call->head.size += namelen + valuelen + 32;
	if (call->head.size > H2_HEADERS_MAX) {
		struct err why = ERR_INIT;

		(void)err_set(&why, ERR_EXHAUSTED, "%s: header list longer than %d bytes", call->method, H2_HEADERS_MAX);
		h2_call_fail(call, &why);
	} else if (h2_is(":status", name, namelen)) {
		call->head.http = grpc_number_parse(v, valuelen);
	} else if (h2_is("content-type", name, namelen)) {
		call->head.grpc = valuelen >= strlen(grpc_type) && !memcmp(v, grpc_type, strlen(grpc_type));
	} else if (h2_is("grpc-status", name, namelen)) {
		call->head.status = grpc_number_parse(v, valuelen);
	} else if (h2_is("grpc-message", name, namelen)) {
		buf_reset(&call->head.text);
		grpc_percent_decode(&call->head.text, v, valuelen);
	} else if (h2_is("grpc-status-details-bin", name, namelen)) {
		buf_reset(&call->head.details);
		buf_add(&call->head.details, v, valuelen);
	}
	return 0;
}

/* The peer takes no new streams. nghttp2 ends those beyond its last one; those that it still holds back never start, whatever the
 * last one is: a server that ends gracefully names the highest there can be. */
static void on_goaway(struct h2_client *c, const nghttp2_goaway *frame)
{
	struct err why = ERR_INIT;

	c->going = true;
	(void)err_set(&why, ERR_UNAVAILABLE, "connection is being closed by the peer%s%.*s", frame->opaque_data_len ? ": " : "",
		      frame->opaque_data_len > 200 ? 200 : (int)frame->opaque_data_len,
		      frame->opaque_data_len ? (const char *)frame->opaque_data : "");
	for (size_t i = 0; i < BUCKETS; i++)
		list_for_each(it, &c->calls[i]) {
			struct h2_call *call = container_of(it, struct h2_call, node);

			if (call->id > frame->last_stream_id || (call->id && !nghttp2_session_find_stream(c->session, call->id)))
				h2_call_fail(call, &why);
		}
}

static int on_client_frame_recv(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h2_call *call;

	if (frame->hd.type == NGHTTP2_SETTINGS)
		((struct h2_client *)arg)->greeted = true;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		on_goaway(arg, &frame->goaway);
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	call = call_of(s, frame->hd.stream_id);
	if (!call || call->ended)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && !call->answered && call->head.http / 100 != 1)
		check_answer(call, last);
	if (!last || call->ended)
		return 0;
	if (frame->hd.type == NGHTTP2_DATA)
		call->head.status = -1;
	end_by_status(call);
	if (nghttp2_session_get_stream_local_close(s, call->id) == 0)
		reset_stream(call);
	return 0;
}

/* Credit for all but what stands behind the next message. */
static void give_credit(struct h2_call *call)
{
	size_t next = call->buffered, behind;

	if (!list_empty(&call->messages))
		next = GRPC_FRAME_HEAD + container_of(call->messages.next, struct message, node)->bytes.len;
	behind = call->buffered - next;
	if (call->held <= behind)
		return;
	if (call->id && !call->client->closed)
		(void)nghttp2_session_consume_stream(call->client->session, call->id, call->held - behind);
	call->held = behind;
}

static int on_client_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct h2_call *call = call_of(s, id);
	struct err why = ERR_INIT;
	int r = 0;

	(void)flags;
	(void)arg;
	(void)nghttp2_session_consume_connection(s, n);
	if (!call || call->ended)
		return 0;
	call->buffered += n;
	call->held += n;
	while (n) {
		_cleanup_buf_ struct buf bytes = { 0 };

		r = grpc_frame_feed(&call->rx, &p, &n, &bytes, &why);
		if (r <= 0)
			break;
		struct message *m = mem_new(struct message);
		m->bytes = bytes;
		bytes = (struct buf){ 0 };
		list_push(&call->messages, &m->node);
	}
	if (r < 0)
		h2_call_fail(call, (err_wrap(&why, r, "%s", call->method), &why));
	else
		give_credit(call);
	return 0;
}

/* A server cancels a call only when its deadline has passed, and its clock may say so before ours (grpc-go, http2_server.go). */
static enum errc code_of_reset(const struct h2_call *call, uint32_t code)
{
	return code == NGHTTP2_CANCEL && call->timed ? ERR_DEADLINE : grpc_code_of_h2(code);
}

static int on_client_stream_close(nghttp2_session *s, int32_t id, uint32_t code, void *arg)
{
	struct h2_call *call = call_of(s, id);
	struct h2_client *c = arg;
	struct err why = ERR_INIT;

	if (!call)
		return 0;
	if (!call->ended) {
		(void)err_set(&why, code_of_reset(call, code), "%s: the stream was reset: %s%s%s", call->method,
			      nghttp2_http2_strerror(code), code == NGHTTP2_PROTOCOL_ERROR && *c->why ? ": " : "",
			      code == NGHTTP2_PROTOCOL_ERROR ? c->why : "");
		end_call(call, &why);
	}
	call->id = 0;
	return 0;
}

/* A request that could not leave: the peer said GOAWAY, or ids are used up. It is no stream yet, so look for it. */
static int on_frame_not_sent(nghttp2_session *s, const nghttp2_frame *frame, int code, void *arg)
{
	struct h2_client *c = arg;
	struct err why = ERR_INIT;

	(void)s;
	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	(void)err_set(&why, ERR_UNAVAILABLE, "connection takes no new calls: %s", nghttp2_strerror(code));
	list_for_each(it, h2_bucket(c, frame->hd.stream_id)) {
		struct h2_call *call = container_of(it, struct h2_call, node);

		if (call->id == frame->hd.stream_id)
			end_call(call, &why);
	}
	return 0;
}

static int on_client_frame_sent(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	(void)s;
	h2_note_goaway(((struct h2_client *)arg)->why, frame);
	return 0;
}

static int on_client_complaint(nghttp2_session *s, int code, const char *msg, size_t len, void *arg)
{
	struct h2_client *c = arg;

	(void)s;
	(void)code;
	h2_note_complaint(c->why, msg, len);
	return 0;
}

static ssize_t on_client_read(nghttp2_session *s, int32_t id, uint8_t *to, size_t n, uint32_t *flags, nghttp2_data_source *source,
			      void *arg)
{
	struct h2_call *call = call_of(s, id);

	(void)source;
	(void)arg;
	if (!call || call->ended)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* a reset is on its way */
	if (!h2_tx_left(&call->tx) && !call->tx.last) {
		call->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	n = h2_tx_take(&call->tx, to, n);
	if (call->tx.last && !h2_tx_left(&call->tx))
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

struct h2_client *h2_client_new(void)
{
	struct h2_client *c = mem_new(struct h2_client);
	nghttp2_option *options = h2_options();
	nghttp2_session_callbacks *cb;

	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&c->calls[i]);
	if (nghttp2_session_callbacks_new(&cb))
		abort(); /* out of memory */
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_client_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_client_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_client_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_client_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_client_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_client_frame_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_sent);
	nghttp2_session_callbacks_set_error_callback2(cb, on_client_complaint);
	if (nghttp2_session_client_new2(&c->session, cb, c, options))
		abort();
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(options);
	h2_settings(c->session, 0);
	return c;
}

void h2_client_free(struct h2_client *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		assert(list_empty(&c->calls[i]));
	nghttp2_session_del(c->session);
	free(c->closed);
	free(c);
}

int h2_client_input(struct h2_client *c, const void *p, size_t n, struct err *err)
{
	return h2_input(c->session, p, n, c->why, err);
}

int h2_client_output(struct h2_client *c, struct buf *out, struct err *err) { return h2_output(c->session, out, c->why, err); }

bool h2_client_pending(const struct h2_client *c) { return !c->closed && nghttp2_session_want_write(c->session); }

void h2_client_close(struct h2_client *c, const struct err *why)
{
	if (c->closed)
		return;
	c->closed = mem_dup(why, sizeof *why);
	for (size_t i = 0; i < BUCKETS; i++)
		list_for_each(it, &c->calls[i])
			end_call(container_of(it, struct h2_call, node), c->closed);
}

bool h2_client_open(const struct h2_client *c) { return !c->closed && !c->going; }

bool h2_client_greeted(const struct h2_client *c) { return c->greeted; }

static int32_t submit_call(struct h2_call *call, const struct dict *md, int64_t timeout_ns)
{
	_cleanup_h2_fields_ struct h2_fields f = { 0 };
	const nghttp2_data_provider source = { .read_callback = on_client_read };
	char timeout[GRPC_TIMEOUT_TEXT];

	h2_fields_add(&f, ":method", "POST");
	h2_fields_add(&f, ":scheme", "http");
	h2_fields_add(&f, ":path", call->method);
	h2_fields_add(&f, ":authority", "localhost");
	h2_fields_add(&f, "te", "trailers");
	h2_fields_add(&f, "content-type", "application/grpc");
	h2_fields_add(&f, "user-agent", "davit/" DAVIT_VERSION);
	if (timeout_ns)
		h2_fields_add(&f, "grpc-timeout", grpc_timeout_format(timeout_ns, timeout));
	for (size_t i = 0; md && i < md->n; i++)
		h2_fields_add(&f, md->v[i].key, md->v[i].value);
	return nghttp2_submit_request(call->client->session, NULL, f.v, f.n, &source, call);
}

struct h2_call *h2_call_new(struct h2_client *c, const char *method, const struct dict *md, int64_t timeout_ns)
{
	struct h2_call *call = mem_new(struct h2_call);
	struct err why = ERR_INIT;

	call->client = c;
	call->timed = timeout_ns != 0;
	call->method = mem_strdup(method);
	head_reset(&call->head);
	list_init(&call->messages);
	if (c->closed) {
		end_call(call, c->closed);
	} else if (c->going) {
		(void)err_set(&why, ERR_UNAVAILABLE, "connection is being closed by the peer");
		end_call(call, &why);
	} else {
		call->id = submit_call(call, md, timeout_ns);
		if (call->id < 0) {
			(void)err_set(&why, ERR_UNAVAILABLE, "connection takes no new calls: %s", nghttp2_strerror(call->id));
			call->id = 0;
			end_call(call, &why);
		}
	}
	list_push(h2_bucket(c, call->id), &call->node);
	return call;
}

static void drop_message(struct message *m)
{
	list_unlink(&m->node);
	buf_done(&m->bytes);
	free(m);
}

void h2_call_free(struct h2_call *call)
{
	if (!call)
		return;
	if (!call->ended)
		reset_stream(call);
	if (call->id && !call->client->closed)
		(void)nghttp2_session_set_stream_user_data(call->client->session, call->id, NULL);
	list_unlink(&call->node);
	list_for_each(it, &call->messages)
		drop_message(container_of(it, struct message, node));
	h2_tx_done(&call->tx);
	grpc_frame_done(&call->rx);
	buf_done(&call->head.text);
	buf_done(&call->head.details);
	if (call->why != call->client->closed)
		free((void *)(uintptr_t)call->why);
	free(call->method);
	free(call);
}

static void resume_call(struct h2_call *call)
{
	if (!call->deferred || !call->id || call->client->closed)
		return;
	call->deferred = false;
	(void)nghttp2_session_resume_data(call->client->session, call->id);
}

void h2_call_send(struct h2_call *call, const void *msg, size_t len)
{
	struct err why = ERR_INIT;

	if (call->ended)
		return;
	assert(!call->tx.last);
	if (len > GRPC_MESSAGE_MAX) {
		(void)err_set(&why, ERR_EXHAUSTED, "%s: message of %zu bytes is longer than %d", call->method, len,
			      GRPC_MESSAGE_MAX);
		h2_call_fail(call, &why);
		return;
	}
	grpc_frame_put(&call->tx.bytes, msg, len);
	resume_call(call);
}

void h2_call_half_close(struct h2_call *call)
{
	if (call->ended)
		return;
	call->tx.last = true;
	resume_call(call);
}

size_t h2_call_unsent(const struct h2_call *call) { return h2_tx_left(&call->tx); }

void h2_call_tell(struct h2_call *call, struct list_node *list, struct list_node *node)
{
	call->told_list = list;
	call->told = node;
	if (call->ended)
		tell_owner(call);
}

bool h2_call_ended(const struct h2_call *call) { return call->ended; }

const char *h2_call_details(const struct h2_call *call) { return buf_str(&call->head.details); }

bool h2_call_ready(const struct h2_call *call) { return call->ended || !list_empty(&call->messages); }

int h2_call_take(struct h2_call *call, struct buf *ret, struct err *err)
{
	assert(h2_call_ready(call));
	if (!list_empty(&call->messages)) {
		struct message *m = container_of(call->messages.next, struct message, node);

		buf_done(ret);
		*ret = m->bytes;
		m->bytes = (struct buf){ 0 };
		call->buffered -= GRPC_FRAME_HEAD + ret->len;
		drop_message(m);
		give_credit(call);
		return 1;
	}
	if (!call->why)
		return 0;
	if (err)
		*err = *call->why;
	return -(int)call->why->code;
}
