/* What Nomad says that a task may use, in a job's words; and its cgroups, in folders that look like the kernel's. */
#include "test.h"
#include "said.h"
#include "clock.h"
#include "cpuset-share.h"
#include "file.h"
#include "job-table.h"
#include "mem.h"
#include "task-limits.h"
#include <string.h>
#include <unistd.h>

#define ALLOC "0f2a1b3c-0000-4000-8000-0123456789ab"
#define RESOURCES(memory, linux_) \
	"{\"resources\":{\"allocated_resources\":{\"memory\":{" memory "}},\"linux_resources\":{" linux_ "}}}"
#define CONF(json) "{\"image\":\"x\"," json "}"
#define MB "1048576"

static const struct task_host plain = { .cpus = 4, .swap = true }, no_swap = { .cpus = 4 },
			      big = { .cpus = 64, .compute = { 524288, 64 }, .swap = true },
			      nomads = { .cpus = 4, .cgroup = "/nomad/" ALLOC ".web", .shared_cpus = "0-2" };

static const struct {
	const char *task, *conf, *driver;
	const struct task_host *host;
	const char *want; /* of the task */
	const char *absent;
} rows[] = {
	{ NULL, NULL, NULL, &plain, "{}", "memory" },
	{ RESOURCES("\"memory_mb\":256", "\"cpu_shares\":500"), NULL, NULL, &plain,
	  "{\"memory\":268435456,\"memory_swap\":268435456,\"cpu_shares\":500}", "reservation" },
	{ RESOURCES("\"memory_mb\":256", ""), NULL, NULL, &no_swap, "{\"memory\":268435456}", "memory_swap" },
	{ RESOURCES("\"memory_mb\":256,\"memory_max_mb\":512", ""), NULL, NULL, &plain,
	  "{\"memory\":536870912,\"memory_reservation\":268435456,\"memory_swap\":536870912}", NULL },
	{ RESOURCES("\"memory_mb\":256,\"memory_max_mb\":-1", ""), NULL, NULL, &plain, "{\"memory_reservation\":268435456}",
	  "\"memory\"" },
	{ RESOURCES("\"memory_mb\":256,\"memory_max_mb\":-1", ""), CONF("\"memory_hard_limit\":300"), NULL, &plain,
	  "{\"memory\":314572800,\"memory_reservation\":268435456}", NULL },
	{ RESOURCES("\"memory_mb\":256,\"memory_max_mb\":512", ""), CONF("\"memory_hard_limit\":1024"), NULL, &plain,
	  "{\"memory\":1073741824,\"memory_reservation\":268435456}", NULL },
	{ RESOURCES("\"memory_mb\":256", ""), CONF("\"memory_reservation\":\"100m\",\"memory_swap\":\"1g\""), NULL, &plain,
	  "{\"memory\":268435456,\"memory_reservation\":104857600,\"memory_swap\":1073741824}", NULL },
	/* shares */
	{ RESOURCES("", "\"cpu_shares\":1"), NULL, NULL, &plain, "{\"cpu_shares\":2}", NULL },
	{ RESOURCES("", "\"cpu_shares\":300000"), NULL, NULL, &plain, "{\"cpu_shares\":262144}", NULL },
	{ RESOURCES("", "\"cpu_shares\":262144"), NULL, NULL, &big, "{\"cpu_shares\":131072}", NULL },
	{ RESOURCES("", "\"cpu_shares\":1"), NULL, NULL, &big, "{\"cpu_shares\":2}", NULL },
	/* quota */
	{ RESOURCES("", "\"cpu_shares\":500,\"percent_ticks\":0.125"), NULL, NULL, &plain, "{\"cpu_shares\":500}", "cpu_quota" },
	{ RESOURCES("", "\"cpu_shares\":500,\"percent_ticks\":0.125"), CONF("\"cpu_hard_limit\":true"), NULL, &plain,
	  "{\"cpu_period\":100000,\"cpu_quota\":50000}", NULL },
	{ RESOURCES("", "\"percent_ticks\":0.5"), CONF("\"cpu_hard_limit\":true,\"cpu_cfs_period\":20000"), NULL, &plain,
	  "{\"cpu_period\":20000,\"cpu_quota\":40000}", NULL },
	{ RESOURCES("", "\"percent_ticks\":0.0001"), CONF("\"cpu_hard_limit\":true"), NULL, &plain, "{\"cpu_quota\":1000}", NULL },
	/* cores, and the cgroup */
	{ RESOURCES("", "\"cpuset_cpus\":\"1,3\""), NULL, NULL, &nomads,
	  "{\"cpuset_cpus\":\"1,3\",\"cgroup\":\"/nomad/" ALLOC ".web\"}", NULL },
	{ RESOURCES("", "\"cpu_shares\":5"), NULL, NULL, &nomads, "{\"cpuset_cpus\":\"0-2\"}", NULL },
	{ NULL, NULL, "{\"oom_score_adj\":100}", &plain, "{\"oom_score_adj\":100}", NULL },
	{ NULL, CONF("\"oom_score_adj\":7"), "{\"oom_score_adj\":100}", &plain, "{\"oom_score_adj\":7}", NULL },
};

static void limits(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(said_done) struct said s;
		_cleanup_(job_freep) struct job *job = job_new();
		_cleanup_json_ json *is = NULL, *want = NULL;
		_cleanup_buf_ struct buf text = { 0 };

		said_init(&s, rows[i].task, rows[i].conf, rows[i].driver);
		if (!s.conf || task_limits(&s.in, rows[i].host, &job->tasks[0], &s.err) < 0)
			fail_msg("row %zu: %s", i, s.err.msg);
		job->tasks[0].image = mem_strdup("x");
		if (job_check(job, &s.err) < 0)
			fail_msg("row %zu: %s", i, s.err.msg);
		is = job_to_json(job);
		json_write(is, &text);
		assert_int_equal(json_parse(rows[i].want, strlen(rows[i].want), &want, NULL), 0);
		if (!said_has(json_at(json_get_array(is, "tasks"), 0), want))
			fail_msg("row %zu: want %s in %s", i, rows[i].want, buf_str(&text));
		if (rows[i].absent && strstr(buf_str(&text), rows[i].absent))
			fail_msg("row %zu: %s in %s", i, rows[i].absent, buf_str(&text));
	}
}

static void less_than_it_keeps(void **unused)
{
	static const char *const confs[] = { CONF("\"memory_hard_limit\":100"), CONF("\"memory_reservation\":\"300m\"") },
				 *const options[] = { "option memory_hard_limit", "option memory_reservation" };

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(said_done) struct said s;
		_cleanup_(job_freep) struct job *job = job_new();

		said_init(&s, RESOURCES("\"memory_mb\":256", ""), confs[i], NULL);
		assert_int_equal(task_limits(&s.in, &plain, &job->tasks[0], &s.err), -ERR_INVALID);
		assert_non_null(strstr(s.err.msg, options[i]));
	}
}

/* More than can be counted in bytes. */
static void more_than_there_is(void **unused)
{
	static const struct {
		const char *task, *option;
	} beyond[] = {
		{ RESOURCES("\"memory_mb\":9223372036854775807", ""), "option resources.memory:" },
		{ RESOURCES("\"memory_mb\":1073741825", ""), "option resources.memory:" },
		{ RESOURCES("\"memory_mb\":256,\"memory_max_mb\":9223372036854775807", ""), "option resources.memory_max:" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
		_cleanup_(said_done) struct said s;
		_cleanup_(job_freep) struct job *job = job_new();

		said_init(&s, beyond[i].task, NULL, NULL);
		if (task_limits(&s.in, &plain, &job->tasks[0], &s.err) != -ERR_INVALID || !strstr(s.err.msg, beyond[i].option))
			fail_msg("row %zu: %s", i, s.err.msg);
	}
}

/* cgroups */

static const struct {
	const char *said, *there; /* below the host */
	const char *path, *shared;
} places[] = {
	{ "", "/sys/fs/cgroup/freezer/nomad/" ALLOC ".web", NULL, NULL },
	{ "/sys/fs/cgroup/cpuset/nomad/share", "/sys/fs/cgroup/freezer/nomad/" ALLOC ".web", "/nomad/" ALLOC ".web",
	  "/sys/fs/cgroup/cpuset/nomad/share" },
	{ "/sys/fs/cgroup/cpuset/a/b/share", "/sys/fs/cgroup/freezer/a/b/" ALLOC ".web", "/a/b/" ALLOC ".web",
	  "/sys/fs/cgroup/cpuset/a/b/share" },
	{ "/sys/fs/cgroup/cpuset/nomad/reserve/" ALLOC ".web", "/sys/fs/cgroup/freezer/nomad/" ALLOC ".web", "/nomad/" ALLOC ".web",
	  NULL },
	{ "/sys/fs/cgroup/cpuset/nomad/share", "/sys/fs/cgroup/freezer/nomad/other.web", NULL, NULL },
	{ "/sys/fs/cgroup/cpuset/nomad/else", "/sys/fs/cgroup/freezer/nomad/" ALLOC ".web", NULL, NULL },
	{ "/sys/fs/cgroup/nomad.slice/share.slice/" ALLOC ".web.scope",
	  "/sys/fs/cgroup/nomad.slice/share.slice/" ALLOC ".web.scope", "/nomad.slice/share.slice/" ALLOC ".web.scope", NULL },
	{ "/sys/fs/cgroup/../../etc", "/etc", NULL, NULL },
	{ "/etc", "/etc", NULL, NULL },
};

static void same(const char *is, const char *want, size_t row)
{
	if ((!is != !want) || (is && strcmp(is, want) != 0))
		fail_msg("row %zu: %s, not %s", row, is ? is : "none", want ? want : "none");
}

static void where_nomad_has_put_it(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char host[] = "/tmp/test-resources.XXXXXX";
		_cleanup_(said_done) struct said s;
		_cleanup_(task_cgroup_done) struct task_cgroup c = { 0 };
		_cleanup_free_ char *there = NULL, *shared = NULL,
				    *task = mem_printf(RESOURCES("", "\"cpuset_cgroup\":\"%s\""), places[i].said);

		assert_non_null(mkdtemp(host));
		there = mem_printf("%s%s", host, places[i].there);
		assert_int_equal(file_mkdirs(there, 0755, NULL), 0);
		said_init(&s, task, NULL, NULL);
		task_cgroup_find(s.task, host, &c);
		shared = places[i].shared ? mem_printf("%s%s", host, places[i].shared) : NULL;
		same(c.path, places[i].path, i);
		same(c.shared, shared, i);
		assert_int_equal(file_remove_tree(host, NULL), 0);
	}
}

/* the cpuset that others share */

static void put(const char *folder, const char *file, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, file);

	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

/* As Nomad does: the file stays, and what is in it changes. */
static void rewrite(const char *folder, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/cpuset.cpus", folder);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* A file that no root of a hierarchy of version 2 has, whichever cgroup the plugin is in; @files stand below the host. */
static int64_t swap_on(const char *const *files)
{
	static const struct stats_compute compute;
	char host[] = "/tmp/test-swap.XXXXXX";
	_cleanup_(said_done) struct said s;
	_cleanup_(job_freep) struct job *job = job_new();

	assert_non_null(mkdtemp(host));
	for (; *files; files++) {
		_cleanup_free_ char *folder = mem_printf("%s/sys/fs/cgroup/%s", host, *files);
		char *file = strrchr(folder, '/');

		*file = '\0';
		assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
		put(folder, file + 1, "memory pids\n");
	}
	said_init(&s, RESOURCES("\"memory_mb\":256", ""), CONF("\"command\":\"x\""), NULL);
	assert_int_equal(task_limits_here(&s.in, &compute, host, &job->tasks[0], &s.err), 0);
	assert_int_equal(file_remove_tree(host, NULL), 0);
	return job->tasks[0].memory_swap;
}

static void swap_where_the_kernel_counts_it(void **unused)
{
#define TASKS "cgroup.controllers", "nomad.slice/cgroup.controllers", "nomad.slice/cgroup.procs"
	(void)unused;
	assert_int_equal(swap_on((const char *const[]){ TASKS, "nomad.slice/memory.swap.max", NULL }), 256 << 20);
	assert_int_equal(swap_on((const char *const[]){ TASKS, NULL }), 0);
	assert_int_equal(swap_on((const char *const[]){ "memory/cgroup.procs", "memory/memory.memsw.limit_in_bytes", NULL }),
			 256 << 20);
	assert_int_equal(swap_on((const char *const[]){ "memory/cgroup.procs", "memory/nomad/cgroup.procs", NULL }), 0);
}

struct heard {
	unsigned n;
	char *folder;
};

static void on_update(void *arg, const char *folder)
{
	struct heard *h = arg;

	h->n++;
	free(h->folder);
	h->folder = mem_strdup(folder);
}

static void a_share_that_changes(void **unused)
{
	char a[] = "/tmp/test-share.XXXXXX", b[] = "/tmp/test-share.XXXXXX";
	struct loop *loop = loop_new();
	struct heard heard = { 0 };
	struct cpuset_share *s = cpuset_share_new(loop, on_update, &heard);
	_cleanup_free_ char *now = NULL;

	(void)unused;
	assert_non_null(mkdtemp(a));
	assert_non_null(mkdtemp(b));
	put(a, "cpuset.cpus", "0-3\n");
	put(b, "cpuset.cpus", "0-3\n");
	assert_true(cpuset_share_follow(s, a));
	assert_true(cpuset_share_follow(s, a));
	assert_false(cpuset_share_follow(s, "/no/such/folder"));
	rewrite(a, "0-1\n");
	assert_true(loop_pause(loop, 50, NULL, NULL) >= 0);
	assert_int_equal(heard.n, 1);
	assert_string_equal(heard.folder, a);
	assert_true(cpuset_share_copy(a, b));
	now = cpuset_share_now(b);
	assert_string_equal(now, "0-1");
	put(a, "cpuset.effective_cpus", "1\n"); /* one of them is off */
	free(now);
	now = cpuset_share_now(a);
	assert_string_equal(now, "1");
	assert_null(cpuset_share_now("/no/such/folder"));
	assert_false(cpuset_share_copy(a, "/no/such/folder"));
	assert_int_equal(file_remove_tree(a, NULL), 0); /* followed no more */
	assert_true(loop_pause(loop, 50, NULL, NULL) >= 0);
	cpuset_share_free(s);
	loop_free(loop);
	free(heard.folder);
	assert_int_equal(file_remove_tree(b, NULL), 0);
}

RUN_TESTS("task-limits", cmocka_unit_test(limits), cmocka_unit_test(less_than_it_keeps), cmocka_unit_test(more_than_there_is),
	  cmocka_unit_test(where_nomad_has_put_it), cmocka_unit_test(a_share_that_changes),
	  cmocka_unit_test(swap_where_the_kernel_counts_it))
