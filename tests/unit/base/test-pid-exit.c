#include "pid-exit.h"
#include "test.h"
#include "attr.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process, and what its parent sees once it has ended as @sig or @code say. */
static int ends(int sig, int code, int *seen)
{
	_cleanup_close_ int fd = -1;
	int hold[2], waited = 0, status = 0, before, after;
	pid_t pid;
	char c;

	assert_int_equal(pipe(hold), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		(void)close(hold[1]);
		(void)read(hold[0], &c, 1);
		if (sig)
			(void)raise(sig);
		_exit(code);
	}
	(void)close(hold[0]);
	fd = pid_exit_open(pid);
	assert_true(fd >= 0);
	before = pid_exit_status(fd, &status, NULL);
	(void)close(hold[1]);
	assert_int_equal(waitpid(pid, &waited, 0), pid);
	after = pid_exit_status(fd, &status, NULL);
	if (after == -ERR_UNIMPLEMENTED)
		skip();
	assert_int_equal(before, -ERR_PRECONDITION);
	assert_int_equal(after, 0);
	assert_int_equal(status, waited);
	*seen = status;
	return 0;
}

static void exits(void **state)
{
	int status;

	(void)state;
	assert_int_equal(ends(0, 42, &status), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static void killed(void **state)
{
	int status;

	(void)state;
	assert_int_equal(ends(SIGKILL, 0, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void nobody(void **state)
{
	(void)state;
	assert_int_equal(pid_exit_open(0), -1);
	assert_int_equal(pid_exit_open(-1), -1);
	assert_int_equal(pid_exit_open(0x7ffffffe), -1);
}

RUN_TESTS("pid-exit", cmocka_unit_test(exits), cmocka_unit_test(killed), cmocka_unit_test(nobody))
