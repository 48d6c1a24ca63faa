#include "test.h"
#include "test-folder.h"
#include "clock.h"
#include "logfile.h"
#include "logline.h"
#include "mem.h"
#include "strv.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>

static int setup(void **state)
{
	struct test_folder *f = test_folder_new("log", "log");

	*state = f;
	return 0;
}

static void write_file(const char *path, const char *text)
{
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static struct logfile *open_log(const char *path, int64_t size, int64_t files)
{
	struct logfile *log;

	assert_int_equal(logfile_open(path, size, files, &log, NULL), 0);
	return log;
}

static void write_log(const char *path, enum log_stream s, const char *text)
{
	_cleanup_(logfile_freep) struct logfile *log = open_log(path, 0, 1);

	logfile_write(log, s, text, strlen(text));
}

/* What a read gives, both streams one after the other into @out and @err_out (may be the same). */
static int read_log(struct logread opt, struct buf *out, struct buf *err_out, struct err *err)
{
	_cleanup_close_ int o = memfd_create("out", MFD_CLOEXEC), e = memfd_create("err", MFD_CLOEXEC);
	struct buf *to[] = { out, err_out };
	int r;

	opt.out_fd = o;
	opt.err_fd = out == err_out ? o : e;
	opt.wake_fd = -1;
	r = logfile_read(&opt, NULL, err);
	for (int i = 0; i < (out == err_out ? 1 : 2); i++) {
		off_t n = lseek(i ? e : o, 0, SEEK_END);

		assert_int_equal(pread(i ? e : o, buf_room(to[i], (size_t)n), (size_t)n, 0), n);
		buf_grew(to[i], (size_t)n);
	}
	return r;
}

static void expect_tail(const char *path, int64_t tail, const char *want)
{
	_cleanup_buf_ struct buf out = { 0 };

	assert_int_equal(read_log((struct logread){ .path = path, .tail = tail }, &out, &out, NULL), 0);
	assert_string_equal(buf_str(&out), want);
}

static void parses_lines(void **state)
{
	static const struct {
		const char *text;
		bool good, partial;
		enum log_stream stream;
		const char *rest;
	} cases[] = {
		{ "2026-01-02T03:04:05.123456789Z stdout F hello world", true, false, LOG_STDOUT, "hello world" },
		{ "2026-01-02T03:04:05.123456789Z stderr P half", true, true, LOG_STDERR, "half" },
		{ "2026-01-02T03:04:05Z stdout P:x:y tags", true, true, LOG_STDOUT, "tags" },
		{ "2026-01-02T03:04:05+02:00 stdout F  two blanks", true, false, LOG_STDOUT, " two blanks" },
		{ "2026-01-02T03:04:05Z stdout F ", true, false, LOG_STDOUT, "" },
		{ "2026-01-02T03:04:05Z stdout F", true, false, LOG_STDOUT, "" },
		{ "2026-01-02T03:04:05Z stdout FX no tag", false, false, LOG_STDOUT, NULL },
		{ "2026-01-02T03:04:05Z stdin F no stream", false, false, LOG_STDOUT, NULL },
		{ "2026-01-02T03:04:05Z stdoutF", false, false, LOG_STDOUT, NULL },
		{ "2026-01-02 stdout F short time", false, false, LOG_STDOUT, NULL },
		{ "2026-01-02T03:04:05.123456789123456789123456789Z stdout F long time", false, false, LOG_STDOUT, NULL },
		{ "2026-01-02T03:04:05Z  stdout F two blanks before", false, false, LOG_STDOUT, NULL },
		{ "", false, false, LOG_STDOUT, NULL },
		{ " ", false, false, LOG_STDOUT, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct logline l;

		assert_int_equal(logline_parse(cases[i].text, strlen(cases[i].text), &l), cases[i].good);
		if (!cases[i].good)
			continue;
		assert_int_equal(l.partial, cases[i].partial);
		assert_int_equal(l.stream, cases[i].stream);
		assert_int_equal(l.len, strlen(cases[i].rest));
		assert_memory_equal(l.text, cases[i].rest, l.len);
	}
}

static void writes_cri_lines(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_buf_ struct buf text = { 0 };
	int64_t before = clock_wall();
	struct logfile *log = open_log(f->path, 0, 1);
	struct logline l;

	logfile_write(log, LOG_STDOUT, "on", 2);
	logfile_write(log, LOG_STDERR, "a\0b\n", 4);
	logfile_write(log, LOG_STDOUT, "e\nrest", 6);
	assert_true(logfile_pending(log));
	logfile_free(log);
	assert_int_equal(file_read(f->path, 4096, &text, NULL), 0);
	assert_true(logline_parse(text.data, 43, &l));
	assert_int_equal(l.stream, LOG_STDERR);
	assert_memory_equal(l.text, "a\0b", 3);
	assert_in_range(logline_at(&l), before, clock_wall());
	assert_memory_equal(text.data + 43, "\n", 1);
	assert_memory_equal(text.data + 44 + 30, " stdout F one\n", 14);
	assert_string_equal(text.data + 88 + 30, " stdout P rest\n");
}

/* Lines about the size of a record's largest text, in chunks of odd sizes: everything comes back. */
static void keeps_bytes(void **state)
{
	static const size_t lengths[] = { 0, 1, LOG_LINE_MAX - 1, LOG_LINE_MAX, LOG_LINE_MAX + 1, 2 * LOG_LINE_MAX, 200000, 3 };
	static const size_t chunks[] = { 1, 7, 4096, 16384, 65536, 1 << 20 };
	const struct test_folder *f = *state;
	_cleanup_buf_ struct buf all = { 0 };

	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		for (size_t k = 0; k < lengths[i]; k++) {
			char c = (char)(k * 7 + i);

			buf_addc(&all, c == '\n' ? ' ' : c);
		}
		buf_addc(&all, '\n');
	}
	buf_adds(&all, "no end");
	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		_cleanup_buf_ struct buf back = { 0 };
		struct logfile *log = open_log(f->path, 0, 1);

		for (size_t k = 0; k < all.len; k += chunks[i])
			logfile_write(log, LOG_STDOUT, all.data + k, all.len - k < chunks[i] ? all.len - k : chunks[i]);
		logfile_free(log);
		assert_int_equal(read_log((struct logread){ .path = f->path, .tail = -1 }, &back, &back, NULL), 0);
		assert_int_equal(back.len, all.len);
		assert_memory_equal(back.data, all.data, all.len);
		assert_int_equal(logfile_remove(f->path, NULL), 0);
	}
}

static void splits_streams(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_buf_ struct buf out = { 0 }, err = { 0 }, times = { 0 };

	write_file(f->path, "2026-01-01T00:00:01.000000000Z stdout P a\n"
			    "2026-01-01T00:00:02.000000000Z stderr F E1\n"
			    "2026-01-01T00:00:03.000000000Z stdout F b\n"
			    "garbage\n"
			    "2026-01-01T00:00:04.000000000Z stderr P E2\n");
	assert_int_equal(read_log((struct logread){ .path = f->path, .tail = -1 }, &out, &err, NULL), 0);
	assert_string_equal(buf_str(&out), "ab\ngarbage\n");
	assert_string_equal(buf_str(&err), "E1\nE2");
	assert_int_equal(read_log((struct logread){ .path = f->path, .tail = 2, .timestamps = true }, &times, &times, NULL), 0);
	assert_string_equal(buf_str(&times), "garbage\n2026-01-01T00:00:04.000000000Z E2");
}

static void spans_times(void **state)
{
	static const struct {
		int since, until, tail;
		const char *want;
	} cases[] = {
		{ 0, 0, -1, "1\n2\n3\n4\n5\n" }, { 3, 0, -1, "3\n4\n5\n" }, { 0, 3, -1, "1\n2\n3\n" },
		{ 2, 4, -1, "2\n3\n4\n" },       { 6, 0, -1, "" },          { 0, 3, 1, "3\n" },
		{ 2, 4, 2, "3\n4\n" },           { 4, 0, 1, "5\n" },        { 4, 0, 9, "4\n5\n" },
	};
	const struct test_folder *f = *state;
	_cleanup_buf_ struct buf text = { 0 };
	int64_t zero;

	assert_int_equal(clock_parse("2026-01-01T00:00:00Z", &zero, NULL), 0);
	for (int i = 1; i <= 5; i++)
		buf_addf(&text, "2026-01-01T00:00:0%d.000000000Z stdout F %d\n", i, i);
	write_file(f->path, buf_str(&text));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_buf_ struct buf out = { 0 };
		struct logread opt = { .path = f->path, .tail = cases[i].tail };

		opt.since = cases[i].since ? zero + cases[i].since * NSEC_PER_SEC : 0;
		opt.until = cases[i].until ? zero + cases[i].until * NSEC_PER_SEC : 0;
		assert_int_equal(read_log(opt, &out, &out, NULL), 0);
		assert_string_equal(buf_str(&out), cases[i].want);
	}
}

/* A line that came in two is of the time of its first, or each piece of its own. */
static void spans_pieces(void **state)
{
	const struct test_folder *f = *state;
	int64_t from;

	assert_int_equal(clock_parse("2026-01-01T00:00:02Z", &from, NULL), 0);
	write_file(f->path, "2026-01-01T00:00:01Z stdout P a\n2026-01-01T00:00:02Z stdout F b\n"
			    "2026-01-01T00:00:03Z stdout P c\n2026-01-01T00:00:04Z stdout F d\n");
	for (int pieces = 0; pieces < 2; pieces++) {
		_cleanup_buf_ struct buf out = { 0 };
		const struct logread opt = {
			.path = f->path, .tail = -1, .since = from, .until = from + NSEC_PER_SEC, .pieces = pieces
		};

		assert_int_equal(read_log(opt, &out, &out, NULL), 0);
		assert_string_equal(buf_str(&out), pieces ? "b\nc" : "cd\n");
	}
}

static void takes_tails(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *one = mem_printf("%s.1", f->path), *two = mem_printf("%s.2", f->path);

	write_file(two, "2026-01-01T00:00:01Z stdout F 1\n2026-01-01T00:00:01Z stdout F 2\n2026-01-01T00:00:01Z stdout P 3\n");
	write_file(one, "2026-01-01T00:00:01Z stdout P 3\n2026-01-01T00:00:01Z stdout F 3\n2026-01-01T00:00:01Z stdout F 4\n");
	write_file(f->path, "2026-01-01T00:00:01Z stdout F 5\ntorn");
	expect_tail(f->path, -1, "1\n2\n333\n4\n5\ntorn\n");
	expect_tail(f->path, 0, "");
	expect_tail(f->path, 1, "torn\n");
	expect_tail(f->path, 2, "5\ntorn\n");
	expect_tail(f->path, 3, "4\n5\ntorn\n");
	expect_tail(f->path, 4, "333\n4\n5\ntorn\n");
	expect_tail(f->path, 5, "2\n333\n4\n5\ntorn\n");
	expect_tail(f->path, 6, "1\n2\n333\n4\n5\ntorn\n");
	expect_tail(f->path, 1000000, "1\n2\n333\n4\n5\ntorn\n");
	assert_int_equal(unlink(f->path), 0); /* a rotation that was killed half-way */
	expect_tail(f->path, 2, "333\n4\n");
}

/* Against the plain definition, for records that fall on every side of the blocks that are looked at. */
static void takes_tails_of_many(void **state)
{
	const struct test_folder *f = *state;
	struct logfile *log = open_log(f->path, 100000, 100);
	_cleanup_strv_ struct strv lines = { 0 };

	for (int i = 0; i < 3000; i++) {
		strv_pushf(&lines, "%d %0*d", i, i % 97 ? i % 300 + 1 : 20000, 7);
		logfile_write(log, LOG_STDOUT, lines.v[i], strlen(lines.v[i]));
		logfile_write(log, LOG_STDOUT, "\n", 1);
	}
	logfile_free(log);
	for (size_t n = 1; n <= lines.n; n = n * 5 / 3 + 1) {
		_cleanup_buf_ struct buf want = { 0 };

		for (size_t i = lines.n - n; i < lines.n; i++)
			buf_addf(&want, "%s\n", lines.v[i]);
		expect_tail(f->path, (int64_t)n, buf_str(&want));
	}
}

static void rotates(void **state)
{
	static const struct {
		int files;
		size_t kept;
	} cases[] = { { 1, 1 }, { 2, 2 }, { 5, 5 }, { 0, 1 } };
	const struct test_folder *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct logfile *log = open_log(f->path, 1000, cases[i].files);
		_cleanup_buf_ struct buf out = { 0 };
		size_t present = 0;

		for (int k = 0; k < 1000; k++) {
			char line[32];
			int n = snprintf(line, sizeof line, "%04d\n", k);

			logfile_write(log, LOG_STDERR, line, (size_t)n);
		}
		logfile_free(log);
		for (size_t k = 0; k < 10; k++) {
			_cleanup_free_ char *path = logline_path(f->path, k);
			struct stat st;

			if (stat(path, &st) < 0)
				continue;
			present++;
			assert_in_range(st.st_size, 45, 1000);
		}
		assert_int_equal(present, cases[i].kept);
		/* 1000 / 45 = 22 lines a file, and no gap at a border */
		assert_int_equal(read_log((struct logread){ .path = f->path, .tail = -1 }, &out, &out, NULL), 0);
		assert_true(out.len >= (present - 1) * 22 * 5 + 5);
		for (size_t k = 0; k < out.len; k += 5)
			assert_int_equal(strtol(out.data + k, NULL, 10), 1000 - (int)((out.len - k) / 5));
		assert_int_equal(logfile_remove(f->path, NULL), 0);
		assert_false(file_exists(f->path));
	}
}

static void forgets_surplus_files(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *old = mem_printf("%s.2", f->path), *older = mem_printf("%s.3", f->path);
	struct logfile *log;

	write_file(f->path, "x\n");
	write_file(old, "x\n");
	write_file(older, "x\n");
	log = open_log(f->path, 10, 2);
	logfile_write(log, LOG_STDOUT, "y\n", 2);
	logfile_free(log);
	assert_false(file_exists(old));
	assert_false(file_exists(older));
	expect_tail(f->path, -1, "x\ny\n");
}

static void ends_what_was_left(void **state)
{
	const struct test_folder *f = *state;
	struct logfile *log;

	write_log(f->path, LOG_STDOUT, "first run, no end");
	write_log(f->path, LOG_STDERR, "other stream\n");
	write_log(f->path, LOG_STDOUT, "second run\n");
	expect_tail(f->path, 1, "second run\n");
	write_log(f->path, LOG_STDOUT, "by two, ");
	log = logfile_new(f->path, 0, 1);
	logfile_inherit(log);
	logfile_write(log, LOG_STDOUT, "one line\n", 9);
	logfile_free(log);
	expect_tail(f->path, 1, "by two, one line\n");
	write_file(f->path, "2026-01-01T00:00:01Z stdout F torn by a pow");
	write_log(f->path, LOG_STDOUT, "next\n");
	expect_tail(f->path, -1,
		    "torn by a pow\n"
		    "davit: the line before this one is cut, and lines may be lost here: its writer was killed\nnext\n");
}

/* RLIMIT_FSIZE makes writes fail as a full disk does: partly, then wholly. */
static void survives_a_full_disk(void **state)
{
	const struct test_folder *f = *state;
	const struct rlimit small = { .rlim_cur = 45 + 46, .rlim_max = RLIM_INFINITY };
	struct rlimit saved;
	struct logfile *log = open_log(f->path, 0, 1);
	_cleanup_buf_ struct buf out = { 0 };

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	logfile_write(log, LOG_STDOUT, "kept\n", 5);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	logfile_write(log, LOG_STDOUT, "cut in two\nlost\n", 16);
	logfile_write(log, LOG_STDOUT, "lost\nlost\n", 10);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	logfile_write(log, LOG_STDOUT, "kept\n", 5);
	logfile_write(log, LOG_STDOUT, "kept too\n", 9);
	logfile_free(log);
	assert_int_equal(read_log((struct logread){ .path = f->path, .tail = -1 }, &out, &out, NULL), 0);
	assert_string_equal(buf_str(&out), "kept\ndavit: 4 lines were lost here: No space left on device\nkept\nkept too\n");
}

/* Not a byte fits behind what an earlier writer was torn from: a file system of one page, which is full. */
static void leaves_a_torn_end_to_a_full_disk(void **state)
{
	static const char torn[] = "2026-01-01T00:00:01Z stdout F ";
	enum { PAGE = 4096 };
	const struct test_folder *f = *state;
	_cleanup_free_ char *disk = mem_printf("%s/disk", f->dir), *path = mem_printf("%s/log", disk);
	_cleanup_buf_ struct buf text = { 0 }, out = { 0 };
	struct logfile *log;

	assert_int_equal(mkdir(disk, 0700), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("full", disk, "tmpfs", 0, "nr_blocks=1") < 0) {
		print_message("skipped: cannot mount a file system of one page\n");
		skip();
	}
	buf_adds(&text, torn);
	while (text.len < PAGE)
		buf_addc(&text, 'x');
	assert_int_equal(file_write(path, text.data, text.len, 0600, NULL), 0);
	log = open_log(path, 0, 1);
	logfile_write(log, LOG_STDOUT, "lost\n", 5);
	buf_reset(&text);
	assert_int_equal(file_read(path, 2 * PAGE, &text, NULL), 0);
	assert_int_equal(text.len, PAGE);
	assert_int_equal(mount(NULL, disk, NULL, MS_REMOUNT, "nr_blocks=16"), 0);
	logfile_write(log, LOG_STDOUT, "kept\n", 5);
	logfile_free(log);
	assert_int_equal(read_log((struct logread){ .path = path, .tail = 2 }, &out, &out, NULL), 0);
	assert_string_equal(buf_str(&out), "davit: 1 lines were lost here: No space left on device\nkept\n");
	assert_int_equal(umount2(disk, MNT_DETACH), 0);
}

/* A disk that is full after each number of bytes: each line that a reader sees is one that was written, or tells of a loss. */
static void shows_no_half_line(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *longest = mem_zalloc(3 * LOG_LINE_MAX + 1);
	struct rlimit saved;

	memset(longest, 'l', 3 * LOG_LINE_MAX);
	longest[3 * LOG_LINE_MAX - 1] = '\n';
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	for (rlim_t room = 1; room < 400; room += room < 200 ? 1 : 37) {
		const struct rlimit small = { .rlim_cur = room, .rlim_max = RLIM_INFINITY };
		struct logfile *log = open_log(f->path, 0, 1);
		_cleanup_buf_ struct buf out = { 0 };
		_cleanup_strv_ struct strv lines = { 0 };

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		logfile_write(log, LOG_STDERR, "beg", 3);
		logfile_write(log, LOG_STDOUT, "one\ntwo\nthree\n", 14);
		logfile_write(log, LOG_STDOUT, longest, 3 * LOG_LINE_MAX - 9);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
		logfile_write(log, LOG_STDOUT, longest + 3 * LOG_LINE_MAX - 9, 9);
		logfile_write(log, LOG_STDERR, "un\n", 3);
		logfile_write(log, LOG_STDOUT, "last\n", 5);
		logfile_free(log);
		assert_int_equal(read_log((struct logread){ .path = f->path, .tail = -1 }, &out, &out, NULL), 0);
		strv_split(&lines, buf_str(&out), "\n");
		for (size_t i = 0; i < lines.n; i++) {
			_cleanup_free_ char *word = mem_printf(" %s ", lines.v[i]);

			if (!strstr(" one two three begun last ", word) && strncmp(lines.v[i], "davit: ", 7) != 0)
				fail_msg("with room for %d bytes: \"%.80s\"", (int)room, lines.v[i]);
		}
		assert_int_equal(logfile_remove(f->path, NULL), 0);
	}
}

static void opens_late(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *deep = mem_printf("%s/a/b/log", f->dir), *a = mem_printf("%s/a", f->dir);
	struct logfile *log;
	struct err err = ERR_INIT;
	_cleanup_buf_ struct buf out = { 0 };

	write_file(a, "in the way");
	assert_int_equal(logfile_open(deep, 0, 1, &log, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, deep));
	log = logfile_new(deep, 0, 1);
	logfile_write(log, LOG_STDOUT, "lost\n", 5);
	assert_int_equal(unlink(a), 0);
	logfile_write(log, LOG_STDOUT, "kept\n", 5);
	logfile_free(log);
	assert_int_equal(read_log((struct logread){ .path = deep, .tail = -1 }, &out, &out, NULL), 0);
	assert_non_null(strstr(buf_str(&out), "davit: 1 lines were lost here: Not a directory\nkept\n"));
}

static void names_what_is_missing(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_free_ char *nowhere = mem_printf("%s/no/log", f->dir);
	struct err err = ERR_INIT;

	assert_int_equal(read_log((struct logread){ .path = f->path, .tail = -1 }, &out, &out, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, f->path));
	assert_int_equal(read_log((struct logread){ .path = nowhere, .tail = -1, .follow = true }, &out, &out, NULL),
			 -ERR_NOT_FOUND);
	assert_int_equal(logfile_remove(nowhere, NULL), 0);
}

static void ends_when_nobody_reads(void **state)
{
	const struct test_folder *f = *state;
	struct logread opt = { .path = f->path, .tail = -1, .follow = true, .err_fd = -1, .wake_fd = -1 };
	int p[2];

	(void)signal(SIGPIPE, SIG_IGN);
	write_log(f->path, LOG_STDOUT, "a\n");
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	(void)close(p[0]);
	opt.out_fd = p[1];
	assert_int_equal(logfile_read(&opt, NULL, NULL), 1);
	(void)close(p[1]);
}

enum { FOLLOW_MS = 150000 }; /* of one that hangs */

struct follower {
	struct logread opt;
	struct cancel cancel;
	pthread_t thread;
	_Atomic bool ended;
	_Atomic size_t joined; /* so many may be told of */
	struct logmore more;
	struct logread *others;
	size_t told;
	int fd, result;
};

static bool has_ended(void *arg)
{
	const struct follower *f = arg;

	return f->ended;
}

static void *run_follower(void *arg)
{
	struct follower *f = arg;
	struct ctx ctx = ctx_within(&(struct ctx){ .cancel = &f->cancel }, FOLLOW_MS);

	f->result = f->more.next ? logfile_read_all(NULL, 0, &f->more, &ctx, NULL) : logfile_read(&f->opt, &ctx, NULL);
	(void)close(f->opt.out_fd);
	return NULL;
}

static enum logmore_answer next_follower(void *arg, struct logread *ret)
{
	struct follower *f = arg;

	if (f->told == f->joined)
		return f->ended ? LOGMORE_OVER : LOGMORE_NONE_YET;
	*ret = f->opt;
	ret->path = f->others[f->told].path;
	ret->prefix = f->others[f->told++].prefix;
	return LOGMORE_ONE;
}

static void follow_with(struct follower *f, struct logread opt, struct logread *others)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	*f = (struct follower){ .opt = opt, .others = others, .fd = p[0], .cancel.fd = -1 };
	f->more = (struct logmore){ others ? next_follower : NULL, f };
	f->opt.follow = true;
	f->opt.out_fd = f->opt.err_fd = p[1];
	f->opt.wake_fd = -1;
	f->opt.ended = has_ended;
	f->opt.arg = f;
	assert_int_equal(pthread_create(&f->thread, NULL, run_follower, f), 0);
}

static void follow_log(struct follower *f, struct logread opt) { follow_with(f, opt, NULL); }

static void expect_text(const struct follower *f, const char *want)
{
	for (size_t got = 0, n = strlen(want); got < n;) {
		char bytes[4096];
		ssize_t r = read(f->fd, bytes, n - got < sizeof bytes ? n - got : sizeof bytes);

		assert_true(r > 0);
		assert_memory_equal(bytes, want + got, (size_t)r);
		got += (size_t)r;
	}
}

static void end_follow(struct follower *f, int result)
{
	char c;

	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(f->result, result);
	assert_int_equal(read(f->fd, &c, 1), 0);
	(void)close(f->fd);
}

static void follows(void **state)
{
	const struct test_folder *f = *state;
	struct follower fo;
	struct logfile *log;

	follow_log(&fo, (struct logread){ .path = f->path, .tail = -1 }); /* before there is a file */
	log = open_log(f->path, 0, 1);
	logfile_write(log, LOG_STDOUT, "one\n", 4);
	expect_text(&fo, "one\n");
	logfile_write(log, LOG_STDERR, "prompt: ", 8);
	logfile_flush(log);
	expect_text(&fo, "prompt: ");
	logfile_write(log, LOG_STDERR, "yes\n", 4);
	expect_text(&fo, "yes\n");
	logfile_write(log, LOG_STDOUT, "last", 4);
	logfile_free(log);
	fo.ended = true;
	expect_text(&fo, "last");
	end_follow(&fo, 0);
}

/* From nothing on: each is read from its beginning, whenever it is told of; one without a folder is none. */
static void follows_who_joins(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *second = mem_printf("%s-two", f->path), *gone = mem_printf("%s-gone/log", f->path);
	struct logread others[] = { { .path = f->path, .prefix = "a | " }, { .path = gone }, { .path = second, .prefix = "b | " } };
	struct logfile *log = open_log(f->path, 0, 1), *two;
	struct follower fo;

	logfile_write(log, LOG_STDOUT, "one\ntwo", 7);
	logfile_flush(log);
	follow_with(&fo, (struct logread){ .tail = -1 }, others);
	fo.joined = 1;
	expect_text(&fo, "a | one\na | two\n");
	two = open_log(second, 0, 1);
	logfile_write(two, LOG_STDOUT, "of b\n", 5);
	fo.joined = 3;
	expect_text(&fo, "b | of b\n");
	logfile_write(log, LOG_STDOUT, "\nthree\n", 7); /* the end of a piece that was a line already is none */
	expect_text(&fo, "a | three\n");
	logfile_free(log);
	logfile_free(two);
	fo.ended = true;
	end_follow(&fo, 0);
	assert_int_equal(logfile_remove(second, NULL), 0);
}

static void follows_the_tail(void **state)
{
	const struct test_folder *f = *state;
	struct follower fo;

	write_log(f->path, LOG_STDOUT, "1\n2\n3\n");
	follow_log(&fo, (struct logread){ .path = f->path, .tail = 1 });
	expect_text(&fo, "3\n");
	write_log(f->path, LOG_STDOUT, "4\n");
	expect_text(&fo, "4\n");
	fo.ended = true;
	end_follow(&fo, 0);
	follow_log(&fo, (struct logread){ .path = f->path, .tail = 0, .until = clock_wall() + 300 * NSEC_PER_MSEC });
	end_follow(&fo, 0);
}

/* One that is still being written when the follower comes: it shows it whole. */
static void follows_from_a_records_beginning(void **state)
{
	static const char record[] = "2026-01-01T00:00:02.000000000Z stdout F 2\n";
	const struct test_folder *f = *state;
	_cleanup_close_ int fd = -1;
	struct follower fo;

	write_file(f->path, "2026-01-01T00:00:01.000000000Z stdout F 1\n20");
	fd = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	follow_log(&fo, (struct logread){ .path = f->path, .tail = 0 });
	(void)poll(NULL, 0, 200); /* one that came later would see the next ones */
	assert_int_equal(write(fd, record + 2, sizeof record - 3), sizeof record - 3);
	for (int n = 0; n < 300 && poll(&(struct pollfd){ .fd = fo.fd, .events = POLLIN }, 1, 100) == 0; n++)
		assert_int_equal(write(fd, record, sizeof record - 1), sizeof record - 1);
	expect_text(&fo, "2\n");
	fo.ended = true;
	assert_int_equal(pthread_join(fo.thread, NULL), 0);
	(void)close(fo.fd);
}

enum { LATE_MS = 100, TOO_LATE_MS = 200 /* it waits for 250 */ };

/* false: between two of them we were away for longer than the follower waits, which proves nothing. */
static bool last_words_come(const struct test_folder *f)
{
	struct logfile *log = open_log(f->path, 0, 1);
	int64_t last = clock_mono();
	bool in_time = true;
	struct follower fo;
	char c;

	logfile_write(log, LOG_STDOUT, "first\n", 6);
	follow_log(&fo, (struct logread){ .path = f->path, .tail = -1 });
	expect_text(&fo, "first\n");
	fo.ended = true;
	for (int i = 0; in_time && i < 5; i++) {
		int64_t now;

		(void)poll(NULL, 0, LATE_MS); /* longer altogether than a look lasts */
		now = clock_mono();
		logfile_write(log, LOG_STDOUT, "late\n", 5);
		in_time = clock_mono() - last < TOO_LATE_MS * NSEC_PER_MSEC;
		last = now;
		if (in_time)
			expect_text(&fo, "late\n");
	}
	logfile_free(log);
	while (!in_time && read(fo.fd, &c, 1) > 0)
		;
	end_follow(&fo, 0);
	return in_time;
}

/* The task has ended, its logger is a moment behind: asked before the follower knows, the answer is already yes. */
static void waits_for_the_last_words(void **state)
{
	const struct test_folder *f = *state;
	bool come = false;

	for (int round = 0; !come && round < 50; round++) {
		come = last_words_come(f);
		assert_int_equal(logfile_remove(f->path, NULL), 0);
	}
	if (!come) {
		print_message("skipped: the machine is too busy\n");
		skip();
	}
}

/* Rotation as fast as it can be: a reader that cannot keep up may lose whole files, but order and lines stay. A reader
 * that keeps up loses nothing. */
static void follows_rotation(void **state)
{
	const struct test_folder *f = *state;
	struct follower fo;
	struct logfile *log = open_log(f->path, 500, 4);

	follow_log(&fo, (struct logread){ .path = f->path, .tail = -1 });
	for (int i = 0; i < 500; i++) {
		char line[16];
		int n = snprintf(line, sizeof line, "%05d\n", i);

		logfile_write(log, LOG_STDOUT, line, (size_t)n);
		expect_text(&fo, line);
	}
	for (int i = 500; i < 520; i++) { /* two files at once */
		char line[16];
		int n = snprintf(line, sizeof line, "%05d\n", i);

		logfile_write(log, LOG_STDOUT, line, (size_t)n);
	}
	for (int i = 500; i < 520; i++) {
		char line[16];

		(void)snprintf(line, sizeof line, "%05d\n", i);
		expect_text(&fo, line);
	}
	logfile_free(log);
	fo.ended = true;
	end_follow(&fo, 0);
}

static void follow_ends_with_the_folder(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *dir = mem_printf("%s/job", f->dir), *path = mem_printf("%s/job/log", f->dir);
	struct follower fo;

	write_log(path, LOG_STDOUT, "a\n");
	follow_log(&fo, (struct logread){ .path = path, .tail = -1 });
	expect_text(&fo, "a\n");
	assert_int_equal(file_remove_tree(dir, NULL), 0);
	end_follow(&fo, 0);
}

static void follow_is_cancelled(void **state)
{
	const struct test_folder *f = *state;
	struct follower fo;

	write_log(f->path, LOG_STDOUT, "a\n");
	follow_log(&fo, (struct logread){ .path = f->path, .tail = -1 });
	expect_text(&fo, "a\n");
	fo.cancel.on = SIGINT; /* without a descriptor it is seen at the next look, a quarter of a second later */
	end_follow(&fo, -ERR_CANCELLED);
}

/* Records without end, from a file that is no log: bounded memory, every byte passed on. */
static void bounds_memory(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *big = mem_zalloc(8 << 20);
	_cleanup_buf_ struct buf out = { 0 };

	(void)memset(big, 'x', 8 << 20);
	(void)memcpy(big, "2026-01-01T00:00:01Z stderr F ", 30);
	big[(8 << 20) - 2] = '\n';
	assert_int_equal(file_write(f->path, big, 8 << 20, 0600, NULL), 0);
	assert_int_equal(read_log((struct logread){ .path = f->path, .tail = -1 }, &out, &out, NULL), 0);
	assert_int_equal(out.len, (8 << 20) - 30 + 1);
	buf_done(&out);
	expect_tail(f->path, 1, "x\n");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, test_folder_teardown)
/* A pair of a terminal that changes nothing of what is written to it. */
static void open_terminal(int *ret_master, int *ret_slave)
{
	struct termios raw;

	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*ret_master >= 0 && grantpt(*ret_master) == 0 && unlockpt(*ret_master) == 0);
	*ret_slave = open(ptsname(*ret_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(*ret_slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(*ret_slave, TCSANOW, &raw), 0);
}

static void commands_no_terminal(void **state)
{
	static const char said[] = "a\x1b[2Jb\xc2\x9b"
				   "2Jc\x9b"
				   "d\xe2\x80\xae"
				   "e\x1b[31mred\n\ttab\r\n10%\r20%\n";
	static const char shown[] = "a?[2Jb?2Jc?d?e\x1b[31mred\x1b[0m\n\ttab\r\n10%?20%\n";
	struct test_folder *f = *state;
	_cleanup_close_ int master = -1, slave = -1, file = memfd_create("log", MFD_CLOEXEC);
	struct logread opt = { .path = f->path, .tail = -1, .err_fd = -1, .wake_fd = -1 };
	char text[256] = "";
	size_t n = 0;

	write_log(f->path, LOG_STDOUT, said);
	open_terminal(&master, &slave);
	opt.out_fd = slave;
	assert_int_equal(logfile_read(&opt, NULL, NULL), 0);
	while (n < sizeof shown - 1) {
		ssize_t got = read(master, text + n, sizeof text - 1 - n);

		assert_true(got > 0);
		n += (size_t)got;
	}
	text[n] = '\0';
	assert_string_equal(text, shown);
	opt.out_fd = file;
	assert_int_equal(logfile_read(&opt, NULL, NULL), 0);
	memset(text, 0, sizeof text);
	assert_true(pread(file, text, sizeof text - 1, 0) > 0);
	assert_string_equal(text, said); /* a file gets the bytes */
}

RUN_TESTS("logfile", cmocka_unit_test(parses_lines), T(commands_no_terminal), T(writes_cri_lines), T(keeps_bytes),
	  T(splits_streams), T(spans_times), T(spans_pieces), T(takes_tails), T(takes_tails_of_many), T(rotates),
	  T(forgets_surplus_files), T(ends_what_was_left), T(survives_a_full_disk), T(leaves_a_torn_end_to_a_full_disk),
	  T(shows_no_half_line), T(opens_late), T(names_what_is_missing), T(ends_when_nobody_reads), T(follows),
	  T(follows_who_joins), T(follows_the_tail), T(follows_from_a_records_beginning), T(waits_for_the_last_words),
	  T(follows_rotation), T(follow_ends_with_the_folder), T(follow_is_cancelled), T(bounds_memory))
