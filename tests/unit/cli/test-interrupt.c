/* Each case in a child of its own: what signals do lasts as long as the process. */
#include "test.h"
#include "interrupt.h"
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* The wait(2) status of a child that runs @fn and exits with what it returns. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int cancels(void)
{
	const struct cancel *token = interrupt_catch();
	struct pollfd p = { .fd = token->fd, .events = POLLIN };

	if (token->on || poll(&p, 1, 0) != 0)
		return 1;
	(void)raise(SIGTERM);
	return token->on == SIGTERM && poll(&p, 1, 0) == 1 && (p.revents & POLLIN) ? 0 : 2;
}

static void a_signal_cancels(void **state)
{
	(void)state;
	assert_int_equal(in_child(cancels), 0);
}

static int is_signalled_with_its_group(void)
{
	const struct cancel *token = interrupt_catch();

	(void)raise(SIGINT);
	(void)raise(SIGINT);
	return token->on == SIGINT ? 0 : 1;
}

static void two_at_once_are_one(void **state)
{
	(void)state;
	assert_int_equal(in_child(is_signalled_with_its_group), 0);
}

static int is_impatient(void)
{
	(void)interrupt_catch();
	(void)raise(SIGTERM);
	(void)poll(NULL, 0, 400);
	(void)raise(SIGINT);
	return 0;
}

static void the_second_one_ends(void **state)
{
	int status = in_child(is_impatient);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
}

static int ignores(void)
{
	const struct cancel *token;
	int p[2];

	(void)signal(SIGHUP, SIG_IGN); /* as nohup does */
	token = interrupt_catch();
	(void)raise(SIGHUP);
	if (token->on || pipe(p) < 0)
		return 1;
	(void)close(p[0]);
	(void)raise(SIGXFSZ);                   /* ulimit -f */
	return write(p[1], "x", 1) < 0 ? 0 : 2; /* SIGPIPE does not kill */
}

static void ignored_ones_stay_ignored(void **state)
{
	(void)state;
	assert_int_equal(in_child(ignores), 0);
}

RUN_TESTS("interrupt", cmocka_unit_test(a_signal_cancels), cmocka_unit_test(two_at_once_are_one),
	  cmocka_unit_test(the_second_one_ends), cmocka_unit_test(ignored_ones_stay_ignored))
