#include "test.h"
#include "launch.h"
#include "reaper.h"
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 20000 };

static pid_t sh(const char *script)
{
	char sh[] = "sh", flag[] = "-c", *argv[] = { sh, flag, (char *)script, NULL };
	pid_t pid = 0;

	assert_int_equal(launch(&(struct launch){ .path = "/bin/sh", .argv = argv }, &pid), 0);
	return pid;
}

static int sh_fd(const char *script)
{
	int fd = reap_open(sh(script));

	assert_true(fd >= 0);
	return fd;
}

static void no_child_is_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

struct told {
	struct reap reap;
	int status, times;
};

static void on_told(void *arg, int status)
{
	struct told *t = arg;

	assert_false(reap_on(&t->reap));
	t->status = status;
	t->times++;
}

static void wait_told(struct loop *l, const struct told *t)
{
	const struct ctx limit = ctx_within(NULL, PATIENCE_MS);

	while (!t->times)
		assert_int_equal(loop_turn(l, &limit, NULL), 0);
}

static void tells_each_end_once(void **state)
{
	static const struct {
		const char *script;
		int status;
	} rows[] = { { "exit 0", 0 }, { "exit 7", 7 << 8 }, { "kill -9 $$", SIGKILL }, { "kill -TERM $$", SIGTERM } };
	enum { ROWS = sizeof rows / sizeof *rows };
	_cleanup_(loop_freep) struct loop *l = loop_new();
	struct told told[ROWS] = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		reap_init(&told[i].reap, l, sh_fd(rows[i].script), on_told, &told[i]);
	for (size_t i = 0; i < ROWS; i++) {
		wait_told(l, &told[i]);
		assert_int_equal(told[i].status, rows[i].status);
	}
	no_child_is_left();
	for (size_t i = 0; i < ROWS; i++)
		assert_int_equal(told[i].times, 1);
}

static void a_child_that_is_ended_or_left_is_not_told(void **state)
{
	_cleanup_(loop_freep) struct loop *l = loop_new();
	struct told told = { 0 };
	pid_t pid;
	int fd;

	(void)state;
	reap_init(&told.reap, l, sh_fd("trap '' TERM; exec sleep 100"), on_told, &told);
	reap_end(&told.reap);
	no_child_is_left();

	pid = sh("exec sleep 100");
	fd = reap_open(pid);
	reap_init(&told.reap, l, fd, on_told, &told);
	reap_done(&told.reap);
	reap_done(&told.reap); /* of one that is of none: nothing */
	reap_kill(&told.reap, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* it goes on */
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	loop_poll(l);
	assert_int_equal(told.times, 0);
}

/* Where the kernel collects children no status is known: it ends all the same, and is a failure. */
static void a_child_that_the_kernel_collected_has_failed(void **state)
{
	_cleanup_(loop_freep) struct loop *l = loop_new();
	struct told told = { 0 };

	(void)state;
	(void)signal(SIGCHLD, SIG_IGN);
	/* not so soon that it is collected before it has a descriptor */
	reap_init(&told.reap, l, sh_fd("sleep 0.3"), on_told, &told);
	wait_told(l, &told);
	(void)signal(SIGCHLD, SIG_DFL);
	assert_int_equal(told.status, REAP_UNKNOWN);
}

static void takes_what_is_its_own(void **state)
{
	_cleanup_close_ int own = sh_fd("exec sleep 100"), other = (int)syscall(SYS_pidfd_open, getppid(), 0);

	(void)state;
	assert_int_equal(reap_take(own, false), -EAGAIN);
	assert_int_equal(reap_take(other, false), -ECHILD);
	assert_int_equal(syscall(SYS_pidfd_send_signal, own, SIGTERM, NULL, 0), 0);
	assert_int_equal(reap_take(own, true), SIGTERM);
	assert_int_equal(reap_take(own, true), -ECHILD);
}

/* And takes no child of anybody else. */
static void no_orphan_stays_a_zombie(void **state)
{
	_cleanup_(loop_freep) struct loop *l = loop_new();
	_cleanup_(reaper_freep) struct reaper *r = reaper_new(l);
	const struct ctx limit = ctx_within(NULL, PATIENCE_MS);
	pid_t other = sh("exit 3");
	int status;

	(void)state;
	for (int i = 0; i < 20; i++)
		reaper_adopt(r, sh(i % 2 ? "exit 1" : "sleep 0.05"));
	assert_int_equal(reaper_count(r), 20);
	while (reaper_count(r))
		assert_int_equal(loop_turn(l, &limit, NULL), 0);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(WEXITSTATUS(status), 3);
	no_child_is_left();
}

static void orphans_outlive_the_reaper(void **state)
{
	_cleanup_(loop_freep) struct loop *l = loop_new();
	struct reaper *r = reaper_new(l);
	pid_t pid = sh("exec sleep 100");

	(void)state;
	reaper_adopt(r, pid);
	reaper_free(r);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Each thread has a loop and children of its own. */
static void *collect_many(void *arg)
{
	_cleanup_(loop_freep) struct loop *l = loop_new();
	int *failed = arg;

	for (int i = 0; i < 20; i++) {
		char exit[] = "exit 0";
		struct told told = { 0 };

		exit[5] = (char)('0' + i % 10);
		reap_init(&told.reap, l, sh_fd(exit), on_told, &told);
		while (!told.times)
			(void)loop_turn(l, NULL, NULL);
		*failed += told.status != (i % 10) << 8;
	}
	return NULL;
}

static void threads_take_no_child_of_another(void **state)
{
	enum { THREADS = 4 };
	pthread_t t[THREADS];
	int failed[THREADS] = { 0 };

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, collect_many, &failed[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], NULL), 0);
		assert_int_equal(failed[i], 0);
	}
	no_child_is_left();
}

RUN_TESTS("reaper", cmocka_unit_test(tells_each_end_once), cmocka_unit_test(a_child_that_is_ended_or_left_is_not_told),
	  cmocka_unit_test(a_child_that_the_kernel_collected_has_failed), cmocka_unit_test(takes_what_is_its_own),
	  cmocka_unit_test(no_orphan_stays_a_zombie), cmocka_unit_test(orphans_outlive_the_reaper),
	  cmocka_unit_test(threads_take_no_child_of_another))
