#include "test.h"
#include "test-folder.h"
#include "jobfile.h"
#include "jobset.h"
#include "file.h"
#include "mem.h"
#include <string.h>

static struct jobset *parsed(const char *file, const char *text, const struct jobfile_how *how)
{
	struct jobset *set = NULL;
	struct err err = ERR_INIT;

	if (jobfile_parse(file, text, strlen(text), how, NULL, &set, &err) < 0)
		fail_msg("%s", err.msg);
	return set;
}

static void relative_paths(void **state)
{
	static const struct jobfile_how how = { .cwd = "/srv/jobs" };
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	const struct task *t;

	(void)state;
	set = parsed(
		"-",
		"{\"tasks\":[{\"image\":\"i\",\"seccomp\":\"./s.json\",\"provision\":[\"a.sh\",\"/b.sh\",\"../c.sh\"],\"auth\":{"
		"\"file\":\"auth.json\"},\"mounts\":[{\"source\":\".\",\"target\":\"/a\"},{\"source\":\"../x/./y\",\"target\":"
		"\"/b\"},{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/c\"}]}]}",
		&how);
	t = &set->jobs[0].tasks[0];
	assert_string_equal(t->seccomp, "/srv/jobs/s.json");
	assert_string_equal(t->provision.v[0], "/srv/jobs/a.sh");
	assert_string_equal(t->provision.v[1], "/b.sh");
	assert_string_equal(t->provision.v[2], "/srv/c.sh");
	assert_string_equal(t->auth->file, "/srv/jobs/auth.json");
	assert_string_equal(t->mounts[0].source, "/srv/jobs");
	assert_string_equal(t->mounts[1].source, "/srv/x/y");
	assert_string_equal(t->mounts[2].source, "data");
}

static void paths_are_below_the_file(void **state)
{
	static const char text[] = "{\"jobs\":[{\"name\":\"a\",\"tasks\":[{\"bundle\":\"b\"}]}]}";
	_cleanup_(jobset_freep) struct jobset *set = parsed("/srv/x/web.json", text, NULL);

	(void)state;
	assert_string_equal(set->jobs[0].tasks[0].bundle, "/srv/x/b");
}

/* As some editors write it, in every form. */
static void a_byte_order_mark_is_passed_over(void **state)
{
	static const char text[] = "\xef\xbb\xbf{\"name\":\"x\",\"tasks\":[{\"image\":\"i\"}]}";
	static const char wrong[] = "\xef\xbb\xbf\xef\xbb\xbf{}";
	_cleanup_(jobset_freep) struct jobset *named = parsed("a.json", text, NULL), *by_content = parsed("-", text, NULL);
	struct jobset *set = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_string_equal(named->jobs[0].name, "x");
	assert_string_equal(by_content->jobs[0].name, "x");
	assert_int_equal(jobfile_parse("a.json", wrong, sizeof wrong - 1, NULL, NULL, &set, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "a.json:1:1: unexpected character");
}

static int setup(void **state)
{
	*state = test_folder_new("jobfile", "vars");
	return 0;
}

static void environment_files(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *path = mem_printf("%s/job.json", f->dir);
	static const char text[] = "{\"tasks\":[{\"image\":\"i\",\"env\":[\"B=task\"],\"env_files\":[\"vars\"]}]}";
	char *const env[] = { (char[]){ "C=ours" }, NULL };
	const struct jobfile_how how = { .env = env };
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	const struct task *t;

	assert_int_equal(file_write(f->path, "A=1\nB=2\nC\nD\n", 12, 0600, NULL), 0);
	assert_int_equal(file_write(path, text, sizeof text - 1, 0600, NULL), 0);
	assert_int_equal(jobfile_read(path, &how, NULL, &set, NULL), 0);
	t = &set->jobs[0].tasks[0];
	assert_int_equal(t->env_files.n, 0);
	assert_int_equal(t->env.n, 3);
	assert_string_equal(strv_env(&t->env, "A"), "1");
	assert_string_equal(strv_env(&t->env, "B"), "task");
	assert_string_equal(strv_env(&t->env, "C"), "ours");
}

static void a_name_beside_the_file(void **state)
{
	static const struct jobfile_how how = { .name = "other" };
	_cleanup_(jobset_freep) struct jobset *one = parsed("a.json", "{\"name\":\"x\",\"tasks\":[{\"image\":\"i\"}]}", &how);
	_cleanup_(jobset_freep) struct jobset *set =
		parsed("a.json", "{\"name\":\"x\",\"jobs\":[{\"name\":\"a\",\"tasks\":[{\"image\":\"i\"}]}]}", &how);

	(void)state;
	assert_string_equal(one->jobs[0].name, "other");
	assert_null(one->name);
	assert_string_equal(set->jobs[0].name, "a");
	assert_string_equal(set->name, "other");
}

static void refuses(void **state)
{
	static const struct {
		const char *file, *text;
		bool var;
		const char *says;
	} rows[] = {
		{ "a.json", "{\"tasks\":[{\"image\":\"i\"}]", false, "a.json:1:25" },
		{ "-", "{\"tasks\":[{\"image\":\"i\",\"x\":1}]}", false, "-:1:" },
		{ "-", "hello", false, "job file -: in no form that davit knows" },
		{ "-", "", false, "job file -: in no form that davit knows" },
		{ "a.json", "", false, "a.json:1:1" },
		{ "a.json", "{\"tasks\":[{\"image\":\"i\"}]}", true, "variable \"a=1\": a job in JSON has none" },
		{ "a.json", "{\"jobs\":[]}", false, "a.json:1:1: set without jobs" },
		{ "a.json", "{\"jobs\":[{\"tasks\":[{\"image\":\"i\"}]},{\"tasks\":[{\"image\":\"i\"}]}]}", false,
		  "without a name" },
		{ "a.json", "{\"tasks\":[{\"image\":\"i\",\"env_files\":[\"/nonexistent/x\"]}]}", false, "/nonexistent/x" },
		{ "a.json", "{\"tasks\":[{\"image\":\"i\",\"env_files\":[7]}]}", false,
		  "key \"env_files\": wants a list of texts" },
	};

	_cleanup_strv_ struct strv var = { 0 };

	(void)state;
	strv_push(&var, "a=1");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct jobfile_how how = { .vars = rows[i].var ? &var : NULL };
		struct jobset *set = NULL;
		struct err err = ERR_INIT;
		int r = jobfile_parse(rows[i].file, rows[i].text, strlen(rows[i].text), &how, NULL, &set, &err);

		if (r != -ERR_INVALID && r != -ERR_NOT_FOUND)
			fail_msg("%s: %d", rows[i].text, r);
		if (!strstr(err.msg, rows[i].says))
			fail_msg("%s: %s", rows[i].text, err.msg);
	}
}

static void what_is_no_file(void **state)
{
	struct jobset *set = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(jobfile_read("/nonexistent/a.json", NULL, NULL, &set, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "job file /nonexistent/a.json"));
	err_clear(&err);
	assert_int_equal(jobfile_read("/tmp", NULL, NULL, &set, &err), -ERR_INVALID);
}

RUN_TESTS("jobfile", cmocka_unit_test(relative_paths), cmocka_unit_test(paths_are_below_the_file),
	  cmocka_unit_test_setup_teardown(environment_files, setup, test_folder_teardown), cmocka_unit_test(a_name_beside_the_file),
	  cmocka_unit_test(a_byte_order_mark_is_passed_over), cmocka_unit_test(refuses), cmocka_unit_test(what_is_no_file))
