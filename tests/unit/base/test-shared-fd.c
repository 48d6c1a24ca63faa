#include "test.h"
#include "shared-fd.h"
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

/* Each kind takes what fits and then says EAGAIN; the flags of what others use too stay as they were. */
static void fill(int fd, int reader)
{
	char bytes[65536], back[65536];
	struct shared_fd s;
	int flags = fcntl(fd, F_GETFL);
	ssize_t n, total = 0;

	memset(bytes, 'b', sizeof bytes);
	shared_fd_init(&s, fd, O_WRONLY);
	while ((n = shared_fd_write(&s, bytes, sizeof bytes)) > 0 && total < 1 << 24)
		total += n;
	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(total > 0);
	assert_int_equal(fcntl(fd, F_GETFL), flags);
	while (total > 0 && (n = read(reader, back, sizeof back)) > 0)
		total -= n;
	assert_int_equal(total, 0);
	assert_int_equal(shared_fd_write(&s, "x", 1), 1);
	shared_fd_done(&s);
	assert_int_equal(fcntl(fd, F_GETFL), flags);
	assert_int_equal(read(reader, back, 1), 1);
}

/* Nothing there is EAGAIN, the other's end is 0. */
static void drink(int fd, int writer)
{
	char c = 0;
	struct shared_fd s;

	shared_fd_init(&s, fd, O_RDONLY);
	assert_int_equal(shared_fd_read(&s, &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(writer, "y", 1), 1);
	assert_int_equal(shared_fd_read(&s, &c, 1), 1);
	assert_int_equal(c, 'y');
	assert_int_equal(close(writer), 0);
	assert_int_equal(shared_fd_read(&s, &c, 1), 0);
	shared_fd_done(&s);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

static void pipes(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	fill(p[1], p[0]);
	drink(p[0], p[1]);
	(void)close(p[0]);
}

static void sockets(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
	fill(p[1], p[0]);
	drink(p[0], p[1]);
	(void)close(p[0]);
}

static void terminals(void **state)
{
	struct termios raw;
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	fill(slave, master);
	(void)close(slave);
	(void)close(master);
}

/* A master is never opened anew: that would be another terminal. */
static void masters(void **state)
{
	struct shared_fd s;
	int master, slave;
	char c;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	shared_fd_init(&s, master, O_WRONLY);
	assert_int_equal(s.fd, master);
	assert_int_equal(shared_fd_write(&s, "m\n", 2), 2);
	assert_int_equal(read(slave, &c, 1), 1);
	assert_int_equal(c, 'm');
	shared_fd_done(&s);
	(void)close(slave);
	(void)close(master);
}

/* An opening of its own would write at the beginning. */
static void files_keep_their_place(void **state)
{
	char path[] = "/tmp/davit-test-shared-XXXXXX", back[8] = "";
	struct shared_fd s;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "one", 3), 3);
	shared_fd_init(&s, fd, O_WRONLY);
	assert_int_equal(shared_fd_write(&s, "two", 3), 3);
	shared_fd_done(&s);
	assert_int_equal(pread(fd, back, sizeof back, 0), 6);
	assert_string_equal(back, "onetwo");
	(void)close(fd);
	(void)unlink(path);
}

static void errors(void **state)
{
	struct shared_fd s;
	int p[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	shared_fd_init(&s, full, O_WRONLY);
	assert_int_equal(shared_fd_write(&s, "x", 1), -1);
	assert_int_equal(errno, ENOSPC);
	shared_fd_done(&s);
	(void)close(full);
	shared_fd_init(&s, full, O_WRONLY); /* closed by now */
	assert_int_equal(shared_fd_write(&s, "x", 1), -1);
	assert_int_equal(errno, EBADF);
	shared_fd_done(&s);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	(void)close(p[0]);
	shared_fd_init(&s, p[1], O_WRONLY);
	assert_int_equal(shared_fd_write(&s, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	shared_fd_done(&s);
	(void)close(p[1]);
	shared_fd_init(&s, -1, O_WRONLY);
	assert_int_equal(s.fd, -1);
	shared_fd_done(&s);
}

#define T(f) cmocka_unit_test(f)
RUN_TESTS("shared-fd", T(pipes), T(sockets), T(terminals), T(masters), T(files_keep_their_place), T(errors))
