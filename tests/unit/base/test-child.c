#include "test.h"
#include "child.h"
#include "clock.h"
#include "mem.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static int fds_before;

static int setup(void **state)
{
	*state = loop_new();
	(void)signal(SIGPIPE, SIG_IGN);
	fds_before = open_fds();
	return 0;
}

static int teardown(void **state)
{
	loop_free(*state);
	return open_fds() == fds_before ? 0 : -1;
}

static struct child *sh(struct loop *l, const char *script, struct child_spec spec)
{
	char sh[] = "sh", flag[] = "-c", *argv[] = { sh, flag, (char *)script, NULL };
	struct child *c = NULL;
	struct err err = ERR_INIT;

	spec.path = "/bin/sh";
	spec.argv = argv;
	spec.out_max = spec.out_max ? spec.out_max : 1000;
	spec.err_max = spec.err_max ? spec.err_max : 1000;
	if (child_start(l, &spec, &c, &err) < 0)
		fail_msg("%s", err.msg);
	return c;
}

static void collects_output_and_status(void **state)
{
	static const struct {
		const char *script, *out, *err, *what;
	} rows[] = {
		{ "echo a; echo b >&2", "a\n", "b\n", "exit status 0" },
		{ "exit 3", "", "", "exit status 3" },
		{ "kill -9 $$", "", "", "killed by signal 9 (Killed)" },
		{ "cat", "", "", "exit status 0" }, /* standard input is /dev/null */
		{ "printf x; exec >&- 2>&-; exit 1", "x", "", "exit status 1" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(child_freep) struct child *c = sh(*state, rows[i].script, (struct child_spec){ 0 });
		struct err err = ERR_INIT;
		char text[64];
		int status = child_wait(c, NULL, &err);

		assert_true(status >= 0);
		assert_string_equal(child_describe(status, text), rows[i].what);
		assert_string_equal(buf_str(child_out(c)), rows[i].out);
		assert_string_equal(buf_str(child_err(c)), rows[i].err);
		assert_true(child_ended(c));
		assert_int_equal(child_status(c), status);
		child_kill(c, SIGTERM); /* nothing any more */
	}
}

static void feeds_much_input(void **state)
{
	enum { SIZE = 1000000 };
	_cleanup_free_ char *data = mem_zalloc(SIZE);
	struct err err = ERR_INIT;
	static const struct {
		const char *script, *out;
	} rows[] = {
		{ "cat | wc -c", "1000000\n" },
		{ "head -c 10 >/dev/null; exit 0", "" }, /* who does not read it all is no error */
		{ "exec <&-; echo deaf", "deaf\n" },
	};

	memset(data, 'x', SIZE);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(child_freep) struct child *c =
			sh(*state, rows[i].script, (struct child_spec){ .input = data, .input_len = SIZE });

		assert_int_equal(child_wait(c, NULL, &err), 0);
		assert_string_equal(buf_str(child_out(c)), rows[i].out);
	}
	{
		_cleanup_(child_freep) struct child *c = sh(*state, "cat; echo end", (struct child_spec){ .input = "" });

		assert_int_equal(child_wait(c, NULL, &err), 0); /* an empty input ends, too */
		assert_string_equal(buf_str(child_out(c)), "end\n");
	}
}

static void keeps_no_more_than_the_cap(void **state)
{
	_cleanup_(child_freep) struct child *c = sh(*state, "yes | head -c 500000; yes | head -c 500000 >&2; exit 5",
						    (struct child_spec){ .out_max = 10, .err_max = 100000 });
	struct err err = ERR_INIT;

	assert_int_equal(WEXITSTATUS(child_wait(c, NULL, &err)), 5);
	assert_int_equal(child_out(c)->len, 10);
	assert_int_equal(child_err(c)->len, 100000);
}

static void says_what_is_missing(void **state)
{
	char prog[] = "prog";
	struct child_spec spec = { .path = "/nonexistent/prog", .argv = (char *[]){ prog, NULL } };
	struct child *c = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(child_start(*state, &spec, &c, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "/nonexistent/prog"));
	assert_null(c);
	err = (struct err)ERR_INIT;
	spec.path = "/etc/passwd";
	assert_int_equal(child_start(*state, &spec, &c, &err), -ERR_PERMISSION);
}

static void waits_no_longer_than_told(void **state)
{
	_cleanup_(child_freep) struct child *c = sh(*state, "exec sleep 100", (struct child_spec){ 0 });
	struct ctx soon = ctx_within(NULL, 30);
	struct err err = ERR_INIT;

	assert_int_equal(child_wait(c, &soon, &err), -ERR_DEADLINE);
	assert_false(child_ended(c));
	child_kill(c, SIGTERM);
	err = (struct err)ERR_INIT;
	assert_int_equal(WTERMSIG(child_wait(c, NULL, &err)), SIGTERM);
}

static void freeing_kills(void **state)
{
	struct child *c = sh(*state, "trap '' TERM; exec sleep 100", (struct child_spec){ 0 });
	pid_t pid = child_pid(c);

	assert_int_equal(kill(pid, 0), 0);
	child_free(c);
	assert_int_equal(kill(pid, 0), -1); /* reaped as well */
}

static void a_grandchild_holds_up_nobody(void **state)
{
	_cleanup_(child_freep) struct child *c = sh(*state, "sleep 20 & echo $!; exit 4", (struct child_spec){ 0 });
	struct ctx limit = ctx_within(NULL, 10000);
	struct err err = ERR_INIT;
	int64_t began = clock_mono();

	assert_int_equal(WEXITSTATUS(child_wait(c, &limit, &err)), 4);
	assert_true(clock_mono() - began < 5 * NSEC_PER_SEC);
	assert_true(child_out(c)->len > 1);
	(void)kill((pid_t)strtol(buf_str(child_out(c)), NULL, 10), SIGKILL);
}

/* With all that it started, whatever of the two it writes into. */
static void a_flood_is_ended(void **state)
{
	static const char *const scripts[] = { "yes & exec yes", "exec yes >&2", "trap '' TERM INT; while :; do echo x; done" };

	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		_cleanup_(child_freep) struct child *c =
			sh(*state, scripts[i], (struct child_spec){ .group = true, .flood_max = 100000 });
		struct ctx limit = ctx_within(NULL, 60000);
		struct err err = ERR_INIT;
		int status = child_wait(c, &limit, &err);

		assert_true(status >= 0);
		assert_int_equal(WTERMSIG(status), SIGKILL);
		assert_true(child_flooded(c));
		assert_int_equal(child_out(c)->len + child_err(c)->len, 1000);
		assert_int_equal(kill(child_pid(c), 0), -1); /* reaped */
	}
	{
		_cleanup_(child_freep) struct child *c =
			sh(*state, "yes | head -c 100000", (struct child_spec){ .flood_max = 100000 });

		assert_int_equal(child_wait(c, NULL, NULL), 0);
		assert_false(child_flooded(c));
	}
}

static void hands_on_one_descriptor_only(void **state)
{
	_cleanup_close_ int held = open("/etc/passwd", O_RDONLY | O_CLOEXEC), other = open("/etc/group", O_RDONLY | O_CLOEXEC);
	_cleanup_(child_freep) struct child *c =
		sh(*state, "cd /proc/self/fd && ls -l 3 | grep -c passwd; ls -l | grep -c /etc/group",
		   (struct child_spec){ .hold_fd = held });
	struct err err = ERR_INIT;

	assert_true(other >= 0);
	assert_true(child_wait(c, NULL, &err) >= 0);
	assert_string_equal(buf_str(child_out(c)), "1\n0\n");
}

/* Whatever their numbers are here: copies to 3 and 4 do not overwrite each other. */
static void descriptors_may_cross(void **state)
{
	static const int rows[][2] = { { 3, 4 }, { 4, 3 }, { 4, 20 }, { 20, 3 }, { 20, 21 }, { 20, 4 }, { 3, 20 } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int hold = rows[i][0], also = rows[i][1], old[2] = { fcntl(3, F_DUPFD_CLOEXEC, 40), fcntl(4, F_DUPFD_CLOEXEC, 40) };
		int passwd = open("/etc/passwd", O_RDONLY | O_CLOEXEC), group = open("/etc/group", O_RDONLY | O_CLOEXEC);
		int high[2] = { fcntl(passwd, F_DUPFD_CLOEXEC, 50), fcntl(group, F_DUPFD_CLOEXEC, 50) };
		struct child *c;

		(void)close(passwd);
		(void)close(group);
		assert_int_equal(dup3(high[0], hold, O_CLOEXEC), hold);
		assert_int_equal(dup3(high[1], also, O_CLOEXEC), also);
		c = sh(*state, "cd /proc/self/fd && readlink 3 4", (struct child_spec){ .hold_fd = hold, .also_fd = also });
		for (int k = 0; k < 2; k++) {
			(void)close(high[k]);
			(void)close(rows[i][k]);
		}
		for (int k = 0; k < 2; k++) {
			if (old[k] >= 0)
				assert_int_equal(dup3(old[k], 3 + k, O_CLOEXEC), 3 + k);
			if (old[k] >= 0)
				(void)close(old[k]);
		}
		assert_true(child_wait(c, NULL, NULL) >= 0);
		assert_string_equal(buf_str(child_out(c)), "/etc/passwd\n/etc/group\n");
		child_free(c);
	}
}

static void signals_are_as_new(void **state)
{
	_cleanup_(child_freep) struct child *c = NULL;
	struct err err = ERR_INIT;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	c = sh(*state, "sed -n -E 's/^Sig(Blk|Ign):.*(.{7})/\\1 \\2/p' /proc/self/status", (struct child_spec){ 0 });
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	assert_int_equal(child_wait(c, NULL, &err), 0);
	assert_string_equal(buf_str(child_out(c)), "Blk 0000000\nIgn 0000000\n");
}

static void environment_and_group(void **state)
{
	char only[] = "ONLY=this", *env[] = { only, NULL };
	_cleanup_(child_freep) struct child *c = sh(*state, "echo $ONLY$HOME; exec cut -d' ' -f5 /proc/self/stat",
						    (struct child_spec){ .envp = env, .group = true });
	struct err err = ERR_INIT;
	char want[40];

	assert_true(child_wait(c, NULL, &err) >= 0);
	(void)snprintf(want, sizeof want, "this\n%d\n", child_pid(c));
	assert_string_equal(buf_str(child_out(c)), want);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("child", T(collects_output_and_status), T(feeds_much_input), T(keeps_no_more_than_the_cap), T(says_what_is_missing),
	  T(waits_no_longer_than_told), T(freeing_kills), T(a_grandchild_holds_up_nobody), T(a_flood_is_ended),
	  T(hands_on_one_descriptor_only), T(descriptors_may_cross), T(signals_are_as_new), T(environment_and_group))
