/* How Nomad's tasks end, as the driver hears of it: from containerd, from a record when containerd has deleted the task, from the
 * kernel when containerd has forgotten it; and whether memory was the cause. */
#include "test.h"
#include "clock.h"
#include "containers.h"
#include "fake.h"
#include "file.h"
#include "labels.h"
#include "log.h"
#include "mem.h"
#include "task-wait.h"
#include "wait.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID "web-00000001"
#define TASK "0a1b2c3d-0000-0000-0000-000000000000/web/deadbeef"

struct rig {
	struct loop *loop;
	struct fake *fake;
	struct core *core; /* on the loop */
	char *host;
	struct handle *h;
	struct handle_watch watch;
	unsigned told;
};

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static void make_task(struct rig *rig)
{
	struct ctrd_container rec = { .id = (char[]){ ID },
				      .image = (char[]){ "x" },
				      .snapshotter = (char[]){ "overlayfs" },
				      .snapshot_key = (char[]){ ID },
				      .runtime = (char[]){ "io.containerd.runc.v2" } };
	struct err err = ERR_INIT;
	pid_t pid;

	rec.spec.type_url = (char[]){ "spec" };
	must(containers_create(rig->core->ctrd, &rec, NULL, &err), &err);
	must(tasks_create(rig->core->ctrd, ID, NULL, NULL, NULL, NULL, &pid, &err), &err);
	must(tasks_start(rig->core->ctrd, ID, NULL, NULL, &pid, &err), &err);
}

static void on_exited(void *arg, struct handle *h)
{
	struct rig *rig = arg;

	assert_ptr_equal(h, rig->h);
	assert_int_equal(h->state, HANDLE_EXITED);
	rig->told++;
}

static void know_since(struct rig *rig, int64_t started_at)
{
	struct handle_kept kept = {
		.task_id = mem_strdup(TASK), .ns = mem_strdup(FAKE_NS), .container = mem_strdup(ID), .started_at = started_at
	};

	rig->h = handle_new(&kept, HANDLE_RUNNING);
	rig->watch = (struct handle_watch){ .exited = on_exited, .arg = rig };
	handle_watch(rig->h, &rig->watch);
	wait_begin(rig->h, rig->core);
}

static void know(struct rig *rig) { know_since(rig, clock_wall()); }

static bool turn_for(struct rig *rig, int64_t ms)
{
	const struct ctx ctx = ctx_within(NULL, ms);

	while (!rig->told)
		if (loop_turn(rig->loop, &ctx, NULL) < 0)
			return false;
	return true;
}

static void put(const struct rig *rig, const char *path, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s%s", rig->host, path),
			    *folder = mem_strndup(file, (size_t)(strrchr(file, '/') - file));

	assert_int_equal(file_mkdirs(folder, 0700, NULL), 0);
	assert_int_equal(file_write(file, text, strlen(text), 0600, NULL), 0);
}

static void exits(struct rig *rig, unsigned status)
{
	struct err err = ERR_INIT;

	must(fake_exit(rig->fake, FAKE_NS, ID, NULL, status, &err), &err);
	assert_true(turn_for(rig, 10000));
	assert_int_equal(rig->told, 1);
}

static void codes(void **state)
{
	struct rig *rig = *state;

	make_task(rig);
	know(rig);
	assert_false(turn_for(rig, 200));
	exits(rig, 7);
	assert_int_equal(rig->h->exit.code, 7);
	assert_int_equal(rig->h->exit.signal, 0);
	assert_true(rig->h->exit.at > 0);
	assert_false(rig->h->exit.oom);
	assert_null(rig->h->exit.err);
	assert_null(rig->h->waiting);
}

static void signals(void **state)
{
	struct rig *rig = *state;

	make_task(rig);
	know(rig);
	exits(rig, 128 + SIGTERM);
	assert_int_equal(rig->h->exit.code, 128 + SIGTERM);
	assert_int_equal(rig->h->exit.signal, SIGTERM);
}

static void hide(const struct rig *rig, bool hidden)
{
	_cleanup_free_ char *away = mem_printf("%s.away", fake_address(rig->fake));

	assert_int_equal(hidden ? rename(fake_address(rig->fake), away) : rename(away, fake_address(rig->fake)), 0);
}

/* containerd is away when the wait begins, as at the recovery of a plugin: nothing is answered until it is back. */
static void while_containerd_is_away(void **state)
{
	struct rig *rig = *state;
	const struct core_conf conf = *&rig->core->conf;
	struct err err = ERR_INIT;
	struct core *other = NULL;

	make_task(rig);
	must(core_open_on(rig->loop, &conf, &other, &err), &err);
	hide(rig, true);
	core_free(rig->core);
	rig->core = other;
	know(rig);
	assert_false(turn_for(rig, 700));
	hide(rig, false);
	assert_false(turn_for(rig, 1200));
	exits(rig, 9);
	assert_int_equal(rig->h->exit.code, 9);
}

static void delete_task(struct rig *rig)
{
	struct ctrd_exit exit;
	struct err err = ERR_INIT;

	must(fake_exit(rig->fake, FAKE_NS, ID, NULL, 3, &err), &err);
	must(tasks_delete(rig->core->ctrd, ID, NULL, NULL, &exit, &err), &err);
}

/* Somebody has settled the job: davit's own label has its exit. */
static void by_its_record(void **state)
{
	struct rig *rig = *state;
	_cleanup_dict_ struct dict labels = { 0 };
	struct err err = ERR_INIT;

	make_task(rig);
	delete_task(rig);
	dict_set(&labels, RECORD_EXIT, "137 2026-01-02T03:04:05Z");
	must(containers_set_labels(rig->core->ctrd, ID, &labels, NULL, &err), &err);
	know(rig);
	assert_true(turn_for(rig, 10000));
	assert_int_equal(rig->h->exit.code, 137);
	assert_int_equal(rig->h->exit.signal, SIGKILL);
	assert_null(rig->h->exit.err);
}

/* Nor is it told as forgotten while its record cannot be asked for. */
static void by_its_record_later(void **state)
{
	struct rig *rig = *state;
	_cleanup_dict_ struct dict labels = { 0 };
	struct err err = ERR_INIT;

	make_task(rig);
	delete_task(rig);
	dict_set(&labels, RECORD_EXIT, "7 2026-01-02T03:04:05Z");
	must(containers_set_labels(rig->core->ctrd, ID, &labels, NULL, &err), &err);
	must(fake_fault(rig->fake, &err, "Containers/ListStream:fail=14"), &err);
	know(rig);
	assert_false(turn_for(rig, 1500));
	must(fake_reset(rig->fake, &err), &err);
	assert_true(turn_for(rig, 60000));
	assert_null(rig->h->exit.err);
	assert_int_equal(rig->h->exit.code, 7);
}

/* Nobody knows: that is said, and no code is made up. */
static void unknown(void **state)
{
	struct rig *rig = *state;

	make_task(rig);
	delete_task(rig);
	know(rig);
	assert_true(turn_for(rig, 10000));
	assert_non_null(rig->h->exit.err);
	assert_non_null(strstr(rig->h->exit.err, TASK));
}

static void oom(struct rig *rig, const char *file, unsigned status, bool want)
{
	make_task(rig);
	put(rig, file, "oom_kill_disable 0\nunder_oom 0\noom 4\noom_kill 1\n");
	know(rig);
	exits(rig, status);
	assert_int_equal(rig->h->exit.oom, want);
}

static void oom_v1(void **state) { oom(*state, "/sys/fs/cgroup/memory/" FAKE_NS "/" ID "/memory.oom_control", 137, true); }

static void oom_v2(void **state)
{
	put(*state, "/sys/fs/cgroup/cgroup.controllers", "memory\n");
	oom(*state, "/sys/fs/cgroup/" FAKE_NS "/" ID "/memory.events", 137, true);
}

/* It went on, and ended well. */
static void oom_that_was_borne(void **state)
{
	oom(*state, "/sys/fs/cgroup/memory/" FAKE_NS "/" ID "/memory.oom_control", 0, false);
}

/* Statistics had seen the kill long before. */
static void oom_of_the_past(void **state)
{
	const int64_t s = NSEC_PER_SEC;
	struct oom_looks l = { 0 };

	(void)state;
	assert_true(oom_was_cause(&l, 1, 137, 1 * s)); /* nobody had looked */
	oom_look(&l, 0, 1 * s);
	assert_false(oom_was_cause(&l, 0, 137, 2 * s));
	oom_look(&l, 1, 2 * s);
	assert_true(oom_was_cause(&l, 1, 137, 3 * s)); /* a moment ago */
	oom_look(&l, 1, 5 * s);
	assert_true(oom_was_cause(&l, 1, 137, 11 * s));
	assert_false(oom_was_cause(&l, 1, 137, 12 * s));
	assert_true(oom_was_cause(&l, 2, 137, 12 * s)); /* one more since */
	assert_false(oom_was_cause(&l, 2, 0, 12 * s));
}

/* A task that another plugin had started had borne them. */
static void oom_before_a_recovery(void **state)
{
	struct rig *rig = *state;

	make_task(rig);
	put(rig, "/sys/fs/cgroup/memory/" FAKE_NS "/" ID "/memory.oom_control", "oom_kill 1\n");
	know_since(rig, clock_wall() - 60 * NSEC_PER_SEC);
	assert_false(turn_for(rig, 300));
	exits(rig, 137);
	assert_false(rig->h->exit.oom);
}

/* Nomad's cgroup is that of the task's former lives, too. */
static void oom_of_a_former_life(void **state)
{
	struct rig *rig = *state;
	struct handle_kept kept = { .task_id = mem_strdup(TASK), .ns = mem_strdup(FAKE_NS), .cgroup = mem_strdup("/nomad/x.t") };
	struct handle *h = handle_new(&kept, HANDLE_STARTING);

	wait_before(h, rig->host);
	assert_int_equal(h->oom_before, 0);
	put(rig, "/sys/fs/cgroup/memory/nomad/x.t/memory.oom_control", "oom_kill 2\n");
	wait_before(h, rig->host);
	assert_int_equal(h->oom_before, 2);
	handle_started(h, ID, clock_wall());
	make_task(rig);
	rig->h = h;
	rig->watch = (struct handle_watch){ .exited = on_exited, .arg = rig };
	handle_watch(h, &rig->watch);
	wait_begin(h, rig->core);
	exits(rig, 137);
	assert_false(h->exit.oom);
}

static void cgroups(void **state)
{
	struct rig *rig = *state;
	struct handle_kept kept = { .ns = (char[]){ "ns" }, .container = (char[]){ ID } };
	struct cgroup_of c;

	wait_cgroup(&kept, rig->host, &c);
	assert_null(cgroup_of_any(&c));
	put(rig, "/sys/fs/cgroup/cgroup.controllers", "memory\n");
	put(rig, "/sys/fs/cgroup/system.slice/davit-ns--" ID ".scope/pids.current", "1\n");
	wait_cgroup(&kept, rig->host, &c);
	assert_non_null(strstr(c.v2, "scope"));
	cgroup_of_done(&c);
	put(rig, "/sys/fs/cgroup/ns/" ID "/pids.current", "1\n");
	wait_cgroup(&kept, rig->host, &c);
	assert_null(strstr(c.v2, "scope"));
	cgroup_of_done(&c);
	put(rig, "/sys/fs/cgroup/nomad.slice/share.slice/a.scope/pids.current", "1\n");
	kept.cgroup = (char[]){ "/nomad.slice/share.slice/a.scope" };
	wait_cgroup(&kept, rig->host, &c);
	assert_non_null(strstr(c.v2, "/nomad.slice/"));
	cgroup_of_done(&c);
	kept.cgroup = (char[]){ "/sys/fs/cgroup/nomad.slice/share.slice/a.scope" };
	wait_cgroup(&kept, rig->host, &c);
	assert_non_null(strstr(c.v2, "/nomad.slice/"));
	cgroup_of_done(&c);
}

static void usage(void **state)
{
	struct rig *rig = *state;
	struct cgroup_usage u;

	make_task(rig);
	know(rig);
	assert_int_equal(wait_usage(rig->h, &u, NULL), -ERR_NOT_FOUND);
	put(rig, "/sys/fs/cgroup/pids/" FAKE_NS "/" ID "/pids.current", "3\n");
	assert_int_equal(wait_usage(rig->h, &u, NULL), 0);
	assert_int_equal(u.v[CGROUP_TASKS], 3);
	exits(rig, 0);
	assert_int_equal(wait_usage(rig->h, &u, NULL), -ERR_PRECONDITION);
}

/* Who waits is told when the task is destroyed under its hands. */
static void destroyed(void **state)
{
	struct rig *rig = *state;
	struct handles set = { 0 };

	make_task(rig);
	know(rig);
	assert_int_equal(handles_add(&set, rig->h, NULL), 0);
	handles_remove(&set, rig->h);
	assert_int_equal(rig->told, 1);
	assert_non_null(rig->h->exit.err);
	handles_done(&set);
}

static int set_up(void **state)
{
	static struct rig rig;
	struct core_conf conf = { .ns = FAKE_NS, .run_dir = "/dev/null/none", .data_dir = "/dev/null/none" };
	struct err err = ERR_INIT;

	rig = (struct rig){ .loop = loop_new(), .host = mem_strdup("/tmp/davit-test-driver-wait-XXXXXX") };
	log_init(LOG_ERROR, false);
	assert_non_null(mkdtemp(rig.host));
	must(fake_start(rig.loop, &rig.fake, &err), &err);
	conf.address = fake_address(rig.fake);
	conf.host_root = rig.host;
	must(core_open_on(rig.loop, &conf, &rig.core, &err), &err);
	must(core_reconnect(rig.core, &err), &err);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	handle_unref(rig->h);
	core_free(rig->core);
	fake_free(rig->fake);
	loop_free(rig->loop);
	(void)file_remove_tree(rig->host, NULL);
	free(rig->host);
	return 0;
}

/* The connection breaks, and while the driver gets no answer the task ends, and nothing of it stays. */
static void forget(struct rig *rig)
{
	struct ctrd_container rec = { 0 };
	struct err err = ERR_INIT;

	must(fake_fault(rig->fake, &err, "Tasks/Wait:fail=2"), &err);
	must(fake_fault(rig->fake, &err, "Tasks/Get:fail=14"), &err);
	must(fake_fault(rig->fake, &err, "Containers/Get:drop"), &err);
	assert_true(containers_get(rig->core->ctrd, ID, NULL, &rec, NULL) < 0);
	must(core_reconnect(rig->core, &err), &err);
	delete_task(rig);
	assert_int_equal(rig->told, 0);
	must(fake_reset(rig->fake, &err), &err);
}

/* containerd has forgotten the task: its process, which has ended, was a child of this one (FAKE_PID says which to the fake). */
static void by_the_kernel(void **state)
{
	struct rig *rig = NULL;
	char pid[16], proc[40];
	int hold[2];
	pid_t child;

	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		char c;

		(void)close(hold[1]);
		(void)read(hold[0], &c, 1);
		_exit(42);
	}
	(void)close(hold[0]);
	(void)snprintf(pid, sizeof pid, "%d", (int)child);
	(void)snprintf(proc, sizeof proc, "/proc/%d/cgroup", (int)child);
	assert_int_equal(setenv("FAKE_PID", pid, 1), 0);
	assert_int_equal(set_up(state), 0);
	(void)unsetenv("FAKE_PID");
	rig = *state;
	put(rig, proc, "1:pids:/" FAKE_NS "/" ID "\n");
	put(rig, "/sys/fs/cgroup/pids/" FAKE_NS "/" ID "/pids.current", "1\n");
	make_task(rig);
	know(rig);
	assert_false(turn_for(rig, 500)); /* the look is answered */
	forget(rig);
	assert_false(turn_for(rig, 11000)); /* it still runs, however long */
	assert_true(wait_signal(rig->h, 0));
	(void)close(hold[1]);
	assert_false(turn_for(rig, 100)); /* and is not collected */
	assert_false(wait_signal(rig->h, 0));
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(turn_for(rig, 10000));
	if (rig->h->exit.err)
		print_message("this kernel does not keep how a process ended\n");
	else
		assert_int_equal(rig->h->exit.code, 42);
	(void)tear_down(state);
}

/* A task that is over at once: its pid is another's when it is looked at. That look is given up, once; what is opened next, a pipe
 * of some worker's for one, has its descriptor's number and is none of the task's. */
static void a_process_that_is_anothers(void **state)
{
	char pid[16];
	int next[16];

	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	assert_int_equal(setenv("FAKE_PID", pid, 1), 0);
	assert_int_equal(set_up(state), 0);
	(void)unsetenv("FAKE_PID");
	make_task(*state);
	know(*state);
	assert_false(turn_for(*state, 500)); /* the look is answered */
	for (size_t i = 0; i < sizeof next / sizeof *next; i++)
		next[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	exits(*state, 7);
	for (size_t i = 0; i < sizeof next / sizeof *next; i++)
		assert_int_equal(close(next[i]), 0);
	(void)tear_down(state);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
RUN_TESTS("driver-wait", T(codes), T(signals), T(while_containerd_is_away), T(by_its_record), T(by_its_record_later), T(unknown),
	  T(oom_v1), T(oom_v2), T(oom_that_was_borne), cmocka_unit_test(oom_of_the_past), T(oom_before_a_recovery),
	  T(oom_of_a_former_life), T(cgroups), T(usage), T(destroyed), cmocka_unit_test(by_the_kernel),
	  cmocka_unit_test(a_process_that_is_anothers))
