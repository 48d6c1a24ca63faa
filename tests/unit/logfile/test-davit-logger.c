/* The program as a shim starts it: pipes at 3, 4 and 5, and hardly an environment. DAVIT_LOGGER names it. */
#include "test.h"
#include "test-folder.h"
#include "clock.h"
#include "logfile.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

struct logger {
	pid_t pid;
	int out, err, ready;
};

static int setup(void **state)
{
	struct test_folder *f = test_folder_new("logger", "ns/id/log");

	(void)signal(SIGPIPE, SIG_IGN);
	*state = f;
	return 0;
}

/* Ends of pipes above 5, so that the child's 3 to 5 can be set in any order. */
static void make_pipe(int p[2])
{
	int q[2];

	assert_int_equal(pipe2(q, O_CLOEXEC), 0);
	for (int i = 0; i < 2; i++) {
		p[i] = fcntl(q[i], F_DUPFD_CLOEXEC, 10);
		assert_true(p[i] >= 10);
		(void)close(q[i]);
	}
}

static void start(struct logger *l, const char *path, const char *size, const char *files)
{
	const char *program = getenv("DAVIT_LOGGER");
	char *argv[] = { (char *)(uintptr_t)program, (char[]){ "path" },  (char *)(uintptr_t)path,  (char[]){ "size" },
			 (char *)(uintptr_t)size,    (char[]){ "files" }, (char *)(uintptr_t)files, NULL };
	char *envp[] = { (char[]){ "CONTAINER_ID=web" }, (char[]){ "CONTAINER_NAMESPACE=davit" }, NULL };
	posix_spawn_file_actions_t fa;
	int p[3][2];

	assert_non_null(program);
	for (int i = 0; i < 3; i++)
		make_pipe(p[i]);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, p[0][0], 3);
	(void)posix_spawn_file_actions_adddup2(&fa, p[1][0], 4);
	(void)posix_spawn_file_actions_adddup2(&fa, p[2][1], 5);
	assert_int_equal(posix_spawn(&l->pid, program, &fa, NULL, argv, envp), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(p[0][0]);
	(void)close(p[1][0]);
	(void)close(p[2][1]);
	l->out = p[0][1];
	l->err = p[1][1];
	l->ready = p[2][0];
}

static void expect_ready(const struct logger *l)
{
	char byte;

	assert_int_equal(read(l->ready, &byte, 1), 1); /* a byte: what binary-v2 demands */
	assert_int_equal(read(l->ready, &byte, 1), 0);
	(void)close(l->ready);
}

static void expect_exit(const struct logger *l, int code)
{
	int status;

	assert_int_equal(waitpid(l->pid, &status, 0), l->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

static void say(int fd, const char *text) { assert_int_equal(write(fd, text, strlen(text)), strlen(text)); }

static char *read_back(const char *path)
{
	struct logread opt = { .path = path, .tail = -1, .wake_fd = -1 };
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct buf text = { 0 };
	ssize_t n;

	assert_true(fd >= 0);
	opt.out_fd = opt.err_fd = fd;
	assert_int_equal(logfile_read(&opt, NULL, NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, buf_room(&text, 65536), 65536)) > 0)
		buf_grew(&text, (size_t)n);
	(void)close(fd);
	return buf_take(&text);
}

static void writes_both_streams(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *got = NULL;
	_cleanup_buf_ struct buf raw = { 0 };
	struct logger l;

	start(&l, f->path, "1000000", "3");
	expect_ready(&l);
	say(l.out, "to out\n");
	(void)close(l.out); /* one stream may end long before the other */
	(void)poll(NULL, 0, 50);
	say(l.err, "to err\nno end");
	(void)close(l.err);
	expect_exit(&l, 0);
	got = read_back(f->path);
	assert_string_equal(got, "to out\nto err\nno end");
	assert_int_equal(file_read(f->path, 4096, &raw, NULL), 0);
	assert_non_null(strstr(raw.data, " stdout F to out\n"));
	assert_non_null(strstr(raw.data, " stderr F to err\n"));
	assert_non_null(strstr(raw.data, " stderr P no end\n"));
}

/* What has no line end is seen while the task goes on. */
static void shows_prompts(void **state)
{
	const struct test_folder *f = *state;
	const int64_t deadline = clock_mono() + 5 * NSEC_PER_SEC;
	struct logger l;

	start(&l, f->path, "0", "1");
	expect_ready(&l);
	say(l.out, "name: ");
	for (;;) {
		_cleanup_free_ char *got = read_back(f->path);

		if (!strcmp(got, "name: "))
			break;
		assert_string_equal(got, "");
		assert_true(clock_mono() < deadline);
		(void)poll(NULL, 0, 10);
	}
	(void)close(l.out);
	(void)close(l.err);
	expect_exit(&l, 0);
}

/* SIGTERM comes with the deletion: what stands in the pipes is written all the same. */
static void drains_after_sigterm(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *got = NULL;
	struct logger l;

	start(&l, f->path, "0", "1");
	expect_ready(&l);
	assert_int_equal(kill(l.pid, SIGTERM), 0);
	(void)poll(NULL, 0, 100);
	say(l.out, "last words\n");
	(void)close(l.out);
	(void)close(l.err);
	expect_exit(&l, 0);
	got = read_back(f->path);
	assert_string_equal(got, "last words\n");
}

static void rotates_a_flood(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *got = NULL, *second = mem_printf("%s.2", f->path), *third = mem_printf("%s.3", f->path);
	struct logger l;
	size_t n;

	start(&l, f->path, "100000", "3");
	for (int i = 0; i < 20000; i++) {
		char line[32];

		(void)snprintf(line, sizeof line, "line %05d\n", i);
		say(l.out, line);
	}
	(void)close(l.out);
	(void)close(l.err);
	expect_ready(&l);
	expect_exit(&l, 0);
	assert_true(file_exists(second));
	assert_false(file_exists(third));
	got = read_back(f->path);
	n = strlen(got);
	assert_true(n > 2 * 100000 / 52 * 11);
	assert_string_equal(got + n - 22, "line 19998\nline 19999\n");
}

/* A log that cannot be written must not stop the task: the pipe is read on. */
static void reads_on_without_a_file(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *path = mem_printf("%s/file/log", f->dir), *file = mem_printf("%s/file", f->dir), *lots = NULL;
	struct logger l;

	assert_int_equal(file_write(file, "", 0, 0600, NULL), 0);
	start(&l, path, "0", "1");
	expect_ready(&l);
	lots = mem_zalloc(1 << 20);
	assert_int_equal(write(l.out, lots, 1 << 20), 1 << 20); /* more than the pipe holds */
	(void)close(l.out);
	(void)close(l.err);
	expect_exit(&l, 0);
}

static void explains_itself(void **state)
{
	char *argv[] = { getenv("DAVIT_LOGGER"), (char[]){ "--help" }, NULL };
	posix_spawn_file_actions_t fa;
	struct logger l;

	(void)state;
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&l.pid, argv[0], &fa, NULL, argv, NULL), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	expect_exit(&l, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, test_folder_teardown)
RUN_TESTS("davit-logger", T(writes_both_streams), T(shows_prompts), T(drains_after_sigterm), T(rotates_a_flood),
	  T(reads_on_without_a_file), cmocka_unit_test(explains_itself))
