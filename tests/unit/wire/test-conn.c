/* A conn on one end of a socket pair, the test on the other. The engine's messages are one byte, how many hundred bytes follow,
 * and those. */
#include "test.h"
#include "conn.h"
#include "mem.h"
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { UNIT = 100, ENOUGH = 64 << 10 };

struct world {
	struct loop *loop;
	struct conn *conn;
	int fd;
	struct ctx ctx;
	size_t answer, enough; /* bytes of an answer to a message; unsent bytes at which no more are taken, 0: never */
	unsigned messages, inputs, closed;
	size_t most_unsent, heard; /* heard: bytes of answers */
	struct err why;
};

static ssize_t on_input(void *arg, const void *p, size_t n, struct err *err)
{
	struct world *w = arg;
	const unsigned char *bytes = p;
	size_t taken = 0;

	w->inputs++;
	while (taken < n && n - taken > (size_t)bytes[taken] * UNIT) {
		if (bytes[taken] == 0xff)
			return err_set(err, ERR_INVALID, "a message that is none");
		for (size_t i = 1; i <= (size_t)bytes[taken] * UNIT; i++)
			assert_int_equal(bytes[taken + i], bytes[taken]);
		taken += 1 + (size_t)bytes[taken] * UNIT;
		memset(buf_room(conn_out(w->conn), w->answer), (int)(w->messages & 0xff), w->answer);
		buf_grew(conn_out(w->conn), w->answer);
		w->messages++;
		conn_kick(w->conn);
		if (conn_unsent(w->conn) > w->most_unsent)
			w->most_unsent = conn_unsent(w->conn);
		if (w->enough && conn_unsent(w->conn) >= w->enough)
			break;
	}
	return (ssize_t)taken;
}

static void on_closed(void *arg, const struct err *why)
{
	struct world *w = arg;

	w->closed++;
	w->why = *why;
}

static const struct conn_ops ops = { on_input, NULL, on_closed };

static int setup(void **state)
{
	struct world *w = mem_new(struct world);
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	w->loop = loop_new();
	w->ctx = ctx_within(NULL, 20000);
	w->fd = fds[1];
	w->conn = conn_new(w->loop, fds[0], "peer", &ops, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	conn_free(w->conn);
	if (w->fd >= 0)
		(void)close(w->fd);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void say(struct buf *b, unsigned char units)
{
	memset(buf_room(b, 1 + units * (size_t)UNIT), units, 1 + units * (size_t)UNIT);
	buf_grew(b, 1 + units * (size_t)UNIT);
}

/* Writes @b in pieces of at most @piece, and reads what comes back unless @deaf; until all is written or nothing moves. */
static size_t talk(struct world *w, const struct buf *b, size_t piece, bool deaf)
{
	static unsigned char in[256 << 10];
	size_t sent = 0, before = w->heard;

	for (unsigned idle = 0; idle < 50; idle++) {
		size_t k = b->len - sent < piece ? b->len - sent : piece;
		ssize_t n = k ? send(w->fd, b->data + sent, k, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

		if (n > 0)
			sent += (size_t)n, idle = 0;
		loop_poll(w->loop);
		n = deaf ? 0 : recv(w->fd, in, sizeof in, MSG_DONTWAIT);
		for (ssize_t i = 0; i < n; i++, w->heard++) /* answers come whole and in order */
			if (in[i] != ((w->heard / w->answer) & 0xff))
				fail_msg("byte %zu is %d", w->heard, in[i]);
		if (n > 0)
			idle = 0;
	}
	return deaf ? sent : w->heard - before;
}

static void what_is_left_comes_again(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };

	w->answer = 3;
	for (unsigned i = 0; i < 60; i++)
		say(&b, (unsigned char)(i % 4 ? i : 0));
	assert_int_equal(talk(w, &b, 37, false), 60 * 3);
	assert_int_equal(w->messages, 60);
	for (unsigned i = 0; i < 60; i++)
		say(&b, 254); /* 3 MB, read as they come */
	assert_int_equal(talk(w, &b, SIZE_MAX, false) > 0, 1);
	assert_int_equal(w->messages, 60 + 120);
	assert_int_equal(w->closed, 0);
}

static void a_polite_one_asks_for_no_more_than_is_taken(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };
	size_t sent;

	w->answer = 10000;
	w->enough = ENOUGH;
	conn_polite(w->conn);
	for (unsigned i = 0; i < 3000; i++)
		say(&b, (unsigned char)(i % 3));
	sent = talk(w, &b, SIZE_MAX, true);
	assert_true(w->messages < 100); /* the peer reads nothing: what the socket takes, and ENOUGH */
	assert_true(w->most_unsent < ENOUGH + 10000);
	buf_drop(&b, sent);
	assert_int_equal(talk(w, &b, SIZE_MAX, false), 30000000); /* it reads: everything is answered, with nothing more to come */
	assert_int_equal(w->messages, 3000);
	assert_true(w->most_unsent < ENOUGH + 10000);
	assert_true(conn_out(w->conn)->cap <= CONN_KEEP);
}

static void what_is_appended_meanwhile_does_not_add_up(void **state)
{
	struct world *w = *state;
	static char in[512 << 10];
	size_t put = 0, got = 0;

	while (got < 64 << 20) {
		ssize_t n;

		if (conn_unsent(w->conn) < 300000) {
			memset(buf_room(conn_out(w->conn), 300000), 'x', 300000);
			buf_grew(conn_out(w->conn), 300000);
			put += 300000;
			conn_flush(w->conn);
		}
		n = recv(w->fd, in, 90000, MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
		loop_poll(w->loop);
		assert_true(conn_out(w->conn)->cap <= 2 << 20);
	}
	while (got < put) {
		ssize_t n = recv(w->fd, in, sizeof in, MSG_DONTWAIT);

		got += n > 0 ? (size_t)n : 0;
		loop_poll(w->loop);
		assert_int_equal(ctx_check(&w->ctx, NULL), 0);
	}
	assert_int_equal(conn_unsent(w->conn), 0);
	assert_true(conn_out(w->conn)->cap <= CONN_KEEP);
}

static void ends(struct world *w, int code, const char *text)
{
	while (!w->closed)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
	assert_int_equal(w->why.code, code);
	assert_string_equal(w->why.msg, text);
	conn_kick(w->conn); /* nothing happens any more */
	conn_flush(w->conn);
	conn_abort(w->conn);
	loop_poll(w->loop);
	assert_int_equal(w->closed, 1);
}

static void the_engine_refuses(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };

	say(&b, 2);
	say(&b, 255);
	assert_int_equal(send(w->fd, b.data, b.len, 0), b.len);
	ends(w, ERR_INVALID, "connection to peer: a message that is none");
	assert_int_equal(w->messages, 1);
}

static void a_peer_that_stops_reading_is_heard_out(void **state)
{
	struct world *w = *state;
	_cleanup_buf_ struct buf b = { 0 };

	conn_polite(w->conn);
	w->answer = 1000;
	(void)shutdown(w->fd, SHUT_RD);
	say(&b, 0);
	(void)talk(w, &b, SIZE_MAX, true); /* the answer cannot be sent */
	(void)talk(w, &b, SIZE_MAX, true);
	(void)talk(w, &b, SIZE_MAX, true);
	assert_int_equal(w->messages, 3);
	assert_int_equal(conn_unsent(w->conn), 0);
	(void)close(TAKE_FD(w->fd));
	ends(w, ERR_UNAVAILABLE, "connection to peer: closed by the peer");
}

static void aborted_inside_input(void **state)
{
	struct world *w = *state;

	assert_int_equal(send(w->fd, "\0", 1, 0), 1);
	w->answer = 5;
	conn_abort(w->conn);
	ends(w, ERR_UNAVAILABLE, "connection to peer: closed by the peer");
	assert_int_equal(recv(w->fd, &(char){ 0 }, 1, MSG_DONTWAIT), 0);
}

static void patience(void **state)
{
	struct world *w = *state;

	conn_patience(w->conn, 30, 0);
	ends(w, ERR_DEADLINE, "connection to peer: the peer says nothing");
}

static void patience_with_one_that_does_not_read(void **state)
{
	struct world *w = *state;

	conn_patience(w->conn, 10000, 50);
	memset(buf_room(conn_out(w->conn), 4 << 20), 'x', 4 << 20);
	buf_grew(conn_out(w->conn), 4 << 20);
	conn_kick(w->conn);
	ends(w, ERR_DEADLINE, "connection to peer: the peer does not take what is sent");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("conn", T(what_is_left_comes_again), T(a_polite_one_asks_for_no_more_than_is_taken),
	  T(what_is_appended_meanwhile_does_not_add_up), T(the_engine_refuses), T(a_peer_that_stops_reading_is_heard_out),
	  T(aborted_inside_input), T(patience), T(patience_with_one_that_does_not_read))
