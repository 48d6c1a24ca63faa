#include "test.h"
#include "beneath.h"
#include "file.h"
#include <fcntl.h>

/* DIR/root is the folder that is held; DIR/outside is what must not be reached. */
static char dir[64];
static int root = -1;

static char *in(const char *name)
{
	static char path[8][256];
	static unsigned turn;
	char *p = path[turn++ % 8];

	(void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/davit-test-beneath-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(file_mkdirs(in("root/sub/deep"), 0755, NULL) | file_mkdirs(in("outside"), 0755, NULL), 0);
	assert_int_equal(file_write(in("root/sub/file"), "mine", 4, 0600, NULL), 0);
	assert_int_equal(file_write(in("outside/secret"), "x", 1, 0600, NULL), 0);
	assert_int_equal(symlink("../outside", in("root/out")), 0);
	assert_int_equal(symlink(in("outside"), in("root/absolute")), 0);
	assert_int_equal(symlink("sub", in("root/inner")), 0);
	assert_int_equal(symlink("/sub", in("root/rooted")), 0);
	root = open(in("root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(root);
	return file_remove_tree(dir, NULL);
}

static void follows_nothing(void **state)
{
	static const struct {
		const char *path;
		int flags, want;
	} rows[] = {
		{ "sub/file", O_RDONLY, 0 },
		{ "sub/deep", O_RDONLY | O_DIRECTORY, 0 },
		{ ".", O_RDONLY | O_DIRECTORY, 0 },
		{ "out/secret", O_RDONLY, ELOOP },
		{ "absolute/secret", O_RDONLY, ELOOP },
		{ "inner/file", O_RDONLY, ELOOP },
		{ "out", O_RDONLY, ELOOP },
		{ "out", O_PATH | O_NOFOLLOW, 0 },
		{ "../outside/secret", O_RDONLY, EXDEV },
		{ "sub/../../outside/secret", O_RDONLY, EXDEV },
		{ "/etc/passwd", O_RDONLY, EXDEV },
		{ "none", O_RDONLY, ENOENT },
		{ "sub/file", O_RDONLY | O_DIRECTORY, ENOTDIR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_close_ int fd = beneath_open(root, rows[i].path, rows[i].flags);
		int got = fd < 0 ? errno : 0;

		if (got != rows[i].want)
			fail_msg("%s: %s", rows[i].path, strerror(got));
		if (fd >= 0)
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
}

static void goes_straight(void **state)
{
	const struct {
		int at;
		const char *path;
		int want;
	} rows[] = {
		{ root, "sub/file", 0 },
		{ root, ".", 0 },
		{ root, "inner/file", ELOOP },
		{ root, "out", ELOOP },
		{ root, "../outside", EXDEV },
		{ root, "none", ENOENT },
		{ AT_FDCWD, in("root/sub/file"), 0 },
		{ AT_FDCWD, in("root/inner/file"), ELOOP },
		{ AT_FDCWD, "/proc/self", ELOOP },
		{ AT_FDCWD, "/proc/1/status", 0 }, /* a mount is entered */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_close_ int fd = beneath_open_straight(rows[i].at, rows[i].path, O_PATH);
		int got = fd < 0 ? errno : 0;

		if (got != rows[i].want)
			fail_msg("%s: %s", rows[i].path, strerror(got));
	}
}

/* What /proc's links lead to is somewhere else, whoever holds it. */
static void follows_no_descriptor(void **state)
{
	_cleanup_close_ int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(beneath_open(proc, "root/etc", O_PATH), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(beneath_open_as_root(proc, "cwd/.", O_PATH), -1);
	assert_int_equal(errno, ELOOP);
}

static void links_end_in_the_root(void **state)
{
	static const struct {
		const char *path;
		int want;
	} rows[] = {
		{ "inner/file", 0 },     { "rooted/file", 0 },     { "/sub/file", 0 },
		{ "../../sub/file", 0 }, { "out/secret", ENOENT }, { "absolute/secret", ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_close_ int fd = beneath_open_as_root(root, rows[i].path, O_RDONLY);

		assert_int_equal(fd < 0 ? errno : 0, rows[i].want);
	}
}

static void lists_from_the_start(void **state)
{
	_cleanup_(closedirp) DIR *a = beneath_list(root), *b = beneath_list(root);
	int n = 0;

	(void)state;
	assert_non_null(readdir(a));
	for (struct dirent *e; (e = readdir(b));)
		n += !beneath_is_dots(e->d_name);
	assert_int_equal(n, 5);
	assert_null(beneath_list(-1));
}

/* The file that is held gets it, not what its name leads to by now. */
static void changes_what_is_held(void **state)
{
	_cleanup_close_ int fd = beneath_open(root, "sub/file", O_PATH), link = beneath_open(root, "out", O_PATH | O_NOFOLLOW);
	struct stat st;

	(void)state;
	assert_int_equal(rename(in("root/sub/file"), in("root/sub/moved")), 0);
	assert_int_equal(symlink("../../outside/secret", in("root/sub/file")), 0);
	assert_int_equal(beneath_chmod(fd, 04755), 0);
	assert_int_equal(stat(in("root/sub/moved"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 04755);
	assert_int_equal(stat(in("outside/secret"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(beneath_link(fd, root, "again"), 0);
	assert_int_equal(stat(in("root/again"), &st), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(beneath_link(fd, root, "again"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(beneath_chmod(link, 0777), -1); /* a link has no mode to speak of */
	assert_int_equal(stat(in("outside"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void moves_over_nothing(void **state)
{
	_cleanup_close_ int sub = beneath_open(root, "sub", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(beneath_move(sub, "file", root, "file"), 0);
	assert_true(file_exists(in("root/file")));
	assert_int_equal(mkdir(in("root/sub/file"), 0700), 0);
	assert_int_equal(beneath_move(root, "file", sub, "file"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(beneath_move(root, "file", root, "out"), -1); /* a link is something too */
	assert_int_equal(errno, EEXIST);
	assert_int_equal(beneath_move(root, "none", root, "new"), -1);
	assert_int_equal(errno, ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("beneath", T(follows_nothing), T(goes_straight), T(follows_no_descriptor), T(links_end_in_the_root),
	  T(lists_from_the_start), T(changes_what_is_held), T(moves_over_nothing))
