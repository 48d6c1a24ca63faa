#include "test.h"
#include "clock.h"
#include "launch.h"
#include "noted.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static int fresh_file(void)
{
	char path[] = "/tmp/davit-test-noted-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	return fd;
}

static pid_t sleeper(void)
{
	char sleep[] = "sleep", time[] = "1000", *argv[] = { sleep, time, NULL };
	pid_t pid = 0;

	assert_int_equal(launch(&(struct launch){ .path = "/bin/sleep", .argv = argv }, &pid), 0);
	return pid;
}

static void put(int fd, const char *text) { assert_int_equal(write(fd, text, strlen(text)), strlen(text)); }

static void those_that_live(void **state)
{
	_cleanup_close_ int fd = fresh_file();
	const struct ctx soon = ctx_within(NULL, 50);
	const pid_t first = sleeper(), second = sleeper();
	struct err err = ERR_INIT;

	(void)state;
	assert_false(noted_lives(fd));
	noted_add(fd, first);
	noted_add(fd, second);
	assert_true(noted_lives(fd));
	assert_int_equal(noted_await(fd, &soon, &err), -ERR_DEADLINE);
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_int_equal(waitpid(first, NULL, 0), first);
	assert_true(noted_lives(fd));
	assert_int_equal(kill(second, SIGKILL), 0);
	err_clear(&err);
	assert_int_equal(noted_await(fd, NULL, &err), 0); /* which nobody has collected */
	assert_false(noted_lives(fd));
	assert_int_equal(waitpid(second, NULL, 0), second);
	assert_false(noted_lives(fd));
}

/* Numbers are given again, and lines may be anything. */
static void those_that_do_not(void **state)
{
	static const char *const lines[] = { "removing\n",      "1\n",  "1 \n", "1 99999999999999\n", "-1 5\n", "0 0\n",
					     "99999999999 5\n", "\n\n", "x 5" };
	_cleanup_close_ int fd = fresh_file();

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		put(fd, lines[i]);
	assert_false(noted_lives(fd));
	assert_int_equal(noted_await(fd, NULL, NULL), 0);
}

RUN_TESTS("noted", cmocka_unit_test(those_that_live), cmocka_unit_test(those_that_do_not))
