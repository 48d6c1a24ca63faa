#include "test.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include "results.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct results_made made;

static int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/results-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(folder, NULL);
}

static char *below(const char *name) { return mem_printf("%s/%s", folder, name); }

static void has(const char *name, const char *want)
{
	_cleanup_free_ char *path = below(name);
	_cleanup_buf_ struct buf got = { 0 };

	assert_int_equal(file_read(path, 1 << 20, &got, NULL), 0);
	assert_string_equal(buf_str(&got), want);
}

static mode_t mode_of(const char *name)
{
	_cleanup_free_ char *path = below(name);
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void put(struct results *s, enum log_stream which, const char *text)
{
	assert_int_equal(results_write(s, which, text, strlen(text), NULL), 0);
}

static void bytes_as_they_come(void **state)
{
	_cleanup_free_ char *dir = below("a/b");

	(void)state;
	assert_int_equal(results_make(dir, false, &made, NULL), 0);
	assert_int_equal(mode_of("a"), 0755);
	assert_int_equal(mode_of("a/b"), 0700);
	assert_int_equal(mode_of("a/b/stdout.log"), 0600);
	has("a/b/stderr.log", "");
	for (int run = 0; run < 2; run++) {
		_cleanup_(results_freep) struct results *s = results_new(dir, NULL);

		put(s, LOG_STDOUT, "one\ntw");
		put(s, LOG_STDERR, "bad\r");
		put(s, LOG_STDOUT, "o");
	}
	has("a/b/stdout.log", "one\ntwoone\ntwo");
	has("a/b/stderr.log", "bad\rbad\r");
	assert_int_equal(results_write(NULL, LOG_STDOUT, "x", 1, NULL), 0);
}

static void a_terminal_has_one(void **state)
{
	_cleanup_(results_freep) struct results *s = NULL;
	_cleanup_free_ char *second = below("stderr.log");

	(void)state;
	assert_int_equal(results_make(folder, true, &made, NULL), 0);
	s = results_new(folder, NULL);
	put(s, LOG_STDOUT, "x");
	assert_false(file_exists(second));
	put(s, LOG_STDERR, "y"); /* made where it comes after all */
	has("stderr.log", "y");
}

/* What a job that has the folder mounted can make of the file's name. */
static void make_fifo(const char *path) { assert_int_equal(mkfifo(path, 0600), 0); }
static void make_folder(const char *path) { assert_int_equal(mkdir(path, 0700), 0); }

static void make_link(const char *path)
{
	_cleanup_free_ char *to = below("outside");

	assert_int_equal(symlink(to, path), 0);
}

static void make_second_name(const char *path)
{
	_cleanup_free_ char *to = below("outside");

	assert_int_equal(link(to, path), 0);
}

static void nothing_is_followed(void **state)
{
	void (*const traps[])(const char *path) = { make_fifo, make_folder, make_link, make_second_name };
	_cleanup_free_ char *outside = below("outside"), *dir = below("d"), *file = below("d/stdout.log");

	(void)state;
	assert_int_equal(file_write(outside, "mine", 4, 0600, NULL), 0);
	make_folder(dir);
	for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) {
		_cleanup_(results_freep) struct results *s = NULL;
		struct err err = ERR_INIT;

		traps[i](file);
		assert_true(results_make(dir, false, &made, &err) < 0);
		assert_non_null(strstr(err.msg, file));
		s = results_new(dir, NULL);
		(void)err_clear(&err);
		assert_true(results_write(s, LOG_STDOUT, "theirs", 6, &err) < 0);
		put(s, LOG_STDOUT, "theirs"); /* it was said */
		put(s, LOG_STDERR, "");
		assert_int_equal(remove(file), 0);
		put(s, LOG_STDOUT, "now");
		has("d/stdout.log", "now");
		assert_int_equal(unlink(file), 0);
	}
	has("outside", "mine");
}

static void not_on_the_way_either(void **state)
{
	_cleanup_free_ char *real = below("real"), *link = below("link"), *dir = below("link/d"), *file = below("file"),
			    *under = below("file/d");
	struct err err = ERR_INIT;

	(void)state;
	make_folder(real);
	assert_int_equal(symlink("real", link), 0);
	assert_int_equal(results_make(dir, false, &made, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "symbolic link"));
	assert_int_equal(rmdir(real), 0); /* nothing was made in it */
	assert_int_equal(file_write(file, "", 0, 0600, NULL), 0);
	(void)err_clear(&err);
	assert_int_equal(results_make(file, false, &made, &err), -ERR_INVALID);
	(void)err_clear(&err);
	assert_int_equal(results_make(under, false, &made, &err), -ERR_INVALID);
}

/* A file that takes no more, by a limit instead of a full disk. */
static void a_loss_is_said_once(void **state)
{
	_cleanup_(results_freep) struct results *s = NULL;
	_cleanup_free_ char *lost = below("lost");
	struct rlimit was, small;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(results_make(folder, false, &made, NULL), 0);
	s = results_new(folder, lost);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 4;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(results_write(s, LOG_STDOUT, "123456", 6, &err) < 0);
	assert_non_null(strstr(err.msg, "output is lost"));
	put(s, LOG_STDOUT, "78");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	put(s, LOG_STDOUT, "9");
	has("stdout.log", "12349");
}

/* In the log, where there is one, and in a file in any case. */
static void where_a_loss_is_said(void **state)
{
	_cleanup_free_ char *gone = below("gone"), *file = below("gone/stdout.log"), *lost = below("lost"), *path = below("log");
	_cleanup_(results_freep) struct results *first = NULL, *second = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	struct logfile *log;
	struct err err = ERR_INIT;

	(void)state;
	make_folder(gone);
	make_folder(file);
	first = results_new(gone, NULL);
	assert_true(results_keep(first, NULL, LOG_STDOUT, "x", 1, &err) < 0);
	assert_non_null(strstr(err.msg, "gone/stdout.log: output is lost"));
	assert_false(file_exists(lost));
	second = results_new(gone, lost);
	assert_int_equal(logfile_open(path, 0, 1, &log, NULL), 0);
	logfile_write(log, LOG_STDOUT, "no end", 6);
	for (int i = 0; i < 2; i++)
		assert_int_equal(results_keep(second, log, LOG_STDOUT, "x", 1, NULL), 0);
	logfile_free(log);
	has("lost", err.msg);
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	assert_non_null(strstr(buf_str(&text), "stdout P no end\n"));
	assert_non_null(strstr(strstr(buf_str(&text), "stderr F davit: results "), ": output is lost: "));
}

/* A job that was never started leaves none, and takes nothing away. */
static void unmade(void **state)
{
	_cleanup_free_ char *first = below("a"), *dir = below("a//b"), *keep = below("a/b/stderr.log");

	(void)state;
	assert_int_equal(results_make(dir, false, &made, NULL), 0);
	results_unmake(dir, &made);
	assert_false(file_exists(first));
	assert_int_equal(results_make(dir, false, &made, NULL), 0);
	assert_int_equal(file_write(keep, "x", 1, 0600, NULL), 0);
	results_unmake(dir, &made);
	has("a/b/stderr.log", "x");
	assert_int_equal(results_make(dir, false, &made, NULL), 0);
	assert_true(made.file[LOG_STDOUT] && !made.file[LOG_STDERR] && !made.folder);
	assert_int_equal(results_make(dir, false, &made, NULL), 0);
	results_unmake(dir, &made); /* of somebody before */
	has("a/b/stdout.log", "");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("results", CASE(bytes_as_they_come), CASE(unmade), CASE(a_terminal_has_one), CASE(nothing_is_followed),
	  CASE(not_on_the_way_either), CASE(a_loss_is_said_once), CASE(where_a_loss_is_said))
