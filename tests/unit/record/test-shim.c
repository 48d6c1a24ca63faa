/* Whose a process of a job's cgroup is: anything can give itself a shim's arguments, a job's own processes too. */
#include "cgroup.h"
#include "file.h"
#include "mem.h"
#include "shim.h"
#include "test.h"
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID "a-00000001"
#define BASH "/bin/bash"

/* A folder for scripts, and where we may make one a cgroup /NS/ID. */
struct stage {
	char *dir, *ns, *top, *own;
	struct core core;
	struct cgroup_pids started;
};

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);
	const char *v1 = file_exists(CGROUPS "/cgroup.controllers") ? "" : "/pids";

	*s = (struct stage){ .dir = mem_strdup("/tmp/davit-shim.XXXXXX"), .ns = mem_printf("davit-test-%d", (int)getpid()) };
	assert_non_null(mkdtemp(s->dir));
	s->top = mem_printf(CGROUPS "%s/%s", v1, s->ns);
	s->own = mem_printf("%s/" ID, s->top);
	s->core.conf.ns = s->ns;
	s->core.address = mem_strdup("unix:///run/ours.sock");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;
	const struct ctx soon = ctx_within(NULL, 5000);

	(void)cgroup_end(CGROUPS, &(const struct cgroup_name){ s->ns, ID, NULL }, &soon, NULL);
	(void)rmdir(s->top);
	for (size_t i = 0; i < s->started.n; i++) {
		(void)kill(-s->started.v[i], SIGKILL);
		(void)waitpid(s->started.v[i], NULL, 0);
	}
	cgroup_pids_done(&s->started);
	assert_int_equal(file_remove_tree(s->dir, NULL), 0);
	free(s->core.address);
	free(s->own);
	free(s->top);
	free(s->ns);
	free(s->dir);
	free(s);
	return 0;
}

static void need_cgroup(const struct stage *s)
{
	if (mkdir(s->top, 0755) == 0 && mkdir(s->own, 0755) == 0 && file_executable(BASH))
		return;
	print_message("skipped: cannot make a cgroup below " CGROUPS ", or no " BASH "\n");
	skip();
}

/* A program whose arguments are a shim's of the containerd at @address, and what it does. */
static char *as_shim(const struct stage *s, const char *address, const char *script)
{
	static unsigned n;
	_cleanup_free_ char *path = mem_printf("%s/%u", s->dir, n), *calling = mem_printf("%s/%u.sh", s->dir, n);
	_cleanup_free_ char *call =
		mem_printf("exec -a containerd-shim-x-v1 sh %s -namespace %s -id " ID " -address %s\n", path, s->ns, address);

	n++;
	assert_int_equal(file_write(path, script, strlen(script), 0600, NULL), 0);
	assert_int_equal(file_write(calling, call, strlen(call), 0600, NULL), 0);
	return TAKE_PTR(calling);
}

static void start(struct stage *s, const char *script)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)setpgid(0, 0);
		(void)execl(BASH, "bash", script, (char *)NULL);
		_exit(1);
	}
	cgroup_pids_add(&s->started, pid);
}

/* Until so many are in the cgroup. */
static void await_processes(const struct stage *s, size_t n)
{
	for (;;) {
		_cleanup_(cgroup_pids_done) struct cgroup_pids now = { 0 };

		(void)cgroup_pids(CGROUPS, &(const struct cgroup_name){ s->ns, ID, NULL }, &now, NULL);
		if (now.n >= n)
			return;
		(void)poll(NULL, 0, 5);
	}
}

static ino_t own_mounts(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	return st.st_ino;
}

static void find(const struct stage *s, struct shims *ret)
{
	struct err err = ERR_INIT;

	if (shims_find(&s->core, own_mounts(), ID, ret, &err) < 0)
		fail_msg("%s", err.msg);
}

/* It enters the cgroup and has a child there. */
static char *enters(const struct stage *s) { return mem_printf("echo $$ >%s/cgroup.procs\nsleep 100\n:\n", s->own); }

static void a_job_may_call_itself_a_shim(void **state)
{
	struct stage *s = *state;
	_cleanup_free_ char *enter = enters(s), *fake = as_shim(s, "/run/others.sock", enter);
	_cleanup_free_ char *starts = mem_printf(BASH " %s\n:\n", fake), *shim = as_shim(s, "/run/ours.sock", starts);
	_cleanup_(shims_done) struct shims shims = { 0 };
	const struct ctx soon = ctx_within(NULL, 5000);

	need_cgroup(s);
	start(s, shim);
	await_processes(s, 2);
	find(s, &shims);
	assert_int_equal(shims.pids.n, 1);
	assert_false(shims.foreign); /* else nobody could end it */
	assert_true(shims.rival);
	assert_int_equal(cgroup_kill(CGROUPS, &(const struct cgroup_name){ s->ns, ID, NULL }, &soon, NULL), 0);
}

/* Its shim is gone. */
static void nobodys_processes_are_ours(void **state)
{
	struct stage *s = *state;
	_cleanup_free_ char *enter = enters(s), *fake = as_shim(s, "/run/others.sock", enter);
	_cleanup_(shims_done) struct shims shims = { 0 };

	need_cgroup(s);
	start(s, fake);
	await_processes(s, 2);
	find(s, &shims);
	assert_int_equal(shims.pids.n, 0);
	assert_false(shims.foreign);
	assert_true(shims.rival);
}

static void processes_below_another_shim_are_its(void **state)
{
	struct stage *s = *state;
	_cleanup_free_ char *child = mem_printf("%s/child", s->dir), *enter = enters(s);
	_cleanup_free_ char *starts = mem_printf("sh %s\n:\n", child), *shim = as_shim(s, "/run/others.sock", starts);
	_cleanup_(shims_done) struct shims shims = { 0 };

	need_cgroup(s);
	assert_int_equal(file_write(child, enter, strlen(enter), 0600, NULL), 0);
	start(s, shim);
	await_processes(s, 2);
	find(s, &shims);
	assert_int_equal(shims.pids.n, 0);
	assert_true(shims.foreign);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("shim", T(a_job_may_call_itself_a_shim), T(nobodys_processes_are_ours), T(processes_below_another_shim_are_its))
