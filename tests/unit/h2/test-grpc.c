/* Client against server over a real unix socket, both on one loop. */
#include "test.h"
#include "clock.h"
#include "socket.h"
#include "grpc-server.h"
#include "mem.h"
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* What the handlers of this file do, by method. */
struct one {
	const char *method;
	size_t bytes, left;
	struct dict md;
};

struct world {
	char dir[32], path[64];
	struct loop *loop;
	struct grpc_server *server;
	struct grpc *grpc;
	struct ctx ctx;
	unsigned open, closed, messages;
	struct grpc_stream *parked;
};
static struct world *world;

static void *on_open(void *arg, struct grpc_stream *st, const char *method, const struct dict *md)
{
	struct world *w = arg;
	struct one *o;

	w->open++;
	if (!strcmp(method, "/t/Refuse")) {
		grpc_stream_end(st, 5, "no such th\xc3\xafng: 100%\n");
		return NULL;
	}
	o = mem_new(struct one);
	*o = (struct one){ .method = strrchr(method, '/') + 1 };
	dict_add(&o->md, md);
	o->method = mem_strdup(o->method);
	if (!strcmp(o->method, "Park") || !strcmp(o->method, "Count"))
		w->parked = st;
	return o;
}

static void on_message(void *state, struct grpc_stream *st, const void *msg, size_t len)
{
	struct one *o = state;
	unsigned n, size;

	world->messages++;
	o->bytes += len;
	if (!strcmp(o->method, "Echo")) {
		grpc_stream_send(st, msg, len);
	} else if (!strcmp(o->method, "Die")) {
		grpc_stream_drop_connection(st);
	} else if (!strcmp(o->method, "Early")) {
		grpc_stream_send(st, "x", 1);
		grpc_stream_end(st, 9, "enough");
	} else if (!strcmp(o->method, "Count") && sscanf(msg, "%u %u", &n, &size) == 2) {
		_cleanup_free_ char *bytes = mem_zalloc(size + 1);

		for (unsigned i = 0; i < n; i++) {
			memset(bytes, (int)(i & 0xff), size);
			grpc_stream_send(st, bytes, size);
		}
	}
}

static void on_half_close(void *state, struct grpc_stream *st)
{
	struct one *o = state;
	char text[200];

	if (!strcmp(o->method, "Sum")) {
		(void)snprintf(text, sizeof text, "%zu", o->bytes);
		grpc_stream_send(st, text, strlen(text));
	} else if (!strcmp(o->method, "Metadata")) {
		(void)snprintf(text, sizeof text, "%s %s %zu", dict_get(&o->md, "containerd-namespace"),
			       grpc_stream_deadline(st) ? "deadline" : "none", o->md.n);
		grpc_stream_send(st, text, strlen(text));
	} else if (!strcmp(o->method, "Twice")) {
		grpc_stream_send(st, "1", 1);
		grpc_stream_send(st, "2", 1);
	}
	if (strcmp(o->method, "Hang") && strcmp(o->method, "Park"))
		grpc_stream_end(st, 0, NULL);
}

static void on_closed(void *state, struct grpc_stream *st)
{
	struct one *o = state;

	world->closed++;
	if (world->parked == st)
		world->parked = NULL;
	free((void *)(uintptr_t)o->method);
	dict_done(&o->md);
	free(o);
}

static const struct grpc_handler handler = { on_open, on_message, on_half_close, on_closed };

static int setup(void **state)
{
	struct world *w = mem_new(struct world);
	struct err err = ERR_INIT;

	memcpy(w->dir, "/tmp/rpc-XXXXXX", sizeof "/tmp/rpc-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof w->path, "%s/s", w->dir);
	w->loop = loop_new();
	w->ctx = ctx_within(NULL, 20000);
	assert_int_equal(grpc_server_new(w->loop, w->path, NULL, &handler, w, &w->server, &err), 0);
	assert_int_equal(grpc_open(w->loop, w->path, &w->grpc, &err), 0);
	*state = world = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	grpc_free(w->grpc);
	grpc_server_free(w->server);
	loop_free(w->loop);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

static struct grpc_call *start(struct world *w, const char *method, const char *msg)
{
	struct grpc_call *call = grpc_start(w->grpc, method, NULL, &w->ctx);

	grpc_send(call, msg, strlen(msg), true);
	return call;
}

/* The code and the text of a call that must fail. */
static void fails(struct world *w, struct grpc_call *call, int code, const char *text)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;
	int r = grpc_unary_end(call, &w->ctx, &b, &err);

	if (r != -code || !strstr(err.msg, text))
		print_message("got %d %s, wanted %d %s\n", r, err.msg, -code, text);
	assert_int_equal(r, -code);
	assert_non_null(strstr(err.msg, text));
	grpc_call_free(call);
}

static void succeeds(struct world *w, struct grpc_call *call, const char *answer)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	if (grpc_unary_end(call, &w->ctx, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(buf_str(&b), answer);
	grpc_call_free(call);
}

/* Turn the loop until @*what is @n. */
static void turn_until(struct world *w, const unsigned *what, unsigned n)
{
	struct err err = ERR_INIT;

	while (*what != n)
		assert_int_equal(loop_turn(w->loop, &w->ctx, &err), 0);
}

static void unary(void **state)
{
	struct world *w = *state;
	struct grpc_call *a = start(w, "/t/Echo", "hello"), *b = start(w, "/t/Echo", "");

	succeeds(w, b, "");
	assert_true(grpc_ready(a));
	succeeds(w, a, "hello");
	fails(w, start(w, "/t/Refuse", "x"), ERR_NOT_FOUND, "no such th\xc3\xafng: 100%?");
	fails(w, start(w, "/t/Twice", "x"), ERR_INTERNAL, "more than one answer");
	fails(w, start(w, "/t/Nothing", "x"), ERR_INTERNAL, "without an answer");
	assert_true(grpc_alive(w->grpc));
}

/* Who was told that it is there must not have to turn the loop for what is not. */
static void an_answer_is_no_end(void **state)
{
	struct world *w = *state;
	struct grpc_call *call = start(w, "/t/Park", "x");
	struct err err = ERR_INIT;

	turn_until(w, &w->messages, 1);
	grpc_stream_send(w->parked, "half", 4);
	while (!grpc_ready(call))
		assert_int_equal(loop_turn(w->loop, &w->ctx, &err), 0);
	assert_false(grpc_ended(call));
	grpc_stream_end(w->parked, 0, NULL);
	while (!grpc_ended(call))
		assert_int_equal(loop_turn(w->loop, &w->ctx, &err), 0);
	succeeds(w, call, "half");
}

static void metadata_and_deadline_cross(void **state)
{
	struct world *w = *state;
	_cleanup_dict_ struct dict md = { 0 };
	struct ctx none = ctx_none();
	struct grpc_call *call;

	dict_set(&md, "containerd-namespace", "davit");
	call = grpc_start(w->grpc, "/t/Metadata", &md, &w->ctx);
	grpc_send_end(call);
	succeeds(w, call, "davit deadline 1");
	call = grpc_start(w->grpc, "/t/Metadata", &md, &none);
	grpc_send_end(call);
	succeeds(w, call, "davit none 1");
}

static void server_streams(void **state)
{
	struct world *w = *state;
	_cleanup_(grpc_call_freep) struct grpc_call *call = start(w, "/t/Count", "300 70000");
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(grpc_recv(call, &w->ctx, &b, &err), 1);
		assert_int_equal(b.len, 70000);
		assert_int_equal((unsigned char)b.data[69999], i & 0xff);
	}
	assert_int_equal(grpc_recv(call, &w->ctx, &b, &err), 0);
	assert_int_equal(grpc_recv(call, &w->ctx, &b, &err), 0); /* and again */
}

static void client_streams(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *chunk = mem_zalloc(1 << 20);
	struct grpc_call *call = grpc_start(w->grpc, "/t/Sum", NULL, &w->ctx);
	struct err err = ERR_INIT;

	for (int i = 0; i < 40; i++) {
		grpc_send(call, chunk, 1 << 20, false);
		assert_int_equal(grpc_drain(call, 2 << 20, &w->ctx, &err), 0);
		assert_true(grpc_unsent(call) < 2 << 20);
	}
	grpc_send_end(call);
	succeeds(w, call, "41943040");
}

static void both_stream(void **state)
{
	struct world *w = *state;
	_cleanup_(grpc_call_freep) struct grpc_call *call = grpc_start(w->grpc, "/t/Echo", NULL, &w->ctx);
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < 50; i++) {
		grpc_send(call, &i, sizeof i, false);
		assert_int_equal(grpc_recv(call, &w->ctx, &b, &err), 1);
		assert_memory_equal(b.data, &i, sizeof i);
		assert_false(grpc_ready(call));
	}
	grpc_send_end(call);
	assert_int_equal(grpc_recv(call, &w->ctx, &b, &err), 0);
}

static void a_thousand_at_once(void **state)
{
	struct world *w = *state;
	static struct grpc_call *calls[1000];
	char text[20];

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof text, "call %d", i);
		calls[i] = start(w, "/t/Echo", text);
	}
	for (int i = 999; i >= 0; i--) {
		(void)snprintf(text, sizeof text, "call %d", i);
		succeeds(w, calls[i], text);
	}
	turn_until(w, &w->closed, 1000);
}

static void the_largest_message(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_free_ char *big = mem_zalloc(GRPC_MESSAGE_MAX + 1);
	struct grpc_call *call = grpc_start(w->grpc, "/t/Echo", NULL, &w->ctx);
	struct err err = ERR_INIT;

	big[GRPC_MESSAGE_MAX - 1] = 'z';
	grpc_send(call, big, GRPC_MESSAGE_MAX, true);
	if (grpc_unary_end(call, &w->ctx, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(b.len, GRPC_MESSAGE_MAX);
	assert_int_equal(b.data[GRPC_MESSAGE_MAX - 1], 'z');
	grpc_call_free(call);

	call = grpc_start(w->grpc, "/t/Echo", NULL, &w->ctx);
	grpc_send(call, big, GRPC_MESSAGE_MAX + 1, true);
	fails(w, call, ERR_EXHAUSTED, "longer than");
	fails(w, start(w, "/t/Count", "1 16777217"), ERR_EXHAUSTED, "longer than");
	succeeds(w, start(w, "/t/Echo", "still here"), "still here");
}

static void an_early_end_stops_the_upload(void **state)
{
	struct world *w = *state;
	_cleanup_(grpc_call_freep) struct grpc_call *call = grpc_start(w->grpc, "/t/Early", NULL, &w->ctx);
	_cleanup_free_ char *chunk = mem_zalloc(1 << 20);
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	for (int i = 0; i < 15; i++)
		grpc_send(call, chunk, 1 << 20, false);
	assert_int_equal(grpc_recv(call, &w->ctx, &b, &err), 1);
	assert_int_equal(grpc_recv(call, &w->ctx, &b, &err), -ERR_PRECONDITION);
	assert_string_equal(err.msg, "enough");
	assert_int_equal(grpc_unsent(call), 0);
	assert_int_equal(grpc_drain(call, 1, &w->ctx, NULL), 0);
	turn_until(w, &w->closed, 1);
	assert_int_equal(w->messages, 1);
	succeeds(w, start(w, "/t/Echo", "on"), "on");
}

static void deadlines(void **state)
{
	struct world *w = *state;
	struct ctx soon = ctx_within(NULL, 30);
	struct grpc_call *call = grpc_start(w->grpc, "/t/Hang", NULL, &soon), *other = start(w, "/t/Hang", "");
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;
	int64_t before = clock_mono();

	fails(w, call, ERR_DEADLINE, "timed out"); /* its own deadline, while the wait has longer */
	assert_true(clock_mono() - before < 5 * NSEC_PER_SEC);
	turn_until(w, &w->closed, 1); /* the server saw the cancel */

	soon = ctx_within(NULL, 20);
	assert_int_equal(grpc_recv(other, &soon, &b, &err), -ERR_DEADLINE); /* only this wait */
	assert_false(grpc_ready(other));
	grpc_call_free(other);
	turn_until(w, &w->closed, 2);

	soon.deadline = clock_mono() - 1;
	fails(w, grpc_start(w->grpc, "/t/Hang", NULL, &soon), ERR_DEADLINE, "timed out");
}

/* A client that does not look at its own clock is told. */
static void the_server_ends_what_is_overdue(void **state)
{
	struct world *w = *state;
	_cleanup_dict_ struct dict md = { 0 };
	struct grpc_call *call;
	int64_t before = clock_mono();
	const struct ctx forever = { 0 };

	dict_set(&md, "grpc-timeout", "30m");
	call = grpc_start(w->grpc, "/t/Hang", &md, &forever);
	grpc_send(call, "x", 1, true);
	fails(w, call, ERR_DEADLINE, "timed out");
	assert_true(clock_mono() - before >= 30 * NSEC_PER_MSEC);
	turn_until(w, &w->closed, 1);
	succeeds(w, start(w, "/t/Echo", "on"), "on");
}

/* Nobody accepts, or whoever did says nothing: calls without a deadline end all the same. */
static void a_silent_peer_is_given_up(void **state)
{
	struct world *w = *state;
	const struct ctx forever = { 0 };
	char path[80];
	int lfd;

	(void)snprintf(path, sizeof path, "%s/raw", w->dir);
	assert_int_equal(socket_listen(path, 0600, &lfd, NULL), 0);
	for (int accepted = 0; accepted < 2; accepted++) {
		struct grpc *g;
		struct grpc_call *call, *other;
		int fd = -1;

		assert_int_equal(grpc_open(w->loop, path, &g, NULL), 0);
		if (accepted)
			fd = accept(lfd, NULL, NULL);
		grpc_set_greeting(g, 30);
		call = grpc_start(g, "/t/Echo", NULL, &forever);
		other = grpc_start(g, "/t/Echo", NULL, &forever);
		fails(w, call, ERR_UNAVAILABLE, "does not answer");
		fails(w, other, ERR_UNAVAILABLE, path);
		assert_false(grpc_alive(g));
		grpc_free(g);
		if (accepted)
			(void)close(fd);
		else
			(void)close(accept(lfd, NULL, NULL));
	}
	(void)close(lfd);
	(void)unlink(path);
}

static void one_that_greets_is_waited_for(void **state)
{
	struct world *w = *state;
	const struct ctx forever = { 0 };
	struct ctx soon;
	struct grpc_call *call;
	_cleanup_buf_ struct buf b = { 0 };

	grpc_set_greeting(w->grpc, 30);
	call = grpc_start(w->grpc, "/t/Hang", NULL, &forever);
	grpc_send(call, "x", 1, true);
	soon = ctx_within(NULL, 100);
	assert_int_equal(grpc_recv(call, &soon, &b, NULL), -ERR_DEADLINE);
	assert_true(grpc_alive(w->grpc));
	grpc_call_free(call);
	succeeds(w, start(w, "/t/Echo", "on"), "on");
}

static void cancels(void **state)
{
	struct world *w = *state;
	struct cancel cancel = { .on = 1, .fd = -1 };
	struct ctx ctx = { .cancel = &cancel };
	struct grpc_call *call = start(w, "/t/Hang", "x");
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	turn_until(w, &w->messages, 1);
	assert_int_equal(grpc_recv(call, &ctx, &b, &err), -ERR_CANCELLED);
	assert_int_equal(w->closed, 0);
	grpc_call_free(call);
	turn_until(w, &w->closed, 1);

	grpc_call_free(start(w, "/t/Hang", "never left")); /* freed before its request was sent */
	succeeds(w, start(w, "/t/Echo", "on"), "on");
	assert_int_equal(w->open, 2);
}

static void a_dying_peer_ends_every_call(void **state)
{
	struct world *w = *state;
	struct grpc_call *hang = start(w, "/t/Hang", ""), *stream = grpc_start(w->grpc, "/t/Echo", NULL, &w->ctx);
	char text[100];

	(void)snprintf(text, sizeof text, "connection to %s: closed by the peer", w->path);
	fails(w, start(w, "/t/Die", "x"), ERR_UNAVAILABLE, text);
	assert_false(grpc_alive(w->grpc));
	grpc_send(stream, "x", 1, false); /* into the void */
	fails(w, stream, ERR_UNAVAILABLE, text);
	fails(w, hang, ERR_UNAVAILABLE, text);
	fails(w, start(w, "/t/Echo", "later"), ERR_UNAVAILABLE, text);
	turn_until(w, &w->closed, w->open);
	assert_int_equal(grpc_server_connections(w->server), 0);
}

static void the_server_closes(void **state)
{
	struct world *w = *state;
	struct grpc_call *call = start(w, "/t/Hang", "x");

	turn_until(w, &w->messages, 1);
	grpc_server_free(w->server);
	w->server = NULL;
	assert_int_equal(w->closed, 1);
	fails(w, call, ERR_UNAVAILABLE, "closed by the peer");
	assert_int_equal(access(w->path, F_OK), -1);
}

static void goaway_lets_open_calls_end(void **state)
{
	struct world *w = *state;
	struct grpc_call *call = start(w, "/t/Park", "x");

	turn_until(w, &w->messages, 1);
	grpc_server_shutdown(w->server);
	while (grpc_alive(w->grpc))
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
	fails(w, start(w, "/t/Echo", "x"), ERR_UNAVAILABLE, "closed by the peer");
	assert_non_null(w->parked);
	grpc_stream_send(w->parked, "late", 4);
	grpc_stream_end(w->parked, 0, NULL);
	succeeds(w, call, "late");
	while (grpc_server_connections(w->server))
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
}

/* A call that nobody reads holds its window and no more, and holds nobody up. */
static void a_slow_reader(void **state)
{
	struct world *w = *state;
	_cleanup_(grpc_call_freep) struct grpc_call *slow = start(w, "/t/Count", "400 100000"); /* 40 MB */
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;
	unsigned n = 0;

	while (!grpc_ready(slow))
		assert_int_equal(loop_turn(w->loop, &w->ctx, &err), 0);
	for (int i = 0; i < 200; i++)
		succeeds(w, start(w, "/t/Echo", "past it"), "past it");
	assert_int_equal(w->closed, 200);
	assert_true(grpc_stream_unsent(w->parked) > 30000000); /* the server holds what the window of 8 MiB does not let out */
	while (grpc_recv(slow, &w->ctx, &b, &err) == 1)
		n++;
	assert_int_equal(n, 400);
}

static void open_errors(void **state)
{
	struct world *w = *state;
	static const char too_long[] =
		"/a-path-of-more-than-a-hundred-and-seven-bytes/which-is-all-that-a-socket-address-has-room-for"
		"/a/b/c/d/e/f/g/h";
	const struct {
		const char *path;
		int code;
	} cases[] = {
		{ "/nonexistent/sock", ERR_NOT_FOUND },
		{ "/dev/null", ERR_UNAVAILABLE },
		{ "", ERR_INVALID },
		{ too_long, ERR_INVALID },
	};
	struct grpc *g = NULL;
	struct stat st;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = ERR_INIT;

		assert_int_equal(grpc_open(w->loop, cases[i].path, &g, &err), -cases[i].code);
		assert_non_null(strstr(err.msg, cases[i].path));
	}
	assert_null(g);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct world *w = *state;
	struct grpc_server *second = NULL;
	struct err err = ERR_INIT;
	char path[80];
	int fd;

	assert_int_equal(grpc_server_new(w->loop, w->path, NULL, &handler, w, &second, &err), -ERR_EXISTS);
	assert_non_null(strstr(err.msg, w->path));
	(void)snprintf(path, sizeof path, "%s/stale", w->dir);
	err = (struct err)ERR_INIT;
	assert_int_equal(socket_listen(path, 0600, &fd, &err), 0);
	(void)close(fd);
	assert_int_equal(grpc_server_new(w->loop, path, NULL, &handler, w, &second, &err), 0);
	grpc_server_free(second);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_probe_is_no_client(void **state)
{
	struct world *w = *state;
	int fd;

	assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
	while (grpc_server_connections(w->server) != 2)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
	(void)close(fd);
	while (grpc_server_connections(w->server) != 1)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
	succeeds(w, start(w, "/t/Echo", "a"), "a");
}

/* Bytes that are no HTTP/2, from either side. */
static void garbage(void **state)
{
	struct world *w = *state;
	static const char *const texts[] = { "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "x",
					     "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" };
	char path[80];
	int lfd, fd;

	(void)snprintf(path, sizeof path, "%s/raw", w->dir);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct grpc *g;
		struct grpc_call *call;

		assert_int_equal(socket_listen(path, 0600, &lfd, NULL), 0);
		assert_int_equal(grpc_open(w->loop, path, &g, NULL), 0);
		call = grpc_start(g, "/t/Echo", NULL, &w->ctx);
		grpc_send(call, "x", 1, true);
		fd = accept(lfd, NULL, NULL);
		assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		(void)shutdown(fd, SHUT_WR);
		fails(w, call, ERR_UNAVAILABLE, path);
		grpc_free(g);
		(void)close(fd);
		(void)close(lfd);

		assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
		assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		(void)shutdown(fd, SHUT_WR);
		while (grpc_server_connections(w->server) < 2)
			assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
		while (grpc_server_connections(w->server) > 1)
			assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
		(void)close(fd);
	}
	(void)unlink(path);
	succeeds(w, start(w, "/t/Echo", "a"), "a");
}

static void calls_back_to_back_leave_in_one_write(void **state)
{
	struct world *w = *state;
	char path[80], bytes[4096];
	struct grpc_call *a, *b;
	struct grpc *g;
	int lfd, fd, n = 0;
	ssize_t got;

	(void)snprintf(path, sizeof path, "%s/raw", w->dir);
	assert_int_equal(socket_listen(path, 0600, &lfd, NULL), 0);
	assert_int_equal(grpc_open(w->loop, path, &g, NULL), 0);
	fd = accept(lfd, NULL, NULL);
	got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT); /* a server that ends waits for each preface */
	assert_true(got > 24 && !memcmp(bytes, "PRI * HTTP/2.0", 14));
	a = grpc_start(g, "/t/A", NULL, &w->ctx);
	grpc_send(a, "first message", 13, true);
	b = grpc_start(g, "/t/B", NULL, &w->ctx);
	grpc_send(b, "second message", 14, true);
	assert_int_equal(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), -1); /* nothing before the loop turns */
	loop_poll(w->loop);
	got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	assert_true(got > 0);
	assert_non_null(memmem(bytes, (size_t)got, "first message", 13));
	assert_non_null(memmem(bytes, (size_t)got, "second message", 14));
	while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		n++;
	assert_int_equal(n, 0);
	grpc_call_free(a);
	grpc_call_free(b);
	grpc_free(g);
	(void)close(fd);
	(void)close(lfd);
	(void)unlink(path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("grpc", T(unary), T(an_answer_is_no_end), T(metadata_and_deadline_cross), T(server_streams), T(client_streams),
	  T(both_stream), T(a_thousand_at_once), T(the_largest_message), T(an_early_end_stops_the_upload), T(deadlines),
	  T(the_server_ends_what_is_overdue), T(a_silent_peer_is_given_up), T(one_that_greets_is_waited_for), T(cancels),
	  T(a_dying_peer_ends_every_call), T(the_server_closes), T(goaway_lets_open_calls_end), T(a_slow_reader), T(open_errors),
	  T(a_stale_socket_is_replaced), T(a_probe_is_no_client), T(garbage), T(calls_back_to_back_leave_in_one_write))
