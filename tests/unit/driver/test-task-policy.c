/* What the operator permits, on a folder of an allocation with links in it. */
#include "test.h"
#include "said.h"
#include "job-table.h"
#include "mem.h"
#include "mount-option.h"
#include "task-policy.h"
#include "test-folder.h"
#include <sys/stat.h>
#include <unistd.h>

#define CONF(json) "{\"image\":\"x\"," json "}"
/* As jobs for Roblox's driver may have it. */
#define BOUND(source) CONF("\"mounts\":[{\"source\":\"" source "\",\"target\":\"/t\",\"options\":[\"rbind\"]}]")
#define BIND(source) CONF("\"mounts\":[{\"type\":\"bind\",\"source\":\"" source "\",\"target\":\"/t\"}]")

static void policy_put(const struct test_folder *f, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", f->path, name);

	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static int policy_setup(void **state)
{
	static const char *const folders[] = { "alloc/data", "web/local/conf", "web/secrets" };
	static const struct {
		const char *to, *at;
	} links[] = { { "conf", "web/local/within" }, { "/etc", "web/local/etc" }, { "../../../..", "web/local/up" } };
	struct test_folder *f = test_folder_new("task-policy", "A");
	_cleanup_free_ char *fifo = NULL;

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", f->path, folders[i]);

		assert_int_equal(file_mkdirs(path, 0755, NULL), 0);
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", f->path, links[i].at);

		assert_int_equal(symlink(links[i].to, path), 0);
	}
	policy_put(f, "web/local/list.json", "[]");
	policy_put(f, "web/local/profile.json", " {\"defaultAction\": \"SCMP_ACT_ALLOW\"}\n");
	fifo = mem_printf("%s/web/local/fifo", f->path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	*state = f;
	return 0;
}

static const struct {
	const char *conf, *driver; /* NULL: nothing special */
	const char *error, *hint;  /* error NULL: it is permitted */
} rows[] = {
	{ NULL, NULL, NULL, NULL },
	{ CONF("\"privileged\":true"), "{\"allow_privileged\":true}", NULL, NULL },
	{ CONF("\"privileged\":true"), "{\"allow_privileged\":false}", "Running privileged jobs are not allowed",
	  "allow_privileged = true" },
	{ CONF("\"security_opt\":[\"systempaths=unconfined\"]"), NULL, NULL, NULL },
	{ CONF("\"security_opt\":[\"systempaths=unconfined\"],\"userns_mode\":\"private\""), "{\"allow_privileged\":false}", NULL,
	  NULL },
	{ CONF("\"security_opt\":[\"systempaths=unconfined\"],\"userns_mode\":\"host\""), "{\"allow_privileged\":false}",
	  "option security_opt: systempaths=unconfined", "allow_privileged = true" },
	{ CONF("\"security_opt\":[\"systempaths:unconfined\"]"), "{\"allow_privileged\":false}",
	  "option security_opt: systempaths=unconfined", "allow_privileged = true" },
	/* capabilities */
	{ CONF("\"cap_add\":[\"SYS_ADMIN\"]"), "{\"allow_caps\":[\"CHOWN\",\"SYS_ADMIN\"]}", NULL, NULL },
	{ CONF("\"cap_add\":[\"sys_admin\",\"net_raw\"]"), "{\"allow_caps\":[\"CHOWN\",\"NET_RAW\"]}",
	  "does not allow the following capabilities: SYS_ADMIN", "allow_caps = " },
	{ CONF("\"cap_add\":[\"all\"]"), "{\"allow_caps\":[\"CHOWN\"]}", "capabilities: all", "allow_caps" },
	{ CONF("\"cap_add\":[\"all\"]"), "{\"allow_caps\":[\"all\"]}", NULL, NULL },
	/* runtimes */
	{ CONF("\"runtime\":\"crun\""), "{\"allow_runtimes\":[\"runc\",\"crun\"]}", NULL, NULL },
	{ CONF("\"runtime\":\"kata\""), "{\"allow_runtimes\":[\"runc\"]}", "requested runtime \"kata\" is not allowed",
	  "allow_runtimes = [\"kata\"]" },
	{ CONF("\"runtime\":\"io.containerd.runc.v2\""), "{\"allow_runtimes\":[\"runc\"]}", NULL, NULL },
	{ CONF("\"runtime\":\"gvisor\""), "{\"allow_runtimes\":[\"io.containerd.runsc.v1\"]}", NULL, NULL },
	{ CONF("\"runtime\":\"runc\""), "{\"containerd_runtime\":\"io.containerd.runc.v2\",\"allow_runtimes\":[\"kata\"]}", NULL,
	  NULL },
	{ CONF("\"runtime\":\"crun\""), "{\"allow_runtimes\":[\"runc\"]}", "requested runtime \"crun\" is not allowed",
	  "allow_runtimes = [\"crun\"]" },
	{ CONF("\"runtime\":\"runc\""), "{\"containerd_runtime\":\"crun\",\"allow_runtimes\":[\"crun\"]}",
	  "requested runtime \"runc\" is not allowed", NULL },
	{ CONF("\"runtime\":\"/tmp/shim\""), NULL, "runtime \"/tmp/shim\" is not allowed", "allow_runtimes" },
	{ CONF("\"runtime\":\"/opt/shim\""), "{\"allow_runtimes\":[\"/opt/shim\"]}", NULL, NULL },
	/* namespaces */
	{ CONF("\"pid_mode\":\"host\""), "{\"allowed_modes\":{\"pid\":[\"host\"]}}", NULL, NULL },
	{ CONF("\"ipc_mode\":\"host\""), "{\"allowed_modes\":{\"pid\":[\"host\"],\"ipc\":[]}}", "option ipc_mode",
	  "allowed_modes { ipc = [\"host\"] }" },
	{ CONF("\"userns_mode\":\"host\""), "{\"allowed_modes\":{\"userns\":[]}}", NULL, NULL },
	{ CONF("\"pid_mode\":\"private\""), "{\"allowed_modes\":{\"pid\":[]}}", NULL, NULL },
	/* processes */
	{ CONF("\"pids_limit\":10"), "{\"pids_limit\":10}", NULL, NULL },
	{ CONF("\"pids_limit\":11"), "{\"pids_limit\":10}", "cannot be greater than the plugin's pids_limit: 10", "pids_limit" },
	{ CONF("\"pids_limit\":-1"), "{\"pids_limit\":10}", "option pids_limit", "pids_limit" },
	/* paths */
	{ BIND("/etc"), "{\"volumes\":{\"enabled\":true}}", NULL, NULL },
	{ BIND("/etc"), "{\"volumes\":{\"enabled\":false}}", "volumes are not enabled; cannot mount /etc", "enabled = true" },
	{ BIND("local/conf"), "{\"volumes\":{\"enabled\":false}}", NULL, NULL },
	{ BIND("local/within"), "{\"volumes\":{\"enabled\":false}}", NULL, NULL },
	{ BIND("alloc/data"), "{\"volumes\":{\"enabled\":false}}", NULL, NULL },
	{ BIND("local/etc"), "{\"volumes\":{\"enabled\":false}}", "a link in it leads out", "enabled = true" },
	{ BIND("local/etc"), "{\"volumes\":{\"enabled\":true}}", "a link in it leads out", "its own path" },
	{ BIND("local/up/etc"), "{\"volumes\":{\"enabled\":false}}", "a link in it leads out", "enabled = true" },
	{ BIND("local/none"), NULL, "No such file", NULL },
	{ BOUND("/etc"), "{\"volumes\":{\"enabled\":true}}", NULL, NULL },
	{ BOUND("/etc"), "{\"volumes\":{\"enabled\":false}}", "volumes are not enabled; cannot mount /etc", "enabled = true" },
	{ BOUND("local/conf"), "{\"volumes\":{\"enabled\":false}}", NULL, NULL },
	{ BOUND("local/etc"), "{\"volumes\":{\"enabled\":true}}", "a link in it leads out", "its own path" },
	{ CONF("\"volumes\":[\"local/fresh:/f\"]"), "{\"volumes\":{\"enabled\":false}}", NULL, NULL },
	{ CONF("\"mounts\":[{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/t\"}]"), "{\"volumes\":{\"enabled\":false}}",
	  "volumes are not enabled; cannot mount data", "enabled = true" },
	{ CONF("\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/t\"}]"), "{\"volumes\":{\"enabled\":false}}", NULL, NULL },
	{ CONF("\"volumes\":[\"../alloc:/a:rshared\"]"), NULL, "mount of /a: the logs in it", "leave out rshared" },
	{ CONF("\"volumes\":[\"../alloc:/a:ro,rshared\"]"), NULL, NULL, NULL },
	{ CONF("\"volumes\":[\"alloc/data:/a:rshared\"]"), NULL, NULL, NULL },
	{ CONF("\"seccomp_profile\":\"/etc/shadow\""), "{\"volumes\":{\"enabled\":false}}", "option seccomp_profile",
	  "enabled = true" },
	{ CONF("\"seccomp_profile\":\"local/etc/shadow\""), NULL, "leads out", NULL },
	{ CONF("\"seccomp_profile\":\"/local/etc/shadow\""), NULL, "leads out", NULL },
	{ CONF("\"security_opt\":[\"seccomp=/local/up/etc/shadow\"]"), NULL, "option seccomp_profile: path ", NULL },
	{ CONF("\"seccomp_profile\":\"/local/profile.json\""), "{\"volumes\":{\"enabled\":false}}", NULL, NULL },
	{ CONF("\"seccomp_profile\":\"/etc/p.json\""), "{\"volumes\":{\"enabled\":true}}", NULL, NULL },
	{ CONF("\"seccomp_profile\":\"local/conf\""), NULL, "not a file", NULL },
	{ CONF("\"seccomp_profile\":\"local/fifo\""), NULL, "not a file", NULL },
	{ CONF("\"seccomp_profile\":\"local/list.json\""), NULL, "list.json: not an object", NULL },
	{ CONF("\"auth\":{\"config\":\"local/fifo\"}"), NULL, "option auth", NULL },
	{ CONF("\"auth\":{\"config\":\"local/etc/shadow\"}"), NULL, "leads out", NULL },
};

static int policy_of(const struct test_folder *f, size_t i, struct said *s, struct task_job *made)
{
	_cleanup_free_ char *task = mem_printf("{\"alloc_dir\":\"%s\"}", f->path);
	int r;

	said_init(s, task, rows[i].conf, rows[i].driver);
	if (!s->conf || s->driver->error)
		fail_msg("row %zu: %s", i, s->conf ? s->driver->error : s->err.msg);
	r = task_job_make(&s->in, made, &s->err);
	if (r < 0)
		fail_msg("row %zu: %s", i, s->err.msg);
	return task_policy(&s->in, made, &s->err);
}

static void verdicts(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(said_done) struct said s;
		_cleanup_(task_job_done) struct task_job made = { 0 };
		int r = policy_of(*state, i, &s, &made);

		if (!rows[i].error && r < 0)
			fail_msg("row %zu: %s", i, s.err.msg);
		if (rows[i].error && (r >= 0 || !strstr(s.err.msg, rows[i].error)))
			fail_msg("row %zu: %d, %s, not %s", i, r, s.err.msg, rows[i].error);
		if (rows[i].hint && !strstr(s.err.hint, rows[i].hint))
			fail_msg("row %zu: %s, not %s", i, s.err.hint, rows[i].hint);
	}
}

/* With cgroup v1 that is what a task has anyway. */
static void the_hosts_cgroups_are_refused_where_a_task_has_its_own(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_(said_done) struct said s;
	_cleanup_(task_job_done) struct task_job made = { 0 };
	_cleanup_free_ char *task = mem_printf("{\"alloc_dir\":\"%s\"}", f->path);

	said_init(&s, task, CONF("\"cgroupns\":\"host\""), NULL);
	assert_int_equal(task_job_make(&s.in, &made, &s.err), 0);
	assert_int_equal(task_policy(&s.in, &made, &s.err), file_exists("/sys/fs/cgroup/cgroup.controllers") ? -ERR_PERMISSION : 0);
}

/* What the container has by itself is within the list as well. */
static void usual_capabilities_are_within_the_list(void **state)
{
	_cleanup_(said_done) struct said s;
	_cleanup_(task_job_done) struct task_job made = { 0 };
	const struct strv *drop;

	(void)state;
	said_init(&s, NULL, NULL, "{\"allow_caps\":[\"CHOWN\",\"KILL\"]}");
	s.task->alloc_dir = ((struct test_folder *)*state)->path;
	assert_int_equal(task_job_make(&s.in, &made, &s.err), 0);
	assert_int_equal(task_policy(&s.in, &made, &s.err), 0);
	drop = &made.job->tasks[0].cap_drop;
	assert_int_equal(drop->n, 12);
	assert_false(strv_has(drop, "CAP_CHOWN"));
	assert_true(strv_has(drop, "CAP_NET_RAW"));
}

static void sources_are_what_they_lead_to(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_(said_done) struct said s;
	_cleanup_(task_job_done) struct task_job made = { 0 };
	_cleanup_free_ char *task = mem_printf("{\"alloc_dir\":\"%s\"}", f->path), *real = mem_printf("%s/web/local/conf", f->path),
			    *logs = mem_printf("%s/alloc/logs", f->path);

	said_init(&s, task, BIND("local/within"), NULL);
	assert_int_equal(task_job_make(&s.in, &made, &s.err), 0);
	assert_int_equal(task_policy(&s.in, &made, &s.err), 0);
	assert_string_equal(made.job->tasks[0].mounts[0].source, real);
	assert_string_equal(made.job->tasks[0].mounts[2].source, logs);
	for (size_t i = 0; i < made.job->tasks[0].n_mounts; i++) { /* what is found there is what will be mounted */
		assert_int_equal(made.job->tasks[0].mounts[i].options.n, 1);
		assert_string_equal(made.job->tasks[0].mounts[i].options.v[0], MOUNT_NO_LINKS);
	}
	assert_true(file_exists(logs));
	assert_int_equal(job_check(made.job, &s.err), 0);
}

/* "TARGET SOURCE ro|rw" of each that is in the allocation's folder, by their targets. */
static char *binds_of(const struct test_folder *f, const struct task *t)
{
	_cleanup_strv_ struct strv lines = { 0 };

	for (size_t i = 0; i < t->n_mounts; i++)
		if (!strncmp(t->mounts[i].source, f->path, strlen(f->path)))
			strv_pushf(&lines, "%s .%s %s", t->mounts[i].target, t->mounts[i].source + strlen(f->path),
				   t->mounts[i].read_only ? "ro" : "rw");
	strv_sort(&lines, 0);
	return strv_join(&lines, "\n");
}

#define WITH_LOGS(first, then) \
	first "/alloc ./alloc rw\n/alloc/logs ./alloc/logs ro\n" then "/local ./web/local rw\n/secrets ./web/secrets rw"

/* However a job names the logs, or what they are in. */
static void logs_are_read_only(void **state)
{
	static const struct {
		const char *volume, *binds; /* %s: the allocation's folder */
	} forms[] = {
		{ "../alloc:/a", WITH_LOGS("/a ./alloc rw\n/a/logs ./alloc/logs ro\n", "") },
		{ "/alloc:/a/", WITH_LOGS("/a/ ./alloc rw\n/a/logs ./alloc/logs ro\n", "") },
		{ "alloc/up:/a", WITH_LOGS("/a ./alloc rw\n/a/logs ./alloc/logs ro\n", "") },
		{ "../alloc:/a:ro", WITH_LOGS("/a ./alloc ro\n", "") },
		{ "%s:/x", WITH_LOGS("", "") "\n/x . rw\n/x/alloc ./alloc rw\n/x/alloc/logs ./alloc/logs ro" },
		{ "alloc/logs:/l", WITH_LOGS("", "/l ./alloc/logs ro\n") },
		{ "alloc/logs/f:/f", WITH_LOGS("", "/f ./alloc/logs/f ro\n") },
		{ "alloc/link:/f", WITH_LOGS("", "/f ./alloc/logs/f ro\n") },
		{ "alloc/logs:/alloc/logs", WITH_LOGS("", "") },
		{ "../alloc:/alloc", WITH_LOGS("", "") },
		{ "alloc/data:/d", WITH_LOGS("", "/d ./alloc/data rw\n") },
	};
	const struct test_folder *f = *state;
	_cleanup_free_ char *task = mem_printf("{\"alloc_dir\":\"%s\"}", f->path), *up = mem_printf("%s/alloc/up", f->path),
			    *logs = mem_printf("%s/alloc/logs", f->path), *link = mem_printf("%s/alloc/link", f->path);

	assert_int_equal(file_mkdirs(logs, 0755, NULL), 0);
	policy_put(f, "alloc/logs/f", "");
	assert_int_equal(symlink(".", up), 0);
	assert_int_equal(symlink("logs/f", link), 0);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		_cleanup_(said_done) struct said s;
		_cleanup_(task_job_done) struct task_job made = { 0 };
		_cleanup_free_ char *volume = forms[i].volume[0] == '%' ? mem_printf("%s%s", f->path, forms[i].volume + 2)
									: mem_strdup(forms[i].volume),
				    *conf = mem_printf(CONF("\"volumes\":[\"%s\"]"), volume), *binds = NULL;

		said_init(&s, task, conf, "{\"volumes\":{\"enabled\":false}}");
		assert_int_equal(task_job_make(&s.in, &made, &s.err), 0);
		if (task_policy(&s.in, &made, &s.err) < 0)
			fail_msg("%s: %s", volume, s.err.msg);
		binds = binds_of(f, &made.job->tasks[0]);
		if (strcmp(binds, forms[i].binds) != 0)
			fail_msg("%s: %s", volume, binds);
		assert_int_equal(job_check(made.job, &s.err), 0);
	}
}

/* Nothing of a file in the allocation's folder is looked for by its name again. */
static void files_are_read_once(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_(said_done) struct said s;
	_cleanup_(task_job_done) struct task_job made = { 0 };
	_cleanup_free_ char *task = mem_printf("{\"alloc_dir\":\"%s\"}", f->path);
	char text[64] = "";

	said_init(&s, task, CONF("\"seccomp_profile\":\"local/profile.json\",\"auth\":{\"config\":\"local/list.json\"}"), NULL);
	assert_int_equal(task_job_make(&s.in, &made, &s.err), 0);
	assert_int_equal(task_policy(&s.in, &made, &s.err), 0);
	assert_string_equal(made.job->tasks[0].seccomp, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	assert_true(made.auth_fd > 0);
	assert_int_equal(read(made.auth_fd, text, sizeof text - 1), 2);
	assert_string_equal(text, "[]");
	assert_int_equal(job_check(made.job, &s.err), 0);
}

RUN_TESTS("task-policy", cmocka_unit_test_setup_teardown(files_are_read_once, policy_setup, test_folder_teardown),
	  cmocka_unit_test_setup_teardown(verdicts, policy_setup, test_folder_teardown),
	  cmocka_unit_test_setup_teardown(usual_capabilities_are_within_the_list, policy_setup, test_folder_teardown),
	  cmocka_unit_test_setup_teardown(the_hosts_cgroups_are_refused_where_a_task_has_its_own, policy_setup,
					  test_folder_teardown),
	  cmocka_unit_test_setup_teardown(logs_are_read_only, policy_setup, test_folder_teardown),
	  cmocka_unit_test_setup_teardown(sources_are_what_they_lead_to, policy_setup, test_folder_teardown))
