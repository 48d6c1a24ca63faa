/* A writer of a log, of results, and of both is killed before and after each of its system calls, and some instructions later;
 * whoever inherits them goes on. They then have every byte once, whatever happened. */
#include "test.h"
#include "file.h"
#include "ledger.h"
#include "logfile.h"
#include "mem.h"
#include "results.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

enum { CHUNK = 150, STEPS = 200 };

struct fixture {
	char *dir, *path, *results;
	struct buf text[2]; /* of each stream: fits a pipe */
	int64_t max_size;
	bool no_log, has_results;
};

struct output {
	struct ledger *ledger; /* NULL: in who goes on */
	struct logfile *log;
	struct results *results;
	int from[2];
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	f->dir = mem_strdup("/tmp/davit-test-ledger-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = mem_printf("%s/log", f->dir);
	f->results = mem_printf("%s/results", f->dir);
	for (int i = 0; i < 150; i++)
		buf_addf(&f->text[LOG_STDOUT], "%d\n", i);
	for (int i = 0; i < 400; i++)
		buf_adds(&f->text[LOG_STDERR], i % 130 == 129 ? "\n" : "y");
	buf_adds(&f->text[LOG_STDERR], "\n\n\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	buf_done(&f->text[0]);
	buf_done(&f->text[1]);
	free(f->path);
	free(f->results);
	free(f->dir);
	free(f);
	return 0;
}

static ssize_t take(const struct output *o, enum log_stream s, char *p, size_t n)
{
	return o->ledger ? ledger_take(o->ledger, s, o->from[s], p, n) : read(o->from[s], p, n);
}

static void copy(const struct output *o)
{
	char chunk[CHUNK];

	for (unsigned turn = 0, open = 3; open; turn++)
		for (int s = LOG_STDOUT; s <= LOG_STDERR; s++) {
			ssize_t n = open & 1U << s ? take(o, (enum log_stream)s, chunk, sizeof chunk) : -1;

			if (n > 0)
				(void)results_write(o->results, (enum log_stream)s, chunk, (size_t)n, NULL);
			if (n > 0 && o->log)
				logfile_write(o->log, (enum log_stream)s, chunk, (size_t)n);
			if (n == 0)
				open &= ~(1U << s);
			if (turn % 3 == 2 && o->log)
				logfile_flush(o->log);
		}
}

static pid_t start_writer(const struct output *o)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		copy(o);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

/* Lets it go to its @stop-th beginning or end of a system call, and @steps instructions on. False: it has ended before. */
static bool kill_at(pid_t pid, unsigned stop, unsigned steps)
{
	int status = 0;

	for (unsigned i = 0; i < stop + steps; i++) {
		if (ptrace(i < stop ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
			return false;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			return false;
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

static void fill(const struct buf *text, int *ret_from)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(write(p[1], text->data, text->len), (ssize_t)text->len);
	(void)close(p[1]);
	*ret_from = p[0];
}

static void expect_log(const struct fixture *f)
{
	_cleanup_close_ int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	const struct logread opt = { .path = f->path, .tail = -1, .out_fd = out, .err_fd = err, .wake_fd = -1 };

	assert_int_equal(logfile_read(&opt, NULL, NULL), 0);
	for (int s = LOG_STDOUT; s <= LOG_STDERR; s++) {
		int fd = s == LOG_STDOUT ? out : err;
		size_t n = (size_t)lseek(fd, 0, SEEK_END);
		_cleanup_free_ char *got = mem_zalloc(n + 1);

		assert_int_equal(pread(fd, got, n, 0), (ssize_t)n);
		assert_string_equal(got, buf_str(&f->text[s]));
	}
}

static void expect_results(const struct fixture *f)
{
	for (int s = LOG_STDOUT; s <= LOG_STDERR; s++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", f->results, s == LOG_STDOUT ? "stdout.log" : "stderr.log");
		_cleanup_buf_ struct buf got = { 0 };

		assert_int_equal(file_read(path, 1 << 20, &got, NULL), 0);
		assert_string_equal(buf_str(&got), buf_str(&f->text[s]));
	}
	assert_int_equal(file_remove_tree(f->results, NULL), 0);
}

static void output_begin(const struct fixture *f, struct output *o)
{
	struct results_made made;

	*o = (struct output){ .ledger = ledger_new() };
	if (!f->no_log) {
		assert_int_equal(logfile_open(f->path, f->max_size, 8, &o->log, NULL), 0);
		logfile_share(o->log, o->ledger);
	}
	if (f->has_results) {
		assert_int_equal(results_make(f->results, false, &made, NULL), 0);
		o->results = results_new(f->results, NULL);
		results_share(o->results, o->ledger);
	}
}

static void output_inherit(struct output *o)
{
	if (o->log)
		logfile_inherit(o->log);
	if (o->results)
		results_inherit(o->results);
	ledger_free(TAKE_PTR(o->ledger));
}

static void output_end(const struct fixture *f, struct output *o)
{
	logfile_free(o->log);
	results_free(o->results);
	(void)close(o->from[0]);
	(void)close(o->from[1]);
	if (!f->no_log)
		expect_log(f);
	if (f->has_results)
		expect_results(f);
	assert_int_equal(logfile_remove(f->path, NULL), 0);
}

static bool killed_and_inherited(const struct fixture *f, unsigned stop, unsigned steps)
{
	struct output o;
	const int theirs = dup(STDIN_FILENO); /* of the files, which the heir has closed */
	int last;
	bool killed;

	(void)close(theirs);
	output_begin(f, &o);
	last = dup(STDIN_FILENO);
	(void)close(last);
	fill(&f->text[LOG_STDOUT], &o.from[LOG_STDOUT]);
	fill(&f->text[LOG_STDERR], &o.from[LOG_STDERR]);
	killed = kill_at(start_writer(&o), stop, steps);
	for (int fd = theirs; fd < last; fd++)
		(void)close(fd);
	output_inherit(&o);
	copy(&o);
	output_end(f, &o);
	return killed;
}

static void run_all(struct fixture *f)
{
	unsigned stop = 0;

	while (killed_and_inherited(f, stop, 0) && killed_and_inherited(f, stop, stop * 37 % STEPS + 1))
		stop++;
	assert_true(stop > 50);
}

static void nothing_is_lost_and_nothing_comes_twice(void **state) { run_all(*state); }

static void nor_while_it_is_rotated(void **state)
{
	struct fixture *f = *state;

	f->max_size = 4000;
	run_all(f);
}

/* Beside a log, and alone. */
static void nor_of_the_results(void **state)
{
	struct fixture *f = *state;

	f->has_results = true;
	run_all(f);
	f->no_log = true;
	run_all(f);
}

/* The data's last byte tells whether it was taken: whatever it is. */
static void bytes_of_every_value(void **state)
{
	struct fixture *f = *state;

	for (unsigned value = 1; value < 256; value += 42) {
		buf_reset(&f->text[LOG_STDOUT]);
		buf_reset(&f->text[LOG_STDERR]);
		for (int i = 0; i < 20; i++)
			buf_addc(&f->text[LOG_STDOUT], (char)value);
		for (unsigned stop = 0; killed_and_inherited(f, stop, 0); stop++)
			;
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("ledger", T(nothing_is_lost_and_nothing_comes_twice), T(nor_while_it_is_rotated), T(nor_of_the_results),
	  T(bytes_of_every_value))
