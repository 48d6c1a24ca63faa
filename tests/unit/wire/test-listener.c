#include "test.h"
#include "clock.h"
#include "listener.h"
#include "mem.h"
#include "socket.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct world {
	char dir[32], path[64];
	struct loop *loop;
	struct listener *listener;
	struct ctx ctx;
	unsigned opened, closed;
	size_t answer; /* bytes for each byte that comes */
};

struct peer {
	struct guest guest;
	struct world *world;
};

static ssize_t on_input(void *arg, const void *p, size_t n, struct err *err)
{
	struct peer *peer = arg;
	size_t k = n * peer->world->answer;

	(void)p;
	(void)err;
	memset(buf_room(conn_out(peer->guest.conn), k), 'x', k);
	buf_grew(conn_out(peer->guest.conn), k);
	conn_kick(peer->guest.conn);
	return (ssize_t)n;
}

static void peer_free(struct peer *peer)
{
	guest_done(&peer->guest);
	free(peer);
}

static void on_closed(void *arg, const struct err *why)
{
	struct peer *peer = arg;

	(void)why;
	peer->world->closed++;
	peer_free(peer);
}

static const struct conn_ops ops = { on_input, NULL, on_closed };

static void on_accept(void *arg, int fd)
{
	struct world *w = arg;
	struct peer *peer = mem_new(struct peer);

	peer->world = w;
	guest_init(&peer->guest, w->listener, fd, "peer", &ops, peer);
	w->opened++;
}

static void listen_within(struct world *w, const struct listener_limits *limits)
{
	int fd;

	assert_int_equal(socket_listen(w->path, 0666, &fd, NULL), 0);
	w->listener = listener_new(w->loop, fd, limits, on_accept, w);
}

static int setup(void **state)
{
	struct world *w = mem_new(struct world);

	memcpy(w->dir, "/tmp/listen-XXXXXX", sizeof "/tmp/listen-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(chmod(w->dir, 0755), 0);
	(void)snprintf(w->path, sizeof w->path, "%s/s", w->dir);
	w->loop = loop_new();
	loop_poll(w->loop); /* which makes its descriptors: a case leaves none */
	w->ctx = ctx_within(NULL, 20000);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	list_for_each(it, listener_guests(w->listener))
		peer_free(container_of(it, struct peer, guest.node));
	listener_free(w->listener);
	loop_free(w->loop);
	(void)unlink(w->path);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

static int dial(struct world *w)
{
	int fd;

	assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
	return fd;
}

static void turn_until(struct world *w, const unsigned *what, unsigned n)
{
	while (*what != n)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
}

/* Reads until the other end has closed. */
static bool hears_the_end(struct world *w, int fd)
{
	char bytes[4096];
	ssize_t n;

	for (;;) {
		loop_poll(w->loop);
		n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
		if (n < 0 && errno == EAGAIN && ctx_check(&w->ctx, NULL) < 0)
			return false;
	}
}

static void connections_are_capped(void **state)
{
	struct world *w = *state;
	int fds[5];

	listen_within(w, &(struct listener_limits){ .connections = 3 });
	for (int i = 0; i < 5; i++)
		fds[i] = dial(w);
	turn_until(w, &w->opened, 3);
	assert_true(hears_the_end(w, fds[3]));
	assert_true(hears_the_end(w, fds[4]));
	assert_int_equal(listener_n(w->listener), 3);
	assert_int_equal(listener_counts(w->listener).full, 2);
	for (int i = 0; i < 5; i++)
		(void)close(fds[i]);
	turn_until(w, &w->closed, 3);
	fds[0] = dial(w); /* there is room again */
	turn_until(w, &w->opened, 4);
	assert_int_equal(listener_counts(w->listener).accepted, 4);
	(void)close(fds[0]);
	turn_until(w, &w->closed, 4);
}

/* Connects as another user, and says whether it was let in. */
static bool is_let_in(struct world *w, uid_t uid)
{
	unsigned opened = w->opened;
	uint64_t foreign = listener_counts(w->listener).foreign;
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int fd = -1;

		if (setresuid(uid, uid, uid) < 0 || socket_dial(w->path, &fd, NULL) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	while (w->opened == opened && listener_counts(w->listener).foreign == foreign)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
	return w->opened > opened;
}

static void only_those_who_may_connect(void **state)
{
	static const uid_t guests[] = { 4711, 4712 };
	struct world *w = *state;

	listen_within(w, &(struct listener_limits){ .uids = guests, .n_uids = 2 });
	assert_true(is_let_in(w, geteuid()));
	if (geteuid())
		skip();
	assert_true(is_let_in(w, 4711));
	assert_true(is_let_in(w, 4712));
	assert_false(is_let_in(w, 4713));
	assert_int_equal(listener_counts(w->listener).foreign, 1);
}

static void only_ourselves_and_root_by_default(void **state)
{
	struct world *w = *state;

	listen_within(w, NULL);
	assert_true(is_let_in(w, geteuid()));
	if (geteuid())
		skip();
	assert_false(is_let_in(w, 1));
	assert_int_equal(seteuid(4711), 0); /* a server of another user lets that one in, and root */
	assert_true(is_let_in(w, 0));
	assert_int_equal(seteuid(0), 0);
}

static void one_that_says_nothing_is_no_client(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int mute = -1, talks = -1;

	listen_within(w, &(struct listener_limits){ .silence_ms = 60 });
	w->answer = 1;
	mute = dial(w);
	talks = dial(w);
	assert_int_equal(write(talks, "x", 1), 1);
	turn_until(w, &w->opened, 2);
	turn_until(w, &w->closed, 1);
	assert_true(hears_the_end(w, mute));
	assert_int_equal(write(talks, "x", 1), 1); /* and may be quiet as long as it likes from now on */
	assert_int_equal(listener_n(w->listener), 1);
}

static void one_that_does_not_read_is_given_up(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int fd = -1, reads = -1;
	char bytes[64 << 10];
	size_t got = 0;

	listen_within(w, &(struct listener_limits){ .stall_ms = 80 });
	w->answer = 4 << 20;
	fd = dial(w);
	reads = dial(w);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(write(reads, "x", 1), 1);
	for (int64_t until = clock_mono() + 400 * NSEC_PER_MSEC; clock_mono() < until || !w->closed;) {
		ssize_t n = recv(reads, bytes, sizeof bytes, MSG_DONTWAIT);

		got += n > 0 ? (size_t)n : 0;
		loop_poll(w->loop);
		assert_int_equal(ctx_check(&w->ctx, NULL), 0);
	}
	assert_int_equal(got, 4 << 20);
	assert_int_equal(w->closed, 1);
	assert_int_equal(listener_n(w->listener), 1); /* who has read everything may be quiet */
}

static void running_out_of_descriptors_closes_and_does_not_spin(void **state)
{
	struct world *w = *state;
	struct rlimit old, low;
	int fds[40], n = 0, probe, peer;

	listen_within(w, NULL);
	peer = dial(w);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	probe = dup(0);
	low = (struct rlimit){ .rlim_cur = (rlim_t)probe, .rlim_max = old.rlim_max };
	(void)close(probe);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 40 && (fds[n] = dup(0)) >= 0)
		n++;
	assert_true(hears_the_end(w, peer));
	while (n)
		(void)close(fds[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(w->opened, 0);
	assert_int_equal(listener_counts(w->listener).full, 1);
	(void)close(peer);
	peer = dial(w);
	turn_until(w, &w->opened, 1);
	(void)close(peer);
}

static void stopping_keeps_the_guests(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int fd = -1, late = -1;
	char byte = 0;

	listen_within(w, NULL);
	w->answer = 1;
	fd = dial(w);
	turn_until(w, &w->opened, 1);
	listener_stop(w->listener);
	listener_stop(w->listener);
	assert_int_equal(socket_dial(w->path, &late, NULL), -ERR_UNAVAILABLE);
	assert_int_equal(write(fd, "x", 1), 1);
	while (recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
		assert_int_equal(loop_turn(w->loop, &w->ctx, NULL), 0);
}

static void what_all_hold_is_counted(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int a = -1, b = -1;
	struct peer *peer;
	size_t idle;

	listen_within(w, &(struct listener_limits){ .held = 1 << 20 });
	a = dial(w);
	b = dial(w);
	turn_until(w, &w->opened, 2);
	assert_int_equal(listener_held(w->listener), 0);
	peer = container_of(listener_guests(w->listener)->next, struct peer, guest.node);
	conn_reserve(peer->guest.conn);
	idle = listener_held(w->listener);
	assert_int_equal(idle, 2 * CONN_KEEP);
	guest_hold(&peer->guest, 1 << 19);
	guest_hold(&peer->guest, 1 << 18);
	assert_int_equal(listener_held(w->listener), idle + (1 << 18));
	assert_false(listener_full(w->listener));
	guest_hold(&peer->guest, 0);
	memset(buf_room(conn_out(peer->guest.conn), 2 << 20), 'x', 2 << 20);
	buf_grew(conn_out(peer->guest.conn), 2 << 20);
	conn_kick(peer->guest.conn);
	assert_true(listener_full(w->listener));
	for (char bytes[64 << 10]; conn_unsent(peer->guest.conn);) {
		(void)!recv(a, bytes, sizeof bytes, MSG_DONTWAIT);
		loop_poll(w->loop);
	}
	assert_false(listener_full(w->listener)); /* it was sent, and the room given back */
	guest_hold(&peer->guest, 2 << 20);
	assert_true(listener_full(w->listener));
	(void)close(TAKE_FD(a));
	turn_until(w, &w->closed, 1);
	assert_int_equal(listener_held(w->listener), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("listener", T(connections_are_capped), T(only_those_who_may_connect), T(only_ourselves_and_root_by_default),
	  T(one_that_says_nothing_is_no_client), T(one_that_does_not_read_is_given_up),
	  T(running_out_of_descriptors_closes_and_does_not_spin), T(stopping_keeps_the_guests), T(what_all_hold_is_counted))
