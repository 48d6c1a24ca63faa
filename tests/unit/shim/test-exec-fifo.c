#include "test.h"
#include "exec-fifo.h"
#include "file.h"
#include "launch.h"
#include "mem.h"
#include "reaper.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* Stand-ins for an init that crun or runc has made, at ROOT/c/exec.fifo. */
enum { PATIENCE_MS = 20000 };
static char dir[64];
static struct engine engine = { .root = dir };
static struct loop *loop;

struct told {
	struct exec_fifo fifo;
	int times;
	bool started;
};

static const char *in(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof path, "%s/c/%s", dir, name);
	return path;
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/davit-test-fifo-XXXXXX");
	loop = loop_new();
	return !mkdtemp(dir) || file_mkdirs(in(""), 0755, NULL) < 0 || mkfifo(in("exec.fifo"), 0600) < 0;
}

static int teardown(void **state)
{
	(void)state;
	loop_free(loop);
	return file_remove_tree(dir, NULL);
}

static int sh_init(const char *script)
{
	char sh[] = "sh", flag[] = "-c", *argv[] = { sh, flag, (char *)script, NULL };
	_cleanup_free_ char *at = mem_printf("%s/c", dir);
	pid_t pid = 0;

	assert_int_equal(launch(&(struct launch){ .path = "/bin/sh", .argv = argv, .dir = at }, &pid), 0);
	return reap_open(pid);
}

static void on_started(void *arg, bool started)
{
	struct told *t = arg;

	assert_false(exec_fifo_on(&t->fifo));
	t->times++;
	t->started = started;
}

static int begin_start(struct told *t, int init) { return exec_fifo_begin(&t->fifo, loop, &engine, "c", init, on_started, t); }

static void wait_started(struct told *t)
{
	const struct ctx limit = ctx_within(NULL, PATIENCE_MS);

	while (!t->times)
		assert_int_equal(loop_turn(loop, &limit, NULL), 0);
}

static int end_status(int init)
{
	int status = reap_take(init, true);

	(void)close(init);
	return status;
}

static void lets_one_read(void **state)
{
	int end = open(in("exec.fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC), init = sh_init("exit 0");
	struct told t = { 0 };
	char byte = 'x';

	(void)state;
	assert_int_equal(begin_start(&t, init), 1);
	assert_int_equal(t.times, 0);
	assert_int_equal(read(end, &byte, 1), 1);
	assert_int_equal(byte, 0);
	assert_int_equal(read(end, &byte, 1), 0);
	assert_false(file_exists(in("exec.fifo")));
	(void)close(end);
	assert_false(exec_fifo_on(&t.fifo));
	(void)end_status(init);
}

static void waits_for_one_that_writes(void **state)
{
	int init = sh_init("printf 0 >exec.fifo; exit 3");
	struct told t = { 0 };

	(void)state;
	assert_int_equal(begin_start(&t, init), 0);
	assert_true(exec_fifo_on(&t.fifo));
	wait_started(&t);
	assert_true(t.started);
	assert_int_equal(t.times, 1);
	assert_false(file_exists(in("exec.fifo")));
	assert_int_equal(end_status(init), 3 << 8);
}

static void tells_that_one_has_ended(void **state)
{
	int init = sh_init("sleep 0.2; exit 1");
	struct told t = { 0 };

	(void)state;
	assert_int_equal(begin_start(&t, init), 0);
	wait_started(&t);
	assert_false(t.started);
	assert_true(file_exists(in("exec.fifo"))); /* for the engine, which says why */
	(void)end_status(init);
}

static void leaves_what_is_no_fifo(void **state)
{
	int init = sh_init("exit 0");
	struct told t = { 0 };

	(void)state;
	assert_int_equal(unlink(in("exec.fifo")), 0);
	assert_int_equal(begin_start(&t, init), -ERR_UNIMPLEMENTED); /* gVisor has none */
	assert_int_equal(file_write(in("exec.fifo"), "mine", 4, 0600, NULL), 0);
	assert_int_equal(begin_start(&t, init), -ERR_UNIMPLEMENTED);
	assert_int_equal(unlink(in("exec.fifo")), 0);
	assert_int_equal(mkfifo(in("other"), 0600) | symlink("other", in("exec.fifo")), 0);
	assert_int_equal(begin_start(&t, init), -ERR_UNIMPLEMENTED);
	assert_false(exec_fifo_on(&t.fifo));
	(void)end_status(init);
}

static void is_given_up(void **state)
{
	int init = sh_init("sleep 0.1");
	struct told t = { 0 };

	(void)state;
	assert_int_equal(begin_start(&t, init), 0);
	exec_fifo_done(&t.fifo);
	exec_fifo_done(&t.fifo);
	assert_int_equal(end_status(init), 0);
	loop_poll(loop);
	assert_int_equal(t.times, 0);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("exec-fifo", EACH(lets_one_read), EACH(waits_for_one_that_writes), EACH(tells_that_one_has_ended),
	  EACH(leaves_what_is_no_fifo), EACH(is_given_up))
