#include "cgroup.h"
#include "file.h"
#include "mem.h"
#include "test.h"
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"

static void write_file(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, name);

	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static char *tree(void)
{
	char template[] = "/tmp/davit-cgroup.XXXXXX";

	assert_non_null(mkdtemp(template));
	return mem_strdup(template);
}

static void finds_v1(void **state)
{
	_cleanup_free_ char *root = tree(), *memory = mem_printf("%s/memory/ns/a-00000001", root),
			    *inner = mem_printf("%s/inner", memory), *pids = mem_printf("%s/pids/ns/a-00000001", root),
			    *other = mem_printf("%s/pids/ns/b-00000002", root);
	_cleanup_strv_ struct strv ids = { 0 };
	_cleanup_(cgroup_pids_done) struct cgroup_pids found = { 0 };

	(void)state;
	assert_int_equal(file_mkdirs(inner, 0700, NULL), 0);
	assert_int_equal(file_mkdirs(pids, 0700, NULL), 0);
	assert_int_equal(file_mkdirs(other, 0700, NULL), 0);
	write_file(memory, "cgroup.procs", "13\n0\n");
	write_file(inner, "cgroup.procs", "12\n");
	write_file(pids, "cgroup.procs", "12\n13\n");
	cgroup_ids(root, "ns", &ids);
	assert_int_equal(ids.n, 2);
	assert_true(strv_has(&ids, "a-00000001") && strv_has(&ids, "b-00000002"));
	assert_int_equal(cgroup_pids(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &found, NULL), 0);
	assert_int_equal(found.n, 3);
	assert_int_equal(found.v[0], 0);
	assert_int_equal(found.v[1], 12);
	assert_int_equal(found.v[2], 13);
	assert_true(cgroup_has(&found, 12) && cgroup_has(&found, 0) && !cgroup_has(&found, 14));
	assert_true(cgroup_exists(root, &(const struct cgroup_name){ "ns", "b-00000002", NULL }));
	assert_false(cgroup_exists(root, &(const struct cgroup_name){ "ns", "c-00000003", NULL }));
	assert_false(cgroup_exists(root, &(const struct cgroup_name){ "other", "a-00000001", NULL }));
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

/* A list that is not read to its end would pass for an empty cgroup. */
static void reads_long_lists(void **state)
{
	_cleanup_free_ char *root = tree(), *own = mem_printf("%s/pids/ns/a-00000001", root);
	_cleanup_(cgroup_pids_done) struct cgroup_pids found = { 0 };
	_cleanup_buf_ struct buf list = { 0 };
	enum { N = 300000 };

	(void)state;
	assert_int_equal(file_mkdirs(own, 0700, NULL), 0);
	for (int i = 0; i < N; i++)
		buf_addf(&list, "%d\n", 4000000 + i);
	write_file(own, "cgroup.procs", buf_str(&list));
	assert_int_equal(cgroup_pids(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &found, NULL), 0);
	assert_int_equal(found.n, N);
	assert_int_equal(found.v[N - 1], 4000000 + N - 1);
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

/* Nor is one that cannot be read. */
static void believes_no_silence(void **state)
{
	_cleanup_free_ char *root = tree(), *procs = mem_printf("%s/pids/ns/a-00000001/x/cgroup.procs", root);
	const struct ctx ctx = ctx_within(NULL, 50);
	_cleanup_(cgroup_pids_done) struct cgroup_pids found = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_mkdirs(procs, 0700, NULL), 0);
	assert_true(cgroup_pids(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &found, &err) < 0);
	assert_non_null(strstr(err.msg, "a-00000001/x/cgroup.procs"));
	err_clear(&err);
	assert_true(cgroup_kill(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &ctx, &err) < 0);
	assert_non_null(strstr(err.msg, "cgroup.procs"));
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

static void finds_v2(void **state)
{
	_cleanup_free_ char *root = tree(), *own = mem_printf("%s/ns/a-00000001", root),
			    *deep = mem_printf("%s/x/ns/b-00000002", root);
	_cleanup_strv_ struct strv ids = { 0 };

	(void)state;
	assert_int_equal(file_mkdirs(own, 0700, NULL), 0);
	assert_int_equal(file_mkdirs(deep, 0700, NULL), 0);
	write_file(root, "cgroup.controllers", "cpu memory\n");
	cgroup_ids(root, "ns", &ids);
	assert_int_equal(ids.n, 1);
	assert_string_equal(ids.v[0], "a-00000001");
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

/* The scopes that systemd made, of this namespace and no other: "ns" and "ns-x" may both have a job x-1. */
static void finds_scopes(void **state)
{
	_cleanup_free_ char *root = tree();
	static const char *const scopes[] = { "davit-ns--a-00000001.scope", "davit-ns-x--b-00000002.scope", "davit-ns--.scope",
					      "davit-ns--c-00000003.slice", "docker-1.scope" };
	const struct ctx ctx = ctx_within(NULL, 1000);
	_cleanup_strv_ struct strv ids = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
		_cleanup_free_ char *path = mem_printf("%s/system.slice/%s", root, scopes[i]);

		assert_int_equal(file_mkdirs(path, 0700, NULL), 0);
	}
	write_file(root, "cgroup.controllers", "cpu memory\n");
	cgroup_ids(root, "ns", &ids);
	assert_int_equal(ids.n, 1);
	assert_string_equal(ids.v[0], "a-00000001");
	assert_true(cgroup_exists(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }));
	assert_false(cgroup_exists(root, &(const struct cgroup_name){ "ns", "b-00000002", NULL }));
	assert_true(cgroup_exists(root, &(const struct cgroup_name){ "ns-x", "b-00000002", NULL }));
	assert_int_equal(cgroup_end(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &ctx, NULL), 0);
	assert_false(cgroup_exists(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }));
	assert_true(cgroup_exists(root, &(const struct cgroup_name){ "ns-x", "b-00000002", NULL }));
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

static void ends_folders(void **state)
{
	_cleanup_free_ char *root = tree(), *inner = mem_printf("%s/pids/ns/a-00000001/x/y", root);
	const struct ctx ctx = ctx_within(NULL, 1000);

	(void)state;
	assert_int_equal(file_mkdirs(inner, 0700, NULL), 0);
	assert_int_equal(cgroup_end(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &ctx, NULL), 0);
	assert_false(cgroup_exists(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }));
	assert_int_equal(cgroup_end(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &ctx, NULL), 0);
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

/* What cannot go is named, and the wait is bounded. */
static void says_what_stays(void **state)
{
	_cleanup_free_ char *root = tree(), *own = mem_printf("%s/pids/ns/a-00000001", root);
	const struct ctx ctx = ctx_within(NULL, 50);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_mkdirs(own, 0700, NULL), 0);
	write_file(own, "stuck", "");
	assert_true(cgroup_end(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &ctx, &err) < 0);
	assert_non_null(strstr(err.msg, "/pids/ns/a-00000001"));
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

/* A process of a real cgroup, where we may make one. */
static void ends_processes(void **state)
{
	_cleanup_free_ char *ns = mem_printf("davit-test-%d", (int)getpid()), *id = mem_strdup("a-00000001"), *top = NULL,
			    *own = NULL;
	const struct ctx ctx = ctx_within(NULL, 5000);
	char text[32];
	int status;
	pid_t pid;

	(void)state;
	top = mem_printf(ROOT "%s/%s", file_exists(ROOT "/cgroup.controllers") ? "" : "/pids", ns);
	own = mem_printf("%s/%s", top, id);
	if (mkdir(top, 0755) < 0 || mkdir(own, 0755) < 0) {
		(void)rmdir(top);
		print_message("skipped: cannot make a cgroup below " ROOT "\n");
		skip();
	}
	pid = fork();
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	assert_true(pid > 0);
	(void)snprintf(text, sizeof text, "%d", (int)pid);
	{
		_cleanup_free_ char *procs = mem_printf("%s/cgroup.procs", own);
		FILE *f = fopen(procs, "we");

		assert_non_null(f);
		assert_true(fputs(text, f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	assert_int_equal(cgroup_end(ROOT, &(const struct cgroup_name){ ns, id, NULL }, &ctx, NULL), 0);
	assert_false(cgroup_exists(ROOT, &(const struct cgroup_name){ ns, id, NULL }));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(rmdir(top), 0);
}

static void assert_file(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, name);
	_cleanup_buf_ struct buf now = { 0 };

	assert_int_equal(file_read(path, 4096, &now, NULL), 0);
	assert_int_equal(strncmp(buf_str(&now), text, strlen(text)), 0);
}

/* Files made to look like v2: one write ends all; before Linux 5.14 it is frozen meanwhile. */
static void kills_v2(void **state)
{
	_cleanup_free_ char *root = tree(), *own = mem_printf("%s/ns/a-00000001", root);
	const struct ctx ctx = ctx_within(NULL, 1000);

	(void)state;
	assert_int_equal(file_mkdirs(own, 0700, NULL), 0);
	write_file(root, "cgroup.controllers", "cpu memory\n");
	write_file(own, "cgroup.procs", "");
	write_file(own, "cgroup.kill", "");
	write_file(own, "cgroup.freeze", "1");
	assert_int_equal(cgroup_kill(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &ctx, NULL), 0);
	assert_file(own, "cgroup.kill", "1");
	assert_file(own, "cgroup.freeze", "0");
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

/* Nobody is hit who is not in it; what stays is said. */
static void v2_without_its_file(void **state)
{
	_cleanup_free_ char *root = tree(), *own = mem_printf("%s/ns/a-00000001", root);
	const struct ctx ctx = ctx_within(NULL, 50);
	struct err err = ERR_INIT;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	assert_int_equal(file_mkdirs(own, 0700, NULL), 0);
	write_file(root, "cgroup.controllers", "cpu memory\n");
	write_file(own, "cgroup.freeze", "0");
	{
		_cleanup_free_ char *line = mem_printf("%d\n1\n0\n", (int)pid);

		write_file(own, "cgroup.procs", line);
	}
	assert_int_equal(cgroup_kill(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &ctx, &err),
			 -ERR_DEADLINE); /* a file keeps its lines */
	assert_non_null(strstr(err.msg, "/ns/a-00000001"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_file(own, "cgroup.freeze", "0");
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

static void lets_go_of_a_v1_freezer(void **state)
{
	_cleanup_free_ char *root = tree(), *own = mem_printf("%s/freezer/ns/a-00000001", root);
	_cleanup_free_ char *inner = mem_printf("%s/inner/most", own); /* a job's, which froze itself */
	const struct ctx ctx = ctx_within(NULL, 1000);

	(void)state;
	assert_int_equal(file_mkdirs(inner, 0700, NULL), 0);
	write_file(own, "cgroup.procs", "");
	write_file(own, "freezer.state", "FROZEN");
	write_file(own, "inner/freezer.state", "THAWED");
	write_file(inner, "freezer.state", "FROZEN");
	assert_int_equal(cgroup_kill(root, &(const struct cgroup_name){ "ns", "a-00000001", NULL }, &ctx, NULL), 0);
	assert_file(own, "freezer.state", "THAWED");
	assert_file(inner, "freezer.state", "THAWED");
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

/* Of somebody else's making: it is looked for beside davit's own, and ends the same way. */
static void one_of_somebody_else(void **state)
{
	const struct cgroup_name name = { "ns", "f-00000009", "/nomad/a.web" }, unknown = { "ns", "f-00000009", NULL };
	const struct ctx ctx = ctx_within(NULL, 2000);
	_cleanup_(cgroup_pids_done) struct cgroup_pids found = { 0 };
	_cleanup_free_ char *root = tree(), *its = mem_printf("%s/freezer/nomad/a.web", root);

	(void)state;
	assert_int_equal(file_mkdirs(its, 0700, NULL), 0);
	assert_true(cgroup_exists(root, &name));
	assert_false(cgroup_exists(root, &unknown));
	write_file(its, "cgroup.procs", "7\n");
	assert_int_equal(cgroup_pids(root, &name, &found, NULL), 0);
	assert_int_equal(found.n, 1);
	write_file(its, "cgroup.procs", "");
	assert_int_equal(cgroup_kill(root, &name, &ctx, NULL), 0);
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_v1),
		cmocka_unit_test(reads_long_lists),
		cmocka_unit_test(believes_no_silence),
		cmocka_unit_test(finds_v2),
		cmocka_unit_test(finds_scopes),
		cmocka_unit_test(ends_folders),
		cmocka_unit_test(says_what_stays),
		cmocka_unit_test(ends_processes),
		cmocka_unit_test(kills_v2),
		cmocka_unit_test(v2_without_its_file),
		cmocka_unit_test(lets_go_of_a_v1_freezer),
		cmocka_unit_test(one_of_somebody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
