/* With a real containerd below a folder of its own. What needs root or the program is counted as skipped, with its reason. */
#include "test.h"
#include "own.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct fixture {
	char *dir, *run, *data;
	struct core_conf conf;
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	f->dir = mem_strdup("/tmp/davit-test-engine-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->run = mem_printf("%s/run", f->dir);
	f->data = mem_printf("%s/data", f->dir);
	f->conf = (struct core_conf){ .ns = "davit", .run_dir = f->run, .data_dir = f->data };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(own_stop(&f->conf, true, NULL, NULL), 0);
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f->run);
	free(f->data);
	free(f->dir);
	free(f);
	return 0;
}

static bool can_run(void)
{
	_cleanup_free_ char *program = file_find("/usr/local/bin:/usr/bin:/usr/sbin", "containerd");

	if (geteuid() == 0 && program)
		return true;
	print_message("skipped: needs root and a program containerd\n");
	return false;
}

static void starts_once_and_stops(void **state)
{
	struct fixture *f = *state;
	_cleanup_(own_status_done) struct own_status s = { 0 }, again = { 0 }, after = { 0 };
	_cleanup_free_ char *config = mem_printf("%s/engine/config.toml", f->data), *sock = own_address(&f->conf);
	struct err err = ERR_INIT;

	if (!can_run())
		skip();
	assert_false(own_running(&f->conf));
	if (own_start(&f->conf, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(own_running(&f->conf));
	assert_int_equal(own_get_status(&f->conf, NULL, &s, NULL), 0);
	assert_true(s.running);
	assert_int_equal(getpgid(s.pid), s.pid); /* its own session: our Ctrl-C does not reach it */
	assert_int_equal(getsid(s.pid), s.pid);
	assert_string_equal(s.config, config);
	assert_string_equal(s.address, sock);
	assert_non_null(s.version);
	assert_non_null(strstr(s.program, "containerd"));
	assert_int_equal(s.jobs, 0);
	assert_int_equal(own_start(&f->conf, NULL, NULL), 0);
	assert_int_equal(own_get_status(&f->conf, NULL, &again, NULL), 0);
	assert_int_equal(again.pid, s.pid);
	assert_int_equal(own_stop(&f->conf, false, NULL, NULL), 0);
	assert_int_equal(kill(s.pid, 0), -1);
	assert_false(file_exists(sock));
	assert_int_equal(own_get_status(&f->conf, NULL, &after, NULL), 0);
	assert_false(after.running);
	assert_int_equal(own_stop(&f->conf, false, NULL, NULL), 0);
}

/* Exit status of a shell's command. */
static int shell(const char *command)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_strv_ struct strv argv = { 0 };
	struct child_spec spec = { .path = "/bin/sh", .inherit_out = true, .inherit_err = true };
	struct child *child;
	int status;

	strv_push(&argv, "sh");
	strv_push(&argv, "-c");
	strv_push(&argv, command);
	spec.argv = strv_argv(&argv);
	assert_int_equal(child_start(loop, &spec, &child, NULL), 0);
	status = child_wait(child, NULL, NULL);
	child_free(child);
	return status;
}

/* @script runs with the socket as $SOCK; skips the case where it says 77. */
static void with_engine(const struct fixture *f, const char *script)
{
	_cleanup_free_ char *sock = own_address(&f->conf), *command = mem_printf("SOCK=%s DIR=%s; %s", sock, f->dir, script);
	int r = shell(command);

	if (r == 77)
		skip();
	assert_int_equal(r, 0);
}

/* Whose shim says nothing is ended by its cgroup, and keeps none of the others from its end. */
static void force_ends_what_hangs(void **state)
{
	struct fixture *f = *state;
	_cleanup_(own_status_done) struct own_status s = { 0 };
	struct err err = ERR_INIT;

	if (!can_run())
		skip();
	assert_int_equal(own_start(&f->conf, NULL, NULL), 0);
	with_engine(f, "command -v ctr >/dev/null && command -v runc >/dev/null && test -x /bin/busybox || "
		       "{ echo skipped: needs ctr, runc and /bin/busybox; exit 77; }; "
		       "mkdir -p $DIR/rootfs && cp /bin/busybox $DIR/rootfs/ && for id in hangs other; do "
		       "ctr -a $SOCK -n elsewhere run -d --rootfs $DIR/rootfs $id /busybox sleep 1000 >/dev/null || exit 1; done; "
		       "kill -STOP $(pgrep -f \"[c]ontainerd-shim.*-id hangs -address $SOCK\")");
	assert_int_equal(own_get_status(&f->conf, NULL, &s, NULL), 0);
	assert_int_equal(s.jobs, 2);
	if (own_stop(&f->conf, true, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(own_running(&f->conf));
	with_engine(f,
		    "for i in $(seq 20); do pgrep -f \"[c]ontainerd-shim.*$SOCK\" >/dev/null || exit 0; sleep 0.2; done; exit 1");
	with_engine(
		f,
		"! cat /sys/fs/cgroup/*/elsewhere/*/cgroup.procs /sys/fs/cgroup/elsewhere/*/cgroup.procs 2>/dev/null | grep -q .");
}

/* A job in any namespace keeps the engine; force ends both, and no shim stays behind. */
static void keeps_running_jobs(void **state)
{
	struct fixture *f = *state;
	_cleanup_(own_status_done) struct own_status s = { 0 };
	_cleanup_free_ char *root = mem_printf("%s/rootfs", f->dir), *sock = own_address(&f->conf), *command = NULL, *shims = NULL;
	struct err err = ERR_INIT;

	if (!can_run())
		skip();
	if (shell("command -v ctr >/dev/null && command -v runc >/dev/null && test -x /bin/busybox") != 0) {
		print_message("skipped: needs ctr, runc and /bin/busybox\n");
		skip();
	}
	assert_int_equal(own_start(&f->conf, NULL, NULL), 0);
	command = mem_printf("mkdir -p %s && cp /bin/busybox %s/ && "
			     "ctr -a %s -n elsewhere run -d --rootfs %s web /busybox sleep 1000 >/dev/null",
			     root, root, sock, root);
	assert_int_equal(shell(command), 0);
	assert_int_equal(own_get_status(&f->conf, NULL, &s, NULL), 0);
	assert_int_equal(s.jobs, 1);
	assert_int_equal(own_stop(&f->conf, false, NULL, &err), -ERR_PRECONDITION);
	assert_string_equal(err.msg, "stop the engine: 1 job runs, the first is web in namespace elsewhere");
	assert_non_null(strstr(err.hint, "--force"));
	assert_true(own_running(&f->conf));
	err_clear(&err);
	if (own_stop(&f->conf, true, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(own_running(&f->conf));
	shims = mem_printf(
		"for i in 1 2 3 4 5 6 7 8 9; do pgrep -f '[c]ontainerd-shim.*%s' >/dev/null || exit 0; sleep 0.2; done; exit 1",
		sock);
	assert_int_equal(shell(shims), 0);
}

static void comes_back_after_a_kill(void **state)
{
	struct fixture *f = *state;
	_cleanup_(own_status_done) struct own_status s = { 0 }, again = { 0 };
	_cleanup_free_ char *sock = own_address(&f->conf);

	if (!can_run())
		skip();
	assert_int_equal(own_start(&f->conf, NULL, NULL), 0);
	assert_int_equal(own_get_status(&f->conf, NULL, &s, NULL), 0);
	assert_int_equal(kill(s.pid, SIGKILL), 0);
	assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
	assert_true(file_exists(sock)); /* a dead socket is no engine */
	assert_false(own_running(&f->conf));
	assert_int_equal(own_start(&f->conf, NULL, NULL), 0);
	assert_int_equal(own_get_status(&f->conf, NULL, &again, NULL), 0);
	assert_int_not_equal(again.pid, s.pid);
}

/* Several commands that need an engine at the same moment get one. */
static void starters_agree(void **state)
{
	struct fixture *f = *state;
	pid_t pids[4];
	_cleanup_(own_status_done) struct own_status s = { 0 };

	if (!can_run())
		skip();
	for (size_t i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(own_start(&f->conf, NULL, NULL) == 0 && own_running(&f->conf) ? 0 : 1);
	}
	for (size_t i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(own_get_status(&f->conf, NULL, &s, NULL), 0);
	assert_true(s.running); /* it outlived who started it */
}

static void write_program(const char *path, const char *text)
{
	assert_int_equal(file_write(path, text, strlen(text), 0755, NULL), 0);
}

/* A containerd that ends at once: its last words are the error, nothing runs, and the lock is free. */
static void tells_why_it_ended(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *program = mem_printf("%s/containerd", f->dir), *path = mem_strdup(getenv("PATH"));
	struct err err = ERR_INIT;

	write_program(program, "#!/bin/sh\necho first >&2\necho 'containerd: no space on the moon' >&2\nexit 1\n");
	assert_int_equal(setenv("PATH", f->dir, 1), 0);
	assert_int_equal(own_start(&f->conf, NULL, &err), -ERR_UNAVAILABLE);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_string_equal(err.msg, "start the engine: containerd ended at once: containerd: no space on the moon");
	assert_non_null(strstr(err.hint, "containerd.log"));
	assert_false(own_running(&f->conf));
}

/* A log that has grown long is kept once, so that it does not grow for ever. */
static void turns_its_log(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *program = mem_printf("%s/containerd", f->dir), *path = mem_strdup(getenv("PATH")),
			    *log = mem_printf("%s/engine/containerd.log", f->data), *old = mem_printf("%s.1", log);
	struct stat st;

	write_program(program, "#!/bin/sh\necho ended >&2\n");
	assert_int_equal(setenv("PATH", f->dir, 1), 0);
	assert_int_equal(own_start(&f->conf, NULL, NULL), -ERR_UNAVAILABLE);
	assert_int_equal(truncate(log, 5 << 20), 0);
	assert_int_equal(own_start(&f->conf, NULL, NULL), -ERR_UNAVAILABLE);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_int_equal(stat(old, &st), 0);
	assert_int_equal(st.st_size, 5 << 20);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_size, 6);
}

/* Somebody else starts or stops it, and takes long. */
static void waits_for_the_lock_within_its_time(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *dir = mem_printf("%s/engine", f->data), *path = mem_printf("%s/lock", dir);
	const struct ctx soon = ctx_within(NULL, 50);
	struct err err = ERR_INIT;
	int fd;

	assert_int_equal(file_mkdirs(dir, 0711, NULL), 0);
	fd = file_lock(path, false, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(own_start(&f->conf, &soon, &err), -ERR_DEADLINE);
	assert_non_null(strstr(err.msg, "start the engine: "));
	assert_int_equal(close(fd), 0);
}

/* One that never listens is killed when the wait ends. */
static void gives_up_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *program = mem_printf("%s/containerd", f->dir), *path = mem_strdup(getenv("PATH"));
	_cleanup_free_ char *with = mem_printf("%s:%s", f->dir, path);
	const struct ctx soon = ctx_within(NULL, 200);
	struct err err = ERR_INIT;

	write_program(program, "#!/bin/sh\nexec sleep 100\n");
	assert_int_equal(setenv("PATH", with, 1), 0);
	assert_int_equal(own_start(&f->conf, &soon, &err), -ERR_DEADLINE);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
	assert_int_equal(errno, ECHILD);
}

/* Who listens there but was not started by us is not ended. */
static void spares_strangers(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *folder = mem_printf("%s/engine", f->run), *sock = own_address(&f->conf);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct err err = ERR_INIT;

	assert_int_equal(file_mkdirs(folder, 0700, NULL), 0);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(own_stop(&f->conf, true, NULL, &err), -ERR_PRECONDITION);
	assert_non_null(strstr(err.msg, "was not started by davit"));
	assert_int_equal(unlink(sock), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("engine", T(starts_once_and_stops), T(keeps_running_jobs), T(force_ends_what_hangs), T(comes_back_after_a_kill),
	  T(starters_agree), T(tells_why_it_ended), T(turns_its_log), T(waits_for_the_lock_within_its_time),
	  T(gives_up_at_the_deadline), T(spares_strangers))
