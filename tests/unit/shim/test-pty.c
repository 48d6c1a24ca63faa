#include "test.h"
#include "clock.h"
#include "mem.h"
#include "pty.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, MUCH = 20000 };

/* A pty whose engine has sent the master of a terminal, and what stands at both ends of it. */
struct tube {
	struct loop *loop;
	struct pty *pty;
	const char *path;
	int in[2], out[2], slave;
	unsigned done;
};

static void set_raw(int fd)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(fd, TCSANOW, &t), 0);
}

static int dial(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	assert_int_equal(connect(fd, (void *)&at, sizeof at), 0);
	return fd;
}

static void send_fd(int to, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = { 0 }, name[] = "/dev/ptmx";
	struct iovec iov = { name, sizeof name };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	assert_int_equal(sendmsg(to, &m, 0), sizeof name);
}

static int tube_new(void **state)
{
	struct tube *t = mem_new(struct tube);

	t->loop = loop_new();
	assert_int_equal(pipe2(t->in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(t->out, O_CLOEXEC), 0);
	(void)fcntl(t->out[1], F_SETPIPE_SZ, 4096);
	assert_int_equal(pty_new(t->loop, t->in[0], t->out[1], &t->pty, &t->path, NULL), 0);
	*state = t;
	return 0;
}

static int tube_free(void **state)
{
	struct tube *t = *state;

	pty_free(t->pty);
	loop_free(t->loop);
	for (int i = 0; i < 2; i++) {
		(void)close(t->in[i]);
		(void)close(t->out[i]);
	}
	closep(&t->slave);
	free(t);
	return 0;
}

static void turn_until(struct tube *t, const unsigned *there)
{
	const struct ctx limit = ctx_within(NULL, PATIENCE_MS);

	while (!*there)
		assert_int_equal(loop_turn(t->loop, &limit, NULL), 0);
}

static void send_terminal(struct tube *t)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), to = dial(t->path);
	char name[64];

	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, name, sizeof name), 0);
	t->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	set_raw(t->slave);
	assert_int_equal(loop_turn(t->loop, NULL, NULL), 0); /* it is connected, and nothing has been sent: nobody waits for that */
	send_fd(to, master);
	(void)close(to);
	(void)close(master);
	assert_int_equal(loop_turn(t->loop, NULL, NULL), 0);
}

static void on_tube_done(void *arg)
{
	struct tube *t = arg;

	t->done++;
	pty_free(TAKE_PTR(t->pty));
}

/* As much as the terminal, the pty and a pipe of one page take without a reader. */
static size_t write_much(struct tube *t)
{
	char text[1000];
	size_t all = 0;

	memset(text, 'x', sizeof text);
	(void)fcntl(t->slave, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < MUCH / (int)sizeof text; i++) {
		const ssize_t n = write(t->slave, text, sizeof text);

		all += n > 0 ? (size_t)n : 0;
		loop_poll(t->loop);
	}
	return all;
}

static void copies_both_ways(void **state)
{
	struct tube *t = *state;
	char got[16] = "";
	struct winsize size;

	send_terminal(t);
	assert_int_equal(access(t->path, F_OK), -1); /* nothing is left of the socket */
	assert_int_equal(write(t->slave, "out", 3), 3);
	assert_int_equal(write(t->in[1], "in", 2), 2);
	assert_int_equal(loop_turn(t->loop, NULL, NULL), 0);
	loop_poll(t->loop);
	assert_int_equal(read(t->out[0], got, sizeof got), 3);
	assert_int_equal(read(t->slave, got, sizeof got), 2);
	pty_resize(t->pty, 7, 5);
	assert_int_equal(ioctl(t->slave, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_col, 7);
	assert_int_equal(size.ws_row, 5);
}

/* The process has ended, and its reader reads later than that. */
static void a_slow_reader_gets_the_last_of_it(void **state)
{
	struct tube *t = *state;
	size_t all, got = 0;
	char text[4096];

	send_terminal(t);
	all = write_much(t);
	assert_true(all > 4096);
	closep(&t->slave);
	t->slave = -1;
	pty_finish(t->pty, PTY_HOLDS, on_tube_done, t);
	assert_int_equal(t->done, 0);
	(void)fcntl(t->out[0], F_SETFL, O_NONBLOCK);
	while (!t->done) {
		const ssize_t n = read(t->out[0], text, sizeof text);

		got += n > 0 ? (size_t)n : 0;
		if (n < 0)
			assert_int_equal(
				loop_turn(t->loop, &(struct ctx){ .deadline = clock_mono() + PATIENCE_MS * NSEC_PER_MSEC }, NULL),
				0);
	}
	for (ssize_t n; (n = read(t->out[0], text, sizeof text)) > 0;)
		got += (size_t)n;
	assert_int_equal(got, all);
}

static void nothing_left_is_done_at_once(void **state)
{
	struct tube *t = *state;

	send_terminal(t);
	closep(&t->slave);
	t->slave = -1;
	pty_finish(t->pty, PTY_HOLDS, on_tube_done, t);
	assert_int_equal(t->done, 1);
}

static void an_engine_that_sends_nothing_keeps_nobody(void **state)
{
	struct tube *t = *state;
	const int to = dial(t->path), other = dial(t->path);

	t->slave = -1;
	loop_poll(t->loop);
	loop_poll(t->loop);
	pty_finish(t->pty, PTY_HOLDS, on_tube_done, t);
	assert_int_equal(t->done, 1);
	(void)close(to);
	(void)close(other);
}

static void a_reader_that_never_reads_has_its_time(void **state)
{
	struct tube *t = *state;
	const int64_t began = clock_mono();

	send_terminal(t);
	(void)write_much(t);
	closep(&t->slave);
	t->slave = -1;
	pty_finish(t->pty, PTY_HOLDS, on_tube_done, t);
	pty_hurry(t->pty);
	turn_until(t, &t->done);
	assert_true(clock_mono() - began >= PTY_LAST_S * NSEC_PER_SEC);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tube_new, tube_free)
RUN_TESTS("pty", TEST(copies_both_ways), TEST(a_slow_reader_gets_the_last_of_it), TEST(nothing_left_is_done_at_once),
	  TEST(an_engine_that_sends_nothing_keeps_nobody), TEST(a_reader_that_never_reads_has_its_time))
