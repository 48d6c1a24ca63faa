#include "test.h"
#include "file.h"
#include "mem.h"
#include "outlet.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>

struct fixture {
	struct loop *loop;
	struct outlet o;
	int process; /* its end */
	int reader;  /* ours */
	int to;
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	int p[2], out[2];

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	f->loop = loop_new();
	f->process = p[1];
	f->reader = out[0];
	f->to = out[1];
	outlet_init(&f->o, p[0], f->to, LOG_STDOUT, NULL);
	outlet_attach(&f->o, f->loop);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	outlet_done(&f->o);
	loop_free(f->loop);
	closep(&f->process);
	closep(&f->reader);
	(void)close(f->to);
	free(f);
	return 0;
}

static void turns(struct fixture *f)
{
	for (int i = 0; i < 100; i++)
		loop_poll(f->loop);
}

/* Into the process's end as much as it takes. */
static size_t print_all(struct fixture *f, unsigned char *next)
{
	size_t total = 0;

	for (;;) {
		unsigned char bytes[1000];
		ssize_t n;

		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (unsigned char)(*next + i);
		n = write(f->process, bytes, sizeof bytes);
		turns(f);
		if (n < 0)
			return total;
		total += (size_t)n;
		*next = (unsigned char)(*next + n);
	}
}

static void a_slow_reader_slows_the_process_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	unsigned char in = 0, out = 0;
	size_t total = print_all(f, &in), got = 0;

	assert_true(outlet_pending(&f->o));
	assert_true(total >= 2 * 65536);
	(void)close(TAKE_FD(f->process));
	while (got < total) {
		unsigned char bytes[777];
		ssize_t n;

		turns(f);
		n = read(f->reader, bytes, sizeof bytes);
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(bytes[i], out++);
		got += (size_t)n;
	}
	turns(f);
	assert_false(outlet_pending(&f->o));
	assert_false(outlet_open(&f->o));
	assert_int_equal(f->o.lost, 0);
}

static void a_reader_that_goes_while_much_is_kept(void **state)
{
	struct fixture *f = *state;
	unsigned char in = 0;

	(void)print_all(f, &in);
	(void)close(TAKE_FD(f->reader));
	turns(f);
	assert_true(f->o.unread);
	assert_int_equal(f->o.lost, EPIPE);
	assert_false(outlet_pending(&f->o));
	for (int i = 0; i < 300; i++) { /* what comes is read and dropped: more than the pipe holds */
		char bytes[1000] = "";

		assert_int_equal(write(f->process, bytes, sizeof bytes), sizeof bytes);
		turns(f);
	}
	assert_true(outlet_open(&f->o));
}

static void a_full_disk_is_no_reader_that_went(void **state)
{
	struct fixture *f = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), from = f->o.from;

	f->o.from = -1;
	outlet_done(&f->o);
	outlet_init(&f->o, from, full, LOG_STDOUT, NULL);
	outlet_attach(&f->o, f->loop);
	assert_int_equal(write(f->process, "x", 1), 1);
	turns(f);
	assert_false(f->o.unread);
	assert_int_equal(f->o.lost, ENOSPC);
	(void)close(full);
}

static void the_log_gets_all_of_it(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/davit-test-outlet-XXXXXX";
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	size_t lines = 0;
	int from = f->o.from;

	assert_non_null(mkdtemp(dir));
	path = mem_printf("%s/log", dir);
	f->o.from = -1;
	outlet_done(&f->o);
	(void)close(TAKE_FD(f->reader));
	outlet_init(&f->o, from, f->to, LOG_STDERR, logfile_new(path, 0, 1));
	outlet_attach(&f->o, f->loop);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(write(f->process, "a line\n", 7), 7);
		turns(f);
	}
	logfile_free(TAKE_PTR(f->o.log));
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	for (const char *p = buf_str(&text); (p = strstr(p, " stderr F a line\n")); p++)
		lines++;
	assert_int_equal(lines, 1000);
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("outlet", T(a_slow_reader_slows_the_process_and_loses_nothing), T(a_reader_that_goes_while_much_is_kept),
	  T(a_full_disk_is_no_reader_that_went), T(the_log_gets_all_of_it))
