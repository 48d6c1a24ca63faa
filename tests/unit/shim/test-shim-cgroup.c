#include "test.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include "shim-cgroup.h"
#include "test-folder.h"
#include <string.h>
#include <unistd.h>

/* Files that look like a machine's: @hierarchy "" is that of v2. */
static void make_group(const char *root, const char *hierarchy, const char *group)
{
	_cleanup_free_ char *folder = mem_printf("%s/%s/%s", root, hierarchy, group),
			    *procs = mem_printf("%s/cgroup.procs", folder);

	assert_int_equal(file_mkdirs(folder, 0700, NULL), 0);
	assert_int_equal(file_write(procs, "", 0, 0600, NULL), 0);
}

static void check_joined(const char *root, const char *path, const char *said)
{
	_cleanup_free_ char *procs = mem_printf("%s/%s/cgroup.procs", root, path);
	_cleanup_buf_ struct buf text = { 0 };

	assert_int_equal(file_read(procs, 64, &text, NULL), 0);
	assert_string_equal(buf_str(&text), said);
}

static void joins_every_hierarchy_that_has_it(void **state)
{
	const char *root = ((const struct test_folder *)*state)->dir;

	make_group(root, "cpu,cpuacct", "shims");
	make_group(root, "memory", "shims");
	make_group(root, "pids", "others");
	assert_int_equal(shim_cgroup_join(root, "/shims", NULL), 0);
	check_joined(root, "cpu,cpuacct/shims", "0");
	check_joined(root, "memory/shims", "0");
	check_joined(root, "pids/others", "");
}

static void joins_the_one_of_v2(void **state)
{
	const char *root = ((const struct test_folder *)*state)->dir;
	_cleanup_free_ char *controllers = mem_printf("%s/cgroup.controllers", root);

	assert_int_equal(file_write(controllers, "", 0, 0600, NULL), 0);
	make_group(root, "", "a/shims");
	make_group(root, "memory", "a/shims");
	assert_int_equal(shim_cgroup_join(root, "a/shims", NULL), 0);
	check_joined(root, "a/shims", "0");
	check_joined(root, "memory/a/shims", "");
}

static void says_that_it_is_not_there(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(shim_cgroup_join(((const struct test_folder *)*state)->dir, "/none", &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "ShimCgroup /none"));
	assert_true(*err.hint);
}

static int cgroups_new(void **state)
{
	*state = test_folder_new("cgroup", "x");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(joins_every_hierarchy_that_has_it, cgroups_new, test_folder_teardown),
		cmocka_unit_test_setup_teardown(joins_the_one_of_v2, cgroups_new, test_folder_teardown),
		cmocka_unit_test_setup_teardown(says_that_it_is_not_there, cgroups_new, test_folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
