#include "test.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <sched.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>

static char dir[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/davit-test-file-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

static char *in(const char *name)
{
	static char path[8][256];
	static unsigned turn;
	char *p = path[turn++ % 8];

	(void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *text) { assert_int_equal(file_write(in(name), text, strlen(text), 0644, NULL), 0); }

static void reads_up_to_a_limit(void **state)
{
	static const struct {
		size_t size, max;
		int want;
	} rows[] = {
		{ 0, 0, 0 },
		{ 1, 0, -ERR_EXHAUSTED },
		{ 100, 100, 0 },
		{ 101, 100, -ERR_EXHAUSTED },
		{ 16384, 16384, 0 },
		{ 16385, 16385, 0 },
		{ 50000, 49999, -ERR_EXHAUSTED },
		{ 50000, 50000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 };
		_cleanup_free_ char *data = mem_zalloc(rows[i].size + 1);
		struct err err = ERR_INIT;

		memset(data, 'x', rows[i].size);
		assert_int_equal(file_write(in("f"), data, rows[i].size, 0600, &err), 0);
		buf_adds(&out, "before");
		assert_int_equal(file_read(in("f"), rows[i].max, &out, &err), rows[i].want);
		assert_int_equal(out.len, 6 + (rows[i].want ? 0 : rows[i].size)); /* nothing is added on failure */
		assert_memory_equal(out.data, "before", 6);
	}
}

static void reads_what_has_no_size(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_read("/proc/self/status", 65536, &out, &err), 0);
	assert_non_null(strstr(buf_str(&out), "Pid:"));
	assert_int_equal(file_read(dir, 100, &out, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, dir));
	err = (struct err)ERR_INIT;
	assert_int_equal(file_read(in("none"), 100, &out, &err), -ERR_NOT_FOUND);
}

/* Nothing that stands where a file should makes anybody wait. */
static void never_waits(void **state)
{
	static const struct {
		const char *name, *says;
	} rows[] = {
		{ "fifo", "a FIFO" },     { "socket", "a socket" }, { "folder", "a folder" },
		{ "device", "a device" }, { "link", "a FIFO" },
	};
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	_cleanup_close_ int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	(void)snprintf(un.sun_path, sizeof un.sun_path, "%s", in("socket"));
	assert_int_equal(mkfifo(in("fifo"), 0600) | bind(s, (void *)&un, sizeof un) | mkdir(in("folder"), 0700), 0);
	assert_int_equal(symlink("fifo", in("link")) | symlink("/dev/zero", in("device")), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(file_read(in(rows[i].name), 100, &out, &err), -ERR_INVALID);
		assert_non_null(strstr(err.msg, rows[i].says));
		err_clear(&err);
		assert_int_equal(file_check(in(rows[i].name), &err), -ERR_INVALID);
		assert_non_null(strstr(err.msg, rows[i].says));
		assert_int_equal(out.len, 0);
	}
	assert_int_equal(file_check(in("none"), NULL), 0);
	put("f", "x");
	assert_int_equal(file_check(in("f"), NULL), 0);
}

static void reads_what_is_given(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct ctx soon = ctx_within(NULL, 50);
	struct cancel token = { .fd = eventfd(1, EFD_CLOEXEC), .on = SIGINT };
	struct ctx cancelled = { .cancel = &token };
	struct err err = ERR_INIT;
	int ends[2], status;
	char path[40];
	pid_t pid;

	(void)state;
	assert_int_equal(mkfifo(in("given"), 0600) | pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(file_read_given(in("given"), 100, &soon, &out, NULL), -ERR_DEADLINE); /* no writer comes */
	assert_int_equal(file_read_given(in("given"), 100, &cancelled, &out, NULL), -ERR_CANCELLED);
	assert_int_equal(file_read_given(in("given"), 100, NULL, &out, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "given: a pipe that nobody writes to"));
	(void)snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
	soon = ctx_within(NULL, 50);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	assert_int_equal(file_read_given(path, 100, &soon, &out, NULL), -ERR_DEADLINE); /* nor an end */
	assert_int_equal(out.len, 0);
	(void)close(ends[1]);
	(void)close(ends[0]);
	pid = fork(); /* no thread runs here */
	if (pid == 0) {
		int fd = open(in("given"), O_WRONLY | O_CLOEXEC);

		_exit(write(fd, "late", 4) != 4);
	}
	assert_int_equal(file_read_given(in("given"), 100, NULL, &out, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_string_equal(buf_str(&out), "late");
	assert_int_equal(file_read_given("/dev/zero", 100, NULL, &out, NULL), -ERR_EXHAUSTED);
	assert_int_equal(file_read_given("/dev/null", 100, NULL, &out, NULL), 0);
	assert_int_equal(file_read_given(dir, 100, NULL, &out, NULL), -ERR_INVALID);
	assert_string_equal(buf_str(&out), "late");
	(void)close(token.fd);
}

static void writes_whole_files_only(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;
	struct stat st;
	mode_t old = umask(077);

	(void)state;
	put("f", "old and long");
	assert_int_equal(file_write(in("f"), "new", 3, 0640, &err), 0);
	(void)umask(old);
	assert_int_equal(stat(in("f"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640); /* whatever the umask */
	assert_int_equal(file_read(in("f"), 100, &out, &err), 0);
	assert_string_equal(buf_str(&out), "new");
	assert_int_equal(symlink("f", in("link")), 0);
	put("link", "beside");
	assert_int_equal(lstat(in("link"), &st), 0);
	assert_true(S_ISREG(st.st_mode)); /* replaced, not written through */
	assert_int_equal(file_write(in("no/f"), "x", 1, 0600, &err), -ERR_NOT_FOUND);
	err = (struct err)ERR_INIT;
	assert_int_equal(mkdir(in("folder"), 0700), 0);
	assert_true(file_write(in("folder"), "x", 1, 0600, &err) < 0);
	assert_int_equal(rmdir(in("folder")), 0);
	assert_int_equal(file_remove_tree(in("link"), NULL), 0);
	assert_int_equal(file_remove_tree(in("f"), NULL), 0);
	assert_int_equal(rmdir(dir), 0); /* no temporary file is left */
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void makes_folders(void **state)
{
	static const char *const rows[] = { "a", "b/c/d", "e//f/", "a", "b/c/d/e" };
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(file_mkdirs(in(rows[i]), 0755, &err), 0);
		assert_int_equal(stat(in(rows[i]), &st), 0);
		assert_true(S_ISDIR(st.st_mode));
	}
	assert_int_equal(file_mkdirs("/", 0755, &err), 0);
	put("file", "");
	assert_int_equal(file_mkdirs(in("file"), 0755, &err), -ERR_INVALID);
	err = (struct err)ERR_INIT;
	assert_int_equal(file_mkdirs(in("file/below"), 0755, &err), -ERR_INVALID);
	err = (struct err)ERR_INIT;
	assert_true(file_mkdirs("", 0755, &err) < 0);
}

/* The last folder has its mode, its parents have not, whatever the umask. */
static void makes_modes(void **state)
{
	static const mode_t masks[] = { 0, 022, 077 };
	static const struct {
		const char *path;
		mode_t mode;
	} rows[] = {
		{ "a", 0755 }, { "a/b", 0755 }, { "a/b/c", 0711 }, { "p", 0700 }, { "p/q", 0700 }, { "own", 0711 }, { "t", 01777 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof masks / sizeof *masks; k++) {
		mode_t old = umask(masks[k]);

		assert_int_equal(file_mkdirs(in("a/b/c"), 0711, NULL), 0);
		assert_int_equal(file_mkdirs_private(in("p/q"), NULL), 0);
		assert_int_equal(file_own_folder(in("own"), 0711, NULL), 0);
		assert_int_equal(file_mkdirs(in("t"), 01777, NULL), 0);
		(void)umask(old);
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			struct stat st;

			assert_int_equal(stat(in(rows[i].path), &st), 0);
			assert_int_equal(st.st_mode & 07777, rows[i].mode);
			assert_int_equal(file_mkdirs(in(rows[i].path), 0777, NULL), 0); /* it stays as it is */
			assert_int_equal(stat(in(rows[i].path), &st), 0);
			assert_int_equal(st.st_mode & 07777, rows[i].mode);
		}
		assert_int_equal(file_remove_tree(in("a"), NULL) | file_remove_tree(in("p"), NULL) |
					 file_remove_tree(in("own"), NULL) | file_remove_tree(in("t"), NULL),
				 0);
	}
}

static void narrows_its_own(void **state)
{
	static const struct {
		mode_t found, want, left;
	} rows[] = {
		{ 0755, 0700, 0700 }, { 0711, 0700, 0700 }, { 0700, 0711, 0700 }, { 01777, 0711, 0711 }, { 0700, 0700, 0700 },
	};
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(in("own"), 0700), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(chmod(in("own"), rows[i].found), 0);
		assert_int_equal(file_own_folder(in("own"), rows[i].want, NULL), 0);
		assert_int_equal(stat(in("own"), &st), 0);
		assert_int_equal(st.st_mode & 07777, rows[i].left);
	}
	if (geteuid() == 0) {
		assert_int_equal(chown(in("own"), 65534, 65534), 0);
		assert_int_equal(file_own_folder(in("own"), 0700, NULL), 0);
		assert_int_equal(stat(in("own"), &st), 0);
		assert_int_equal(st.st_uid, 0);
	}
	put("plain", "");
	assert_int_equal(file_own_folder(in("plain"), 0600, NULL), -ERR_INVALID);
}

static void removes_trees_but_not_what_links_lead_to(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_mkdirs(in("keep"), 0755, &err), 0);
	put("keep/file", "x");
	assert_int_equal(file_mkdirs(in("tree/a/b/c"), 0755, &err), 0);
	put("tree/a/b/file", "x");
	assert_int_equal(symlink("../keep", in("tree/link")), 0);
	assert_int_equal(symlink("loop", in("tree/loop")), 0);
	assert_int_equal(mkfifo(in("tree/fifo"), 0600), 0);
	assert_int_equal(chmod(in("tree/a"), 0700), 0);
	assert_int_equal(file_remove_tree(in("tree"), &err), 0);
	assert_false(file_exists(in("tree")));
	assert_true(file_exists(in("keep/file")));
	assert_int_equal(file_remove_tree(in("tree"), &err), 0); /* absent is fine */
	assert_int_equal(symlink("keep", in("top")), 0);
	assert_int_equal(file_remove_tree(in("top"), &err), 0);
	assert_true(file_exists(in("keep/file")));
	put("plain", "x");
	assert_int_equal(file_remove_tree(in("plain"), &err), 0);
}

static void removes_what_is_deeper_than_descriptors(void **state)
{
	char taken[64];
	_cleanup_close_ int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_INIT;

	(void)state;
	(void)snprintf(taken, sizeof taken, "deep/.davit-removed-%d-0/full",
		       getpid()); /* who made the tree may have guessed that */
	assert_int_equal(file_mkdirs(in(taken), 0755, NULL), 0);
	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(i && mkdirat(at, "deep", 0700), 0);
		next = openat(at, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		(void)close(at);
		at = next;
	}
	assert_int_equal(file_remove_tree(in("deep"), &err), 0);
	assert_false(file_exists(in("deep")));
}

/* In a child: unshare(2) would change the other tests' world. */
static int try_mounts(void)
{
	struct err err = ERR_INIT;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(in("host"), in("tree/mnt"), NULL, MS_BIND, NULL) < 0)
		return 77;
	return file_remove_tree(in("tree"), &err) == -ERR_PRECONDITION && file_exists(in("host/precious")) ? 0 : 1;
}

static void never_enters_a_mount(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(file_mkdirs(in("tree/mnt"), 0755, NULL), 0);
	assert_int_equal(file_mkdirs(in("host"), 0755, NULL), 0);
	put("host/precious", "x");
	pid = fork(); /* no thread runs here */
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(try_mounts());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* mounting needs root */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void finds_programs(void **state)
{
	_cleanup_free_ char *list = mem_printf("/nonexistent::%s:/bin", dir), *mine = NULL, *sh = NULL;

	(void)state;
	put("prog", "#!/bin/sh\n");
	assert_false(file_executable(in("prog")));
	assert_null(file_find(list, "prog"));
	assert_int_equal(chmod(in("prog"), 0755), 0);
	mine = file_find(list, "prog");
	assert_string_equal(mine, in("prog"));
	sh = file_find(list, "sh");
	assert_string_equal(sh, "/bin/sh");
	assert_false(file_executable(dir)); /* a folder is none */
	assert_null(file_find("", "sh"));
	assert_null(file_find(NULL, "sh"));
	assert_null(file_find("/bin:", "no-such-program"));
}

static void locks_once(void **state)
{
	_cleanup_close_ int a = -1, b = -1;
	struct err err = ERR_INIT;
	struct ctx soon = ctx_within(NULL, 30);
	struct stat st;

	(void)state;
	a = file_lock(in("lock"), false, NULL, &err);
	assert_true(a >= 0);
	assert_int_equal(stat(in("lock"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fcntl(a, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_lock(in("lock"), false, NULL, &err), -ERR_PRECONDITION);
	err = (struct err)ERR_INIT;
	assert_int_equal(file_lock(in("lock"), true, &soon, &err), -ERR_DEADLINE);
	(void)close(TAKE_FD(a));
	err = (struct err)ERR_INIT;
	b = file_lock(in("lock"), false, NULL, &err);
	assert_true(b >= 0);
	assert_int_equal(symlink("lock", in("link")), 0);
	assert_true(file_lock(in("link"), false, NULL, &err) < 0); /* links are not followed */
}

/* The holder removes the file while another waits: the waiter must end with a lock that the next one sees. */
static void a_removed_lock_is_made_anew(void **state)
{
	_cleanup_close_ int held = file_lock(in("lock"), false, NULL, NULL), ours = -1;
	int ends[2], status;
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork(); /* no thread runs here */
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd;

		(void)close(held);
		(void)!write(ends[1], "x", 1);
		fd = file_lock(in("lock"), true, NULL, NULL);
		(void)!write(ends[1], "y", 1);
		(void)pause();
		_exit(fd < 0);
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(unlink(in("lock")), 0);
	(void)close(TAKE_FD(held));
	assert_int_equal(read(ends[0], &c, 1), 1);
	ours = file_lock(in("lock"), false, NULL, NULL);
	assert_int_equal(ours, -ERR_PRECONDITION);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* Holders that remove it and holders that do not, all at once: never two at a time, and nobody waits for ever. */
static void many_take_turns(void **state)
{
	enum { PROCESSES = 4, ROUNDS = 100 };
	_cleanup_close_ int sum = open(in("sum"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	const struct ctx limit = ctx_within(NULL, 60000);
	pid_t pid[PROCESSES];
	int n = 0, status;

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork(); /* no thread runs here */
		for (int k = 0; pid[i] == 0 && k < ROUNDS; k++) {
			int fd = file_lock(in("turns"), true, &limit, NULL);

			if (fd < 0 || pread(sum, &n, sizeof n, 0) < 0)
				_exit(1);
			n++;
			(void)sched_yield();
			if (pwrite(sum, &n, sizeof n, 0) != (ssize_t)sizeof n)
				_exit(1);
			if (k % 2)
				(void)unlink(in("turns"));
			(void)close(fd);
		}
		if (pid[i] == 0)
			_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(pread(sum, &n, sizeof n, 0), sizeof n);
	assert_int_equal(n, PROCESSES * ROUNDS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("file", T(reads_up_to_a_limit), T(reads_what_has_no_size), T(never_waits), T(reads_what_is_given),
	  T(writes_whole_files_only), T(makes_folders), T(makes_modes), T(narrows_its_own),
	  T(removes_trees_but_not_what_links_lead_to), T(removes_what_is_deeper_than_descriptors), T(never_enters_a_mount),
	  T(finds_programs), T(locks_once), T(a_removed_lock_is_made_anew), T(many_take_turns))
