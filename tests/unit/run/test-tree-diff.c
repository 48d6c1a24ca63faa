#include "test.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include "tree-diff.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static char top[64];
static int upper = -1, lower = -1;

static int folder(const char *name)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", top, name);

	if (file_mkdirs(path, 0755, NULL) < 0)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void make(const char *name)
{
	_cleanup_close_ int fd = folder(name);

	assert_true(fd >= 0);
}

static void touch(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	(void)close(fd);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(top, sizeof top, "/tmp/davit-test-diff-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	upper = folder("upper");
	lower = folder("lower");
	return upper < 0 || lower < 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(upper);
	(void)close(lower);
	return file_remove_tree(top, NULL);
}

static int note(void *arg, char kind, const char *path, struct err *err)
{
	(void)err;
	buf_addf(arg, "%c %s\n", kind, path);
	return 0;
}

static void expect_how(int below, const struct tree_diff *how, const char *wanted)
{
	const struct ctx none = ctx_none();
	_cleanup_buf_ struct buf got = { 0 };
	struct err err = ERR_INIT;

	if (tree_diff(upper, below, how, &none, note, &got, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(buf_str(&got), wanted);
}

static void expect(int below, const struct strv *made, const char *wanted)
{
	const struct tree_diff how = { .made = made };

	expect_how(below, &how, wanted);
}

static void expect_whole(const char *wanted)
{
	const struct strv none = { 0 };
	const struct tree_diff how = { .made = &none, .whole = true };

	expect_how(lower, &how, wanted);
}

static void nothing_below(void **state)
{
	const struct strv none = { 0 };

	(void)state;
	expect(-1, &none, "");
	assert_int_equal(mkdirat(upper, "b", 0755), 0);
	touch(upper, "b/x");
	touch(upper, "a");
	expect(-1, &none, "A /a\nA /b\nA /b/x\n");
}

static void folders(void **state)
{
	struct strv made = { 0 };

	(void)state;
	make("lower/same");
	make("upper/same");
	make("lower/mode");
	make("upper/mode");
	make("upper/data/deep");
	assert_int_equal(fchmodat(upper, "mode", 0700, 0), 0);
	touch(lower, "same/changed");
	touch(upper, "same/changed");
	touch(lower, "untouched");
	expect(lower, &made, "A /data\nA /data/deep\nC /mode\nC /same/changed\n");
	touch(upper, "same/added");
	strv_push(&made, "/data");
	strv_push(&made, "/data/deep");
	expect(lower, &made, "C /mode\nC /same\nA /same/added\nC /same/changed\n");
	strv_done(&made);
}

/* A folder over a file and the reverse, links whose targets do not matter. */
static void kinds(void **state)
{
	const struct strv none = { 0 };

	(void)state;
	touch(lower, "was-file");
	make("lower/was-folder");
	make("upper/was-file");
	touch(lower, "was-folder/in");
	touch(upper, "was-folder");
	touch(upper, "was-file/in");
	assert_int_equal(symlinkat("/", upper, "link"), 0);
	expect(lower, &none, "A /link\nC /was-file\nA /was-file/in\nC /was-folder\n");
}

static void what_has_gone(void **state)
{
	const struct strv none = { 0 };

	(void)state;
	touch(lower, "gone");
	make("lower/new/sub");
	make("upper/new/sub");
	touch(lower, "new/hidden");
	touch(lower, "new/sub/hidden");
	touch(lower, "new/kept");
	touch(upper, "new/kept");
	if (mknodat(upper, "gone", S_IFCHR, makedev(0, 0)) < 0 || mknodat(upper, "never", S_IFCHR, makedev(0, 0)) < 0)
		skip();
	expect(lower, &none, "D /gone\nC /new/kept\n");
	{
		_cleanup_close_ int fd = folder("upper/new");

		if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
			skip();
	}
	expect(lower, &none, "D /gone\nC /new\nD /new/hidden\nC /new/kept\nC /new/sub\nD /new/sub/hidden\n");
}

static void put(int dir, const char *name, const char *text)
{
	const struct timespec at[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(futimens(fd, at), 0);
	(void)close(fd);
}

static void put_both(const char *name, const char *text)
{
	put(lower, name, text);
	put(upper, name, text);
}

/* Two whole trees: one is a copy of the other that was changed. */
static void whole_files(void **state)
{
	_cleanup_free_ char *big = mem_array(char, 200001);

	(void)state;
	memset(big, 'x', 200000);
	put_both("same", "text");
	put_both("big", big);
	put_both("grown", "text");
	put_both("hidden", "text");
	put_both("mode", "text");
	put_both("gone", "text");
	put_both("said", "text");
	put_both("empty", "");
	expect_whole("");
	big[150000] = 'y';
	put(upper, "big", big); /* with its time set back */
	put(upper, "grown", "text and more");
	put(upper, "hidden", "tex!");
	put(upper, "new", "");
	assert_int_equal(fchmodat(upper, "mode", 04755, 0), 0);
	assert_int_equal(unlinkat(upper, "gone", 0), 0);
	expect_whole("C /big\nD /gone\nC /grown\nC /hidden\nC /mode\nA /new\n");
	{
		_cleanup_close_ int fd = openat(upper, "said", O_RDONLY | O_CLOEXEC);

		if (fsetxattr(fd, "user.x", "y", 1, 0) < 0)
			skip();
	}
	expect_whole("C /big\nD /gone\nC /grown\nC /hidden\nC /mode\nA /new\nC /said\n");
}

/* One that its writer holds cannot be opened without waiting for them. */
static void one_with_a_lease(void **state)
{
	_cleanup_close_ int fd = -1;

	(void)state;
	put_both("held", "text");
	put_both("same", "text");
	(void)signal(SIGIO, SIG_IGN); /* as we hold it ourselves */
	fd = openat(upper, "held", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		skip();
	expect_whole("C /held\n");
}

static void whole_folders(void **state)
{
	(void)state;
	make("lower/kept/sub");
	make("upper/kept/sub");
	make("lower/kept/lost/sub");
	make("lower/was-folder");
	make("upper/was-file/sub");
	make("upper/new");
	put_both("kept/sub/file", "x");
	put(lower, "was-folder/in", "x");
	put(upper, "was-folder", "x");
	put(lower, "was-file", "x");
	expect_whole("C /kept\nD /kept/lost\nA /new\nC /was-file\nA /was-file/sub\nC /was-folder\n");
	assert_int_equal(unlinkat(upper, "kept/sub/file", 0), 0);
	expect_whole("C /kept\nD /kept/lost\nC /kept/sub\nD /kept/sub/file\nA /new\nC /was-file\nA /was-file/sub\nC /was-folder\n");
}

static void link_both(const char *name, const char *to, const char *now_to)
{
	const struct timespec at[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

	assert_int_equal(symlinkat(to, lower, name), 0);
	assert_int_equal(symlinkat(now_to, upper, name), 0);
	assert_int_equal(utimensat(lower, name, at, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(utimensat(upper, name, at, AT_SYMLINK_NOFOLLOW), 0);
}

/* No link is followed, no FIFO and no device opened. */
static void whole_others(void **state)
{
	const struct timespec at[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

	(void)state;
	link_both("link-same", "/etc/passwd", "/etc/passwd");
	link_both("link-other", "/etc/passwd", "/etc/shadow");
	put(lower, "file", "x");
	assert_int_equal(symlinkat("/proc/self/mem", upper, "file"), 0);
	put(lower, "pipe", "");
	assert_int_equal(mkfifoat(upper, "pipe", 0644), 0);
	assert_int_equal(mkfifoat(upper, "pipes", 0644), 0);
	assert_int_equal(mkfifoat(lower, "pipes", 0644), 0);
	assert_int_equal(utimensat(upper, "pipes", at, 0), 0);
	assert_int_equal(utimensat(lower, "pipes", at, 0), 0);
	expect_whole("C /file\nC /link-other\nC /pipe\n");
	if (mknodat(upper, "white", S_IFCHR, makedev(0, 0)) < 0)
		skip();
	expect_whole("C /file\nC /link-other\nC /pipe\nA /white\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("tree-diff", CASE(nothing_below), CASE(folders), CASE(kinds), CASE(what_has_gone), CASE(whole_files),
	  CASE(one_with_a_lease), CASE(whole_folders), CASE(whole_others))
