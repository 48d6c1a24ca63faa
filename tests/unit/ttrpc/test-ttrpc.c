/* Client against server over a real unix socket, both on one loop. */
#include "test.h"
#include "clock.h"
#include "socket.h"
#include "list.h"
#include "mem.h"
#include "ttrpc-frame.h"
#include "ttrpc-server.h"
#include "ttrpc.h"
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

struct world {
	char dir[32], path[64];
	struct loop *loop;
	struct ttrpc_server *server;
	struct ttrpc *client;
	struct ctx ctx;
	unsigned open, closed, messages, half_closed;
	struct list_node parked;
};
static struct world *world;

struct one {
	size_t bytes;
};

static struct one *one_of(struct ttrpc_stream *st)
{
	struct one *o = ttrpc_stream_state(st);

	if (!o) {
		o = mem_new(struct one);
		ttrpc_stream_set(st, o);
		world->open++;
	}
	return o;
}

static bool is_called(struct ttrpc_stream *st, const char *name) { return !strcmp(ttrpc_stream_method(st)->name, name); }

static void on_metadata(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	struct ttrpc_text ns = ttrpc_stream_md(st, "containerd-namespace-ttrpc");
	char text[100];

	(void)arg;
	(void)msg;
	(void)len;
	(void)snprintf(text, sizeof text, "%.*s %s", (int)ns.n, ns.p, ttrpc_stream_deadline(st) ? "deadline" : "none");
	ttrpc_stream_reply(st, text, strlen(text));
}

static void on_park(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	struct world *w = arg;

	(void)msg;
	(void)len;
	(void)one_of(st);
	w->messages++;
	list_push(&w->parked, ttrpc_stream_link(st));
	assert_null(ttrpc_stream_md(st, "absent").p);
}

static void on_message(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	struct one *o = one_of(st);
	char text[40] = "";
	unsigned n, size;

	(void)arg;
	world->messages++;
	o->bytes += len;
	memcpy(text, msg, len < sizeof text ? len : sizeof text - 1);
	if (is_called(st, "Echo")) {
		ttrpc_stream_reply(st, msg, len);
		ttrpc_stream_reply(st, "again", 5); /* nothing: it has ended */
		ttrpc_stream_end(st, 5, "again");
	} else if (is_called(st, "Chat")) {
		ttrpc_stream_send(st, msg, len);
	} else if (is_called(st, "Fail")) {
		ttrpc_stream_end(st, 5, "container not created");
	} else if (is_called(st, "Mute")) {
		ttrpc_stream_end(st, 14, NULL);
	} else if (is_called(st, "Empty")) {
		ttrpc_stream_end(st, 0, NULL);
	} else if (is_called(st, "Die")) {
		ttrpc_stream_drop_connection(st);
	} else if (sscanf(text, "%u %u", &n, &size) == 2) {
		_cleanup_free_ char *bytes = mem_zalloc(size + 1);

		if (is_called(st, "Big"))
			ttrpc_stream_reply(st, bytes, size);
		else
			for (unsigned i = 0; i < n; i++)
				ttrpc_stream_send(st, bytes, size);
	}
}

static void on_half_close(void *arg, struct ttrpc_stream *st)
{
	struct one *o = one_of(st);
	char text[30];

	(void)arg;
	world->half_closed++;
	(void)snprintf(text, sizeof text, "%zu", o->bytes);
	if (is_called(st, "Sum"))
		ttrpc_stream_reply(st, text, strlen(text));
	else if (is_called(st, "Chat") || is_called(st, "Count"))
		ttrpc_stream_end(st, 0, NULL);
}

static void on_closed(void *arg, struct ttrpc_stream *st)
{
	(void)arg;
	assert_false(list_linked(ttrpc_stream_link(st)));
	world->closed += ttrpc_stream_state(st) != NULL; /* not one whose client has said nothing */
	free(ttrpc_stream_state(st));
}

#define METHOD(name) \
	{ \
		name, on_message, on_half_close, on_closed \
	}
static const struct ttrpc_method methods[] = {
	METHOD("Echo"),
	METHOD("Chat"),
	METHOD("Fail"),
	METHOD("Mute"),
	METHOD("Empty"),
	METHOD("Die"),
	METHOD("Big"),
	METHOD("Count"),
	METHOD("Sum"),
	METHOD("Hang"),
	{ "Metadata", on_metadata, NULL, NULL },
	{ "Park", on_park, NULL, on_closed },
	{ NULL, NULL, NULL, NULL },
};
static const struct ttrpc_service services[] = { { "t.Test", methods }, { "t.v3.Test", methods }, { NULL, NULL } };

static int setup(void **state)
{
	struct world *w = mem_new(struct world);
	int fd;

	memcpy(w->dir, "/tmp/rpc-XXXXXX", sizeof "/tmp/rpc-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof w->path, "%s/s", w->dir);
	w->loop = loop_new();
	list_init(&w->parked);
	w->ctx = ctx_within(NULL, 20000);
	assert_int_equal(socket_listen(w->path, 0600, &fd, NULL), 0);
	w->server = ttrpc_server_new(w->loop, fd, NULL, services, w);
	assert_int_equal(ttrpc_open(w->loop, w->path, &w->client, NULL), 0);
	*state = world = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ttrpc_free(w->client);
	ttrpc_server_free(w->server);
	assert_true(w->closed <= w->open);
	loop_free(w->loop);
	(void)unlink(w->path);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

static struct ttrpc_call *start(struct world *w, enum ttrpc_kind kind, const char *method, const char *msg)
{
	return ttrpc_start(w->client, kind, "t.Test", method, msg, msg ? strlen(msg) : 0, NULL, &w->ctx);
}

static void fails(struct world *w, struct ttrpc_call *call, int code, const char *text)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;
	int r = ttrpc_unary_end(call, &w->ctx, &b, &err);

	if (r != -code || !strstr(err.msg, text))
		print_message("got %d %s, wanted %d %s\n", r, err.msg, -code, text);
	assert_int_equal(r, -code);
	assert_non_null(strstr(err.msg, text));
	ttrpc_call_free(call);
}

static void succeeds(struct world *w, struct ttrpc_call *call, const char *answer)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	if (ttrpc_unary_end(call, &w->ctx, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(buf_str(&b), answer);
	ttrpc_call_free(call);
}

static void turn_until(struct world *w, const unsigned *what, unsigned n)
{
	while (*what != n)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
}

static void unary(void **state)
{
	struct world *w = *state;
	struct ttrpc_call *a = start(w, TTRPC_UNARY, "Echo", "hello"), *b = start(w, TTRPC_UNARY, "Echo", "");

	succeeds(w, b, "");
	assert_true(ttrpc_ready(a));
	succeeds(w, a, "hello");
	succeeds(w, start(w, TTRPC_UNARY, "Empty", ""), "");
	fails(w, start(w, TTRPC_UNARY, "Fail", "x"), ERR_NOT_FOUND, "container not created");
	fails(w, start(w, TTRPC_UNARY, "Mute", "x"), ERR_UNAVAILABLE, "unavailable");
	fails(w, start(w, TTRPC_UNARY, "Unknown", "x"), ERR_UNIMPLEMENTED, "unknown method");
	assert_int_equal(w->closed, 5); /* all but the unknown one, which is no stream */
	succeeds(w, ttrpc_start(w->client, TTRPC_UNARY, "t.v3.Test", "Echo", "same", 4, NULL, &w->ctx), "same");
	fails(w, ttrpc_start(w->client, TTRPC_UNARY, "t.Tes", "Echo", "x", 1, NULL, &w->ctx), ERR_UNIMPLEMENTED, "unknown service");
}

static void metadata_and_deadline_cross(void **state)
{
	struct world *w = *state;
	_cleanup_dict_ struct dict md = { 0 };
	struct ctx none = ctx_none();

	dict_set(&md, "containerd-namespace-ttrpc", "davit");
	succeeds(w, ttrpc_start(w->client, TTRPC_UNARY, "t.Test", "Metadata", "", 0, &md, &w->ctx), "davit deadline");
	succeeds(w, ttrpc_start(w->client, TTRPC_UNARY, "t.Test", "Metadata", "", 0, &md, &none), "davit none");
}

static void streams(void **state)
{
	struct world *w = *state;
	struct ttrpc_call *sum = start(w, TTRPC_CLIENT_STREAM, "Sum", NULL), *chat = start(w, TTRPC_BIDI, "Chat", NULL),
			  *count = start(w, TTRPC_SERVER_STREAM, "Count", "30 100000");
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	for (int i = 0; i < 10; i++)
		ttrpc_send(sum, "0123456789", 10, i == 9);
	for (int i = 0; i < 10; i++) {
		ttrpc_send(chat, &i, i % 2 ? sizeof i : 0, false); /* an empty message is one */
		assert_int_equal(ttrpc_recv(chat, &w->ctx, &b, &err), 1);
		assert_int_equal(b.len, i % 2 ? sizeof i : 0);
	}
	ttrpc_send_end(chat);
	assert_int_equal(ttrpc_recv(chat, &w->ctx, &b, &err), 0);
	for (int i = 0; i < 30; i++)
		assert_int_equal(ttrpc_recv(count, &w->ctx, &b, &err), 1);
	assert_int_equal(b.len, 100000);
	assert_int_equal(ttrpc_recv(count, &w->ctx, &b, &err), 0);
	ttrpc_call_free(chat);
	ttrpc_call_free(count);
	succeeds(w, sum, "100");
	fails(w, start(w, TTRPC_SERVER_STREAM, "Fail", "x"), ERR_NOT_FOUND, "container not created");
	assert_int_equal(w->half_closed, 3);
}

static void a_thousand_at_once(void **state)
{
	struct world *w = *state;
	static struct ttrpc_call *calls[1000];
	char text[20];

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof text, "call %d", i);
		calls[i] = start(w, TTRPC_UNARY, "Echo", text);
	}
	for (int i = 999; i >= 0; i--) {
		(void)snprintf(text, sizeof text, "call %d", i);
		succeeds(w, calls[i], text);
	}
}

static void parked_calls_are_answered_later(void **state)
{
	struct world *w = *state;
	struct ttrpc_call *wait = start(w, TTRPC_UNARY, "Park", "x");

	succeeds(w, start(w, TTRPC_UNARY, "Echo", "meanwhile"), "meanwhile");
	assert_false(ttrpc_ready(wait));
	ttrpc_stream_reply(ttrpc_stream_of(w->parked.next), "exited", 6);
	assert_true(list_empty(&w->parked));
	ttrpc_server_flush(w->server); /* as a shim does before it exits */
	assert_int_equal(w->closed, 2);
	succeeds(w, wait, "exited");
}

static void too_large(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *big = mem_zalloc(TTRPC_DATA_MAX + 1);
	struct ttrpc_call *call;

	fails(w, ttrpc_start(w->client, TTRPC_UNARY, "t.Test", "Echo", big, TTRPC_DATA_MAX, NULL, &w->ctx), ERR_EXHAUSTED,
	      "request is longer than 4 MiB");
	fails(w, start(w, TTRPC_UNARY, "Big", "1 4194304"), ERR_EXHAUSTED, "answer is longer than 4 MiB");
	call = start(w, TTRPC_BIDI, "Chat", NULL);
	ttrpc_send(call, big, TTRPC_DATA_MAX + 1, false);
	fails(w, call, ERR_EXHAUSTED, "message is longer than 4 MiB");
	succeeds(w, ttrpc_start(w->client, TTRPC_UNARY, "t.Test", "Sum", big, TTRPC_DATA_MAX - 100, NULL, &w->ctx), "4194204");
}

static void deadlines(void **state)
{
	struct world *w = *state;
	struct ctx soon = ctx_within(NULL, 30);
	struct ttrpc_call *call = ttrpc_start(w->client, TTRPC_UNARY, "t.Test", "Park", "x", 1, NULL, &soon),
			  *other = start(w, TTRPC_UNARY, "Hang", "x");
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	fails(w, call, ERR_DEADLINE, "timed out");
	turn_until(w, &w->closed, 1); /* the server ends it, too; nobody hears that */
	soon = ctx_within(NULL, 20);
	assert_int_equal(ttrpc_recv(other, &soon, &b, &err), -ERR_DEADLINE);
	assert_false(ttrpc_ready(other));
	ttrpc_call_free(other);
	succeeds(w, start(w, TTRPC_UNARY, "Echo", "on"), "on");
}

static void a_dying_peer_ends_every_call(void **state)
{
	struct world *w = *state;
	struct ttrpc_call *hang = start(w, TTRPC_UNARY, "Hang", "x"), *chat = start(w, TTRPC_BIDI, "Chat", NULL);
	char text[100];

	(void)snprintf(text, sizeof text, "connection to %s: closed by the peer", w->path);
	fails(w, start(w, TTRPC_UNARY, "Die", "x"), ERR_UNAVAILABLE, text);
	assert_false(ttrpc_alive(w->client));
	ttrpc_send(chat, "x", 1, false);
	fails(w, chat, ERR_UNAVAILABLE, text);
	fails(w, hang, ERR_UNAVAILABLE, text);
	fails(w, start(w, TTRPC_UNARY, "Echo", "x"), ERR_UNAVAILABLE, text);
	turn_until(w, &w->closed, w->open);
	assert_int_equal(ttrpc_server_connections(w->server), 0);
}

static void an_unread_stream_is_given_up(void **state)
{
	struct world *w = *state;
	struct ttrpc_call *call = start(w, TTRPC_SERVER_STREAM, "Count", "50 1000000");
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;
	size_t n = 0;
	int r;

	turn_until(w, &w->closed, 1);
	succeeds(w, start(w, TTRPC_UNARY, "Echo", "on"), "on");
	while ((r = ttrpc_recv(call, &w->ctx, &b, &err)) == 1)
		n += b.len;
	assert_int_equal(r, -ERR_EXHAUSTED);
	assert_true(n <= TTRPC_UNREAD_MAX + 1000000);
	ttrpc_call_free(call);
}

static void unread_messages_count_when_they_are_empty(void **state)
{
	struct world *w = *state;
	struct ttrpc_call *call = start(w, TTRPC_SERVER_STREAM, "Count", "400000 0");
	_cleanup_buf_ struct buf b = { 0 };
	int n = 0, r;

	turn_until(w, &w->closed, 1);
	succeeds(w, start(w, TTRPC_UNARY, "Echo", "on"), "on");
	while ((r = ttrpc_recv(call, &w->ctx, &b, NULL)) == 1)
		n++;
	assert_int_equal(r, -ERR_EXHAUSTED);
	assert_true(n < 400000);
	ttrpc_call_free(call);
}

/* --- what only a peer that is not ours sends --- */

static void put_timed(struct buf *b, uint32_t id, unsigned flags, const char *service, const char *method, int64_t timeout_ns)
{
	struct ttrpc_request q = {
		.service = { service, strlen(service) }, .method = { method, strlen(method) }, .payload = "x", .len = 1
	};
	_cleanup_buf_ struct buf m = { 0 };

	q.timeout_ns = timeout_ns;
	ttrpc_request_put(&m, &q, NULL);
	ttrpc_frame_put(b, id, TTRPC_REQUEST, flags, m.data, m.len);
}

static void put_request(struct buf *b, uint32_t id, unsigned flags, const char *service, const char *method)
{
	put_timed(b, id, flags, service, method, 0);
}

/* Send @b on a connection of its own and read one frame. */
static void answer_to(struct world *w, int fd, const struct buf *b, uint32_t id, unsigned code, const char *payload)
{
	_cleanup_buf_ struct buf in = { 0 };
	struct ttrpc_frame f = { 0 };
	struct ttrpc_response s;
	struct ttrpc_reader reader = { 0 };
	size_t sent = 0;
	char byte;

	while (sent < b->len) {
		ssize_t n = send(fd, b->data + sent, b->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		loop_poll(w->loop);
	}
	for (;;) {
		const unsigned char *p = (const unsigned char *)in.data;
		size_t n = in.len;

		if (ttrpc_reader_next(&reader, &p, &n, &f))
			break;
		if (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
			buf_addc(&in, byte);
			continue;
		}
		assert_int_equal(ctx_check(&w->ctx, NULL), 0);
		loop_poll(w->loop);
	}
	assert_int_equal(f.id, id);
	assert_int_equal(f.type, TTRPC_RESPONSE);
	assert_int_equal(ttrpc_response_get(f.data, f.len, &s, NULL), 0);
	assert_int_equal(s.code, code);
	assert_int_equal(s.len, strlen(payload));
	assert_memory_equal(s.len ? s.payload : "", payload, s.len);
}

static void the_server_survives(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };
	int fd;

	assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
	put_request(&b, 5, 0, "t.Test", "Echo");
	answer_to(w, fd, &b, 5, 0, "x");
	answer_to(w, fd, &b, 5, 3, ""); /* the id again */
	buf_reset(&b);
	put_request(&b, 6, 0, "t.Test", "Echo");
	answer_to(w, fd, &b, 6, 3, "");
	buf_reset(&b);
	ttrpc_frame_put(&b, 7, TTRPC_REQUEST, 0, "\xff\xff", 2);
	answer_to(w, fd, &b, 7, 3, "");
	buf_reset(&b);
	buf_add(&b, "\0\x50\0\0\0\0\0\x09\x01\0", 10);
	memset(buf_room(&b, 0x500000), 0xff, 0x500000);
	buf_grew(&b, 0x500000);
	answer_to(w, fd, &b, 9, 8, "");
	buf_reset(&b);
	put_request(&b, 11, TTRPC_REMOTE_CLOSED, "t.Test", "Hang");
	ttrpc_frame_put(&b, 11, TTRPC_DATA, 0, "x", 1); /* after its half-close */
	answer_to(w, fd, &b, 11, 3, "");
	buf_reset(&b);
	ttrpc_frame_put(&b, 11, TTRPC_DATA, 0, "x", 1); /* of a stream that has ended */
	ttrpc_frame_put(&b, 13, TTRPC_RESPONSE, 0, "", 0);
	ttrpc_frame_put(&b, 13, 77, 0xff, "", 0);
	put_request(&b, 13, 0, "other.Service", "Echo");
	answer_to(w, fd, &b, 13, 12, "");
	(void)close(fd);
	succeeds(w, start(w, TTRPC_UNARY, "Echo", "on"), "on");
}

static void the_server_ends_what_is_overdue(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };
	int64_t before = clock_mono();
	int fd;

	assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
	put_timed(&b, 1, 0, "t.Test", "Hang", 60 * NSEC_PER_SEC);
	put_timed(&b, 3, 0, "t.Test", "Park", 30 * NSEC_PER_MSEC);
	answer_to(w, fd, &b, 3, 4, "");
	assert_true(clock_mono() - before >= 30 * NSEC_PER_MSEC);
	assert_int_equal(w->closed, 1);
	assert_true(list_empty(&w->parked));
	(void)close(fd);
	turn_until(w, &w->closed, 2);
}

/* A client that never reads holds what the socket holds, not all answers to what it would send. */
static void a_client_that_does_not_read_is_not_read(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };
	size_t sent = 0;
	unsigned idle = 0;
	int fd;

	for (uint32_t id = 1; id < 200; id += 2) {
		struct ttrpc_request q = { .service = { "t.Test", 6 }, .method = { "Echo", 4 } };
		_cleanup_buf_ struct buf m = { 0 };
		_cleanup_free_ char *payload = mem_zalloc(100000);

		q.payload = payload;
		q.len = 100000;
		ttrpc_request_put(&m, &q, NULL);
		ttrpc_frame_put(&b, id, TTRPC_REQUEST, 0, m.data, m.len);
	}
	assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
	while (sent < b.len && idle < 100) {
		ssize_t n = send(fd, b.data + sent, b.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle + 1;
		loop_poll(w->loop);
	}
	assert_true(sent < b.len / 2);
	assert_true(w->messages < 50);
	(void)close(fd);
	while (ttrpc_server_connections(w->server) > 1 || ttrpc_server_connections(w->server) == 0)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
}

static void answers_that_are_none(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *bytes;
		size_t n;
		int code;
		const char *text;
	} cases[] = {
		{ "\0\0\0\x01\0\0\0\x01\x02\0\xff", 11, ERR_INTERNAL, "malformed" },
		{ "\0\0\0\x01\0\0\0\x01\x03\0x", 11, ERR_INTERNAL, "data in answer" },
		{ "\0\0\0\x01\0\0\0\x03\x02\0\xff", 11, ERR_UNAVAILABLE, "closed by the peer" }, /* not our id: dropped */
		{ "\0\0\0\x09\0\0\0\x01\x02\0\xff", 11, ERR_UNAVAILABLE, "closed by the peer" }, /* cut */
		{ "\0\0\0\x04\0\0\0\x01\x02\0\x0a\x02\x08\x05", 14, ERR_NOT_FOUND, "not found" },
	};
	char path[80];

	(void)snprintf(path, sizeof path, "%s/raw", w->dir);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ttrpc_call *call;
		struct ttrpc *t;
		int lfd, fd;

		assert_int_equal(socket_listen(path, 0600, &lfd, NULL), 0);
		assert_int_equal(ttrpc_open(w->loop, path, &t, NULL), 0);
		call = ttrpc_start(t, TTRPC_UNARY, "t.Test", "Echo", "x", 1, NULL, &w->ctx);
		fd = accept(lfd, NULL, NULL);
		assert_int_equal(write(fd, cases[i].bytes, cases[i].n), cases[i].n);
		(void)shutdown(fd, SHUT_WR);
		fails(w, call, cases[i].code, cases[i].text);
		ttrpc_free(t);
		(void)close(fd);
		(void)close(lfd);
	}
	(void)unlink(path);
}

struct told {
	struct world *world;
	unsigned n, left;
	int code;
};

/* A chain of calls that nobody waits for, each started when the one before it has ended. */
static void on_told(void *arg, struct ttrpc_call *call)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;
	struct told *t = arg;

	assert_true(ttrpc_ready(call));
	t->n++;
	t->code = -ttrpc_unary_end(call, &t->world->ctx, &b, &err);
	ttrpc_call_free(call);
	if (t->left) {
		t->left--;
		ttrpc_notify(start(t->world, TTRPC_UNARY, "Echo", "next"), on_told, t);
	}
}

static void calls_tell_when_they_end(void **state)
{
	struct world *w = *state;
	struct told chain = { .world = w, .left = 9 }, late = { .world = w }, ended = { .world = w }, broken = { .world = w };
	struct ctx soon = ctx_within(NULL, 30);
	struct ttrpc_call *call = start(w, TTRPC_UNARY, "Echo", "x");

	ttrpc_notify(start(w, TTRPC_UNARY, "Echo", "first"), on_told, &chain);
	ttrpc_notify(ttrpc_start(w->client, TTRPC_UNARY, "t.Test", "Hang", "x", 1, NULL, &soon), on_told, &late);
	turn_until(w, &chain.n, 10);
	assert_int_equal(chain.code, 0);
	assert_int_equal(late.n, 0);
	turn_until(w, &late.n, 1); /* its deadline is enforced, and the server's answer comes too late or says the same */
	assert_int_equal(late.code, ERR_DEADLINE);
	assert_true(ttrpc_ready(call));
	ttrpc_notify(call, on_told, &ended); /* has ended: told from the loop, not from here */
	assert_int_equal(ended.n, 0);
	turn_until(w, &ended.n, 1);
	for (int i = 0; i < 20; i++)
		ttrpc_notify(start(w, TTRPC_UNARY, "Hang", "x"), on_told, &broken);
	broken.left = 1;
	ttrpc_notify(start(w, TTRPC_UNARY, "Die", "x"), on_told, &broken);
	turn_until(w, &broken.n, 22);
	assert_int_equal(broken.code, ERR_UNAVAILABLE);
}

/* Streams find their data among thousands that are open, and each is answered once. */
static void many_streams_at_once(void **state)
{
	enum { N = 5000 };
	struct world *w = *state;
	static struct ttrpc_call *calls[N];
	_cleanup_buf_ struct buf b = { 0 };

	for (int i = 0; i < N; i++)
		calls[i] = start(w, TTRPC_BIDI, "Chat", NULL);
	for (int i = N - 1; i >= 0; i--)
		ttrpc_send(calls[i], &i, sizeof i, true);
	for (int i = 0; i < N; i++) {
		assert_int_equal(ttrpc_recv(calls[i], &w->ctx, &b, NULL), 1);
		assert_memory_equal(b.data, &i, sizeof i);
		assert_int_equal(ttrpc_recv(calls[i], &w->ctx, &b, NULL), 0);
		ttrpc_call_free(calls[i]);
	}
	turn_until(w, &w->closed, N);
}

/* A client that sends thousands of small requests with large answers and reads none. */
static void answers_to_one_client_are_bounded(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };
	int fd;

	assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
	for (uint32_t id = 1; id < 200; id += 2) {
		struct ttrpc_request q = { .service = { "t.Test", 6 }, .method = { "Big", 3 }, .payload = "1 1000000", .len = 9 };
		size_t begun = ttrpc_frame_begin(&b, id, TTRPC_REQUEST, 0);

		ttrpc_request_put(&b, &q, NULL);
		assert_true(ttrpc_frame_end(&b, begun));
	}
	assert_int_equal(send(fd, b.data, b.len, MSG_DONTWAIT), b.len);
	for (int i = 0; i < 50; i++)
		loop_poll(w->loop);
	assert_true(w->messages >= 1 && w->messages <= 3);
	(void)close(fd);
	while (ttrpc_server_connections(w->server) != 1)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
}

/* A frame that says it is 900000 bytes long, and 600000 of them. */
static void put_unfinished(struct buf *b, uint32_t id)
{
	const unsigned char head[TTRPC_HEAD] = { 0, 0x0d, 0xbb, 0xa0, 0, 0, 0, (unsigned char)id, TTRPC_REQUEST, 0 };
	const size_t n = 600000;

	buf_reset(b);
	buf_add(b, head, sizeof head);
	memset(buf_room(b, n), 'x', n);
	buf_grew(b, n);
}

/* Whoever begins a long message when all together hold too much is refused that; small ones go through, and so does what was
 * begun before. */
static void what_all_clients_hold_is_bounded(void **state)
{
	const struct listener_limits limits = { .held = 2 << 20 };
	struct world *w = *state;
	_cleanup_close_ int first = -1, second = -1, third = -1;
	_cleanup_buf_ struct buf b = { 0 };
	struct ttrpc_server *s;
	char path[80];
	int fd;

	(void)snprintf(path, sizeof path, "%s/2", w->dir);
	assert_int_equal(socket_listen(path, 0600, &fd, NULL), 0);
	s = ttrpc_server_new(w->loop, fd, &limits, services, w);
	assert_int_equal(socket_dial(path, &first, NULL), 0);
	assert_int_equal(socket_dial(path, &second, NULL), 0);
	assert_int_equal(socket_dial(path, &third, NULL), 0);
	put_unfinished(&b, 1);
	for (size_t sent = 0; sent < b.len;) {
		ssize_t n = send(first, b.data + sent, b.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		loop_poll(w->loop);
	}
	loop_poll(w->loop);
	put_unfinished(&b, 3);
	answer_to(w, second, &b, 3, 8, "");
	buf_reset(&b);
	put_request(&b, 1, 0, "t.Test", "Echo");
	answer_to(w, third, &b, 1, 0, "x");
	buf_reset(&b);
	memset(buf_room(&b, 300000), 0xff, 300000);
	buf_grew(&b, 300000);
	answer_to(w, first, &b, 1, 3, ""); /* it was waited for: no request that anybody understands */
	ttrpc_server_free(s);
	(void)unlink(path);
}

static void a_stream_says_what_is_unsent(void **state)
{
	struct world *w = *state;
	struct ttrpc_call *call = start(w, TTRPC_SERVER_STREAM, "Park", "x");
	_cleanup_free_ char *bytes = mem_zalloc(1 << 20);
	_cleanup_buf_ struct buf got = { 0 };
	struct ttrpc_stream *st;

	turn_until(w, &w->messages, 1);
	st = ttrpc_stream_of(w->parked.next);
	assert_int_equal(ttrpc_stream_unsent(st), 0);
	for (unsigned i = 0; i < 3; i++)
		ttrpc_stream_send(st, bytes, 1 << 20);
	assert_int_equal(ttrpc_stream_unsent(st), 3 * ((1 << 20) + TTRPC_HEAD));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ttrpc_recv(call, &w->ctx, &got, NULL), 1);
	assert_int_equal(ttrpc_stream_unsent(st), 0);
	ttrpc_stream_end(st, 0, NULL);
	ttrpc_call_free(call);
}

/* Each call that has a deadline ends at its own, however many have one. */
static void every_deadline_is_kept(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_close_ int fd = -1;
	unsigned ended = 0;

	assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
	for (uint32_t i = 0; i < 100; i++)
		put_timed(&b, 2 * i + 1, 0, "t.Test", "Park", (i % 10 + 1) * 5 * NSEC_PER_MSEC);
	put_timed(&b, 201, 0, "t.Test", "Park", INT64_MAX);
	assert_int_equal(send(fd, b.data, b.len, MSG_NOSIGNAL), b.len);
	turn_until(w, &w->closed, 100);
	list_for_each(it, &w->parked)
		ended += ttrpc_stream_deadline(ttrpc_stream_of(it)) == INT64_MAX;
	assert_int_equal(ended, 1);
	assert_int_equal(w->open, 101);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("ttrpc", T(unary), T(metadata_and_deadline_cross), T(streams), T(a_thousand_at_once), T(parked_calls_are_answered_later),
	  T(too_large), T(deadlines), T(a_dying_peer_ends_every_call), T(an_unread_stream_is_given_up),
	  T(unread_messages_count_when_they_are_empty), T(the_server_survives), T(the_server_ends_what_is_overdue),
	  T(a_client_that_does_not_read_is_not_read), T(answers_that_are_none), T(calls_tell_when_they_end),
	  T(many_streams_at_once), T(answers_to_one_client_are_bounded), T(what_all_clients_hold_is_bounded),
	  T(a_stream_says_what_is_unsent), T(every_deadline_is_kept))
