/* Jobs on hosts that are made to look as if they had AppArmor or SELinux, by files, against the fake containerd: what stands in the
 * record, that no two jobs share a level, and what is labelled. What the kernel would make of it is not tried here. */
#include "test.h"
#include "claim.h"
#include "containers.h"
#include "fake.h"
#include "file.h"
#include "job-run.h"
#include "job-state.h"
#include "log.h"
#include "mem.h"
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define IMAGE "docker.io/library/x:latest"
#define FILE_T "system_u:object_r:container_file_t:s0"

struct stage {
	struct loop *loop;
	struct fake *fake;
	char dir[40], *run, *data, *host, notice[256];
};

static void put(const struct stage *s, const char *path, const char *text, mode_t mode)
{
	_cleanup_free_ char *full = mem_printf("%s%s", s->host, path), *folder = mem_strdup(full);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
	assert_int_equal(file_write(full, text, strlen(text), mode, NULL), 0);
}

static void put_selinux(const struct stage *s)
{
	put(s, "/sys/fs/selinux/enforce", "1", 0644);
	put(s, "/etc/selinux/targeted/contexts/lxc_contexts",
	    "process = \"system_u:system_r:container_t:s0\"\nfile = \"" FILE_T "\"\n", 0644);
}

static void put_apparmor(const struct stage *s)
{
	put(s, "/sys/module/apparmor/parameters/enabled", "Y\n", 0644);
	put(s, "/sys/kernel/security/apparmor/profiles", "mine (enforce)\n", 0644);
}

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);

	log_init(LOG_ERROR, false);
	(void)snprintf(s->dir, sizeof s->dir, "/tmp/davit-test-confine-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->run = mem_printf("%s/run", s->dir);
	s->data = mem_printf("%s/data", s->dir);
	s->host = mem_printf("%s/host", s->dir);
	s->loop = loop_new();
	assert_int_equal(fake_start(s->loop, &s->fake, NULL), 0);
	assert_int_equal(fake_seed_image(s->fake, FAKE_NS, IMAGE, NULL), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	fake_free(s->fake);
	loop_free(s->loop);
	assert_int_equal(file_remove_tree(s->dir, NULL), 0);
	free(s->run);
	free(s->data);
	free(s->host);
	free(s);
	return 0;
}

static void take_notice(void *arg, const char *line)
{
	struct stage *s = arg;

	(void)snprintf(s->notice, sizeof s->notice, "%s", line);
}

static struct core *open_core(struct stage *s)
{
	const struct core_conf conf = { .address = fake_address(s->fake),
					.ns = FAKE_NS,
					.run_dir = s->run,
					.data_dir = s->data,
					.host_root = s->host,
					.cni = { CNI_PATH_DEFAULT, "/nonexistent", s->data },
					.notice = take_notice,
					.notice_arg = s };
	struct core *core = NULL;

	s->notice[0] = '\0';
	assert_int_equal(core_open(&conf, &core, NULL), 0);
	return core;
}

static struct job *job_of(const char *name)
{
	struct job *job = job_new();

	job->network = mem_strdup("host");
	job->name = mem_strdup(name);
	job->tasks[0].image = mem_strdup("x");
	job->tasks[0].user = mem_strdup("0:0");
	job->tasks[0].pull = PULL_NEVER;
	job->tasks[0].log = JOB_LOG_NONE;
	return job;
}

/* Made, and its record looked at. */
static int create(struct stage *s, const struct job *job, struct ctrd_container *ret, struct err *err)
{
	const struct run_opts opts = { .mode = RUN_CREATE };
	struct run_result res = { 0 };
	struct core *core = open_core(s);
	int r = job_run(core, job, &opts, NULL, &res, err);

	if (r >= 0 && ret)
		assert_int_equal(containers_get(core->ctrd, res.id, NULL, ret, NULL), 0);
	run_result_done(&res);
	core_free(core);
	return r;
}

/* Of a record's spec: a member of "process" or "linux"; "" when it is not there. The caller frees. */
static char *member(const struct ctrd_container *c, const char *object, const char *key)
{
	_cleanup_json_ json *spec = NULL;
	const char *text;

	assert_int_equal(json_parse(c->spec.value.data, c->spec.value.len, &spec, NULL), 0);
	text = json_get_str(json_get_object(spec, object), key);
	return mem_strdup(text ? text : "");
}

static void levels_are_each_job_s_own(void **state)
{
	struct stage *s = *state;
	_cleanup_strv_ struct strv seen = { 0 };

	put_selinux(s);
	for (int i = 0; i < 20; i++) {
		_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
		_cleanup_free_ char *name = mem_printf("job%d", i), *process = NULL, *mount = NULL;
		_cleanup_(job_freep) struct job *job = job_of(name);
		struct err err = ERR_INIT;

		if (create(s, job, &c, &err) < 0)
			fail_msg("%s", err.msg);
		process = member(&c, "process", "selinuxLabel");
		mount = member(&c, "linux", "mountLabel");
		assert_memory_equal(process, "system_u:system_r:container_t:s0:c", 34);
		assert_memory_equal(mount, FILE_T ":c", sizeof FILE_T + 1);
		assert_string_equal(strstr(process, ":s0:"), strstr(mount, ":s0:"));
		assert_string_equal(dict_get(&c.labels, RECORD_MOUNT_LABEL), mount);
		assert_false(strv_has(&seen, mount));
		strv_push(&seen, mount);
	}
}

/* The look at other jobs' records finds a level, in any namespace. */
static void sees_a_level_that_is_taken(void **state)
{
	struct stage *s = *state;
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
	_cleanup_(ctrd_containers_done) struct ctrd_containers found = { 0 };
	_cleanup_(job_freep) struct job *job = job_of("one");
	_cleanup_free_ char *filter = NULL;
	struct core *core;

	put_selinux(s);
	assert_int_equal(create(s, job, &c, NULL), 0);
	filter = mem_printf("labels.\"" RECORD_MOUNT_LABEL "\"~=\"%s$\"", strstr(dict_get(&c.labels, RECORD_MOUNT_LABEL), ":s0:"));
	core = open_core(s);
	assert_int_equal(containers_list(core->ctrd, filter, NULL, &found, NULL), 0);
	assert_int_equal(found.n, 1);
	core_free(core);
}

static void labels_as_asked(void **state)
{
	static const struct {
		const char *option;
		bool privileged;
		const char *process, *mount;
	} rows[] = {
		{ "disable", false, "", "" },
		{ NULL, true, "", "" },
		{ "type:spc_t", true, "system_u:system_r:spc_t:s0:c", FILE_T ":c" },
		{ "level:s0:c5,c6", false, "system_u:system_r:container_t:s0:c5,c6", FILE_T ":c5,c6" },
	};
	struct stage *s = *state;

	put_selinux(s);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
		_cleanup_free_ char *name = mem_printf("asked%zu", i), *process = NULL, *mount = NULL;
		_cleanup_(job_freep) struct job *job = job_of(name);
		struct err err = ERR_INIT;

		job->tasks[0].privileged = rows[i].privileged;
		if (rows[i].option)
			strv_push(&job->tasks[0].selinux, rows[i].option);
		if (create(s, job, &c, &err) < 0)
			fail_msg("%s", err.msg);
		process = member(&c, "process", "selinuxLabel");
		mount = member(&c, "linux", "mountLabel");
		assert_int_equal(strncmp(process, rows[i].process, strlen(rows[i].process)), 0);
		assert_int_equal(strncmp(mount, rows[i].mount, strlen(rows[i].mount)), 0);
		assert_int_equal(!*process, !*rows[i].process);
		assert_int_equal(dict_get(&c.labels, RECORD_MOUNT_LABEL) != NULL, *mount != '\0');
	}
}

static void expect_label(const char *path, const char *want, size_t n)
{
	char label[256] = "";

	if (lgetxattr(path, "security.selinux", label, sizeof label - 1) < 0)
		fail_msg("%s: no label", path);
	if (strncmp(label, want, n) != 0)
		fail_msg("%s: %s", path, label);
}

static void add_mount(struct job *job, const char *source, const char *target, const char *option)
{
	struct mount *m = task_add_mount(&job->tasks[0]);

	m->kind = MOUNT_BIND;
	m->source = mem_strdup(source);
	m->target = mem_strdup(target);
	if (option)
		strv_push(&m->options, option);
}

static void labels_files_and_mounts(void **state)
{
	struct stage *s = *state;
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
	_cleanup_(job_freep) struct job *job = job_of("mounts");
	_cleanup_free_ char *shared = mem_printf("%s/shared", s->host), *own = mem_printf("%s/own", s->host),
			    *none = mem_printf("%s/none", s->host), *hosts = NULL;
	const char *label;
	struct err err = ERR_INIT;

	put_selinux(s);
	put(s, "/shared/x", "", 0644);
	put(s, "/own/x", "", 0644);
	put(s, "/none/x", "", 0644);
	if (setxattr(s->host, "security.selinux", "x", 2, 0) < 0) {
		print_message("skip: no label can be set here: %s\n", strerrordesc_np(errno));
		skip();
	}
	add_mount(job, shared, "/a", "z");
	add_mount(job, own, "/b", "Z");
	add_mount(job, none, "/c", NULL);
	if (create(s, job, &c, &err) < 0)
		fail_msg("%s", err.msg);
	label = dict_get(&c.labels, RECORD_MOUNT_LABEL);
	expect_label(shared, FILE_T, sizeof FILE_T);
	expect_label(own, label, strlen(label) + 1);
	assert_true(lgetxattr(none, "security.selinux", NULL, 0) < 0);
	hosts = mem_printf("%s/files/" FAKE_NS "/%s/hosts", s->data, c.id);
	expect_label(hosts, label, strlen(label) + 1);
	assert_null(memmem(c.spec.value.data, c.spec.value.len, "\"Z\"", 3)); /* no option of mount(2) */

	job_free(TAKE_PTR(job));
	job = job_of("host");
	add_mount(job, "/usr", "/host", "z");
	assert_int_equal(create(s, job, NULL, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "relabel /usr: the host itself lives there"));
}

static void the_root_is_mounted_with_its_label(void **state)
{
	struct ctrd_mount mount = { .type = (char[]){ "overlay" } };
	struct run_task t = { .mounts = { &mount, 1 } };

	(void)state;
	run_label_root(&t);
	assert_int_equal(mount.options.n, 0);
	t.labels.mount = (char[]){ FILE_T ":c1,c2" };
	run_label_root(&t);
	assert_int_equal(mount.options.n, 1);
	assert_string_equal(mount.options.v[0], "context=\"" FILE_T ":c1,c2\"");
	strv_done(&mount.options);
}

static void says_what_is_missing(void **state)
{
	struct stage *s = *state;
	_cleanup_(job_freep) struct job *job = job_of("plain"), *second = job_of("second");
	_cleanup_free_ char *enforce = mem_printf("%s/sys/fs/selinux/enforce", s->host);

	put(s, "/sys/fs/selinux/enforce", "1", 0644);
	assert_int_equal(create(s, job, NULL, NULL), 0);
	assert_non_null(strstr(s->notice, "SELinux, but its policy knows no containers"));
	assert_int_equal(unlink(enforce), 0);
	put_apparmor(s);
	assert_int_equal(create(s, second, NULL, NULL), 0);
	assert_non_null(strstr(s->notice, "no apparmor_parser"));
}

static void sets_a_profile(void **state)
{
	struct stage *s = *state;
	static const struct {
		const char *asked;
		bool privileged;
		int want;
		const char *profile;
	} rows[] = {
		{ NULL, false, 0, "davit-default" },
		{ NULL, true, 0, "" },
		{ "unconfined", false, 0, "" },
		{ "mine", false, 0, "mine" },
		{ "yours", false, -ERR_PRECONDITION, NULL },
	};

	put_apparmor(s);
	put(s, "/usr/sbin/apparmor_parser", "#!/bin/sh\ncat >/dev/null\necho x >>\"${0%/usr/*}/loaded\"\n", 0755);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
		_cleanup_free_ char *name = mem_printf("profile%zu", i), *got = NULL;
		_cleanup_(job_freep) struct job *job = job_of(name);

		job->tasks[0].apparmor = rows[i].asked ? mem_strdup(rows[i].asked) : NULL;
		job->tasks[0].privileged = rows[i].privileged;
		assert_int_equal(create(s, job, &c, NULL), rows[i].want);
		if (rows[i].want < 0)
			continue;
		got = member(&c, "process", "apparmorProfile");
		assert_string_equal(got, rows[i].profile);
		assert_string_equal(s->notice, "");
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("confine", CASE(levels_are_each_job_s_own), CASE(sees_a_level_that_is_taken), CASE(labels_as_asked),
	  CASE(labels_files_and_mounts), CASE(the_root_is_mounted_with_its_label), CASE(says_what_is_missing), CASE(sets_a_profile))
