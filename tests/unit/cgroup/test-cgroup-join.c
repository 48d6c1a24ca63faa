#include "cgroup-join.h"
#include "test.h"
#include "test-folder.h"
#include <string.h>

static void put(const struct test_folder *f, const char *path, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s%s", f->dir, path),
			    *folder = mem_strndup(file, (size_t)(strrchr(file, '/') - file));

	assert_int_equal(file_mkdirs(folder, 0700, NULL), 0);
	assert_int_equal(file_write(file, text, strlen(text), 0600, NULL), 0);
}

/* "0" is who writes it. */
static void has(const struct test_folder *f, const char *folder, const char *want)
{
	_cleanup_free_ char *file = mem_printf("%s/sys/fs/cgroup%s/cgroup.procs", f->dir, folder);
	_cleanup_buf_ struct buf text = { 0 };

	assert_int_equal(file_read(file, 100, &text, NULL), 0);
	assert_string_equal(buf_str(&text), want);
}

/* Where it is already, nothing is written; a root is a place as any; a mount may have the name of one of several controllers. */
static void hybrid(void **state)
{
	struct test_folder *f = *state;

	put(f, "/proc/7/cgroup", "9:cpu,cpuacct:/c/shim\n8:pids:/\n7:memory:/same\n1:name=systemd:/c/shim\n0::/c/shim\n");
	put(f, "/proc/self/cgroup", "9:cpu,cpuacct:/login\n8:pids:/login\n7:memory:/same\n1:name=systemd:/login\n0::/login\n");
	put(f, "/sys/fs/cgroup/cpu/c/shim/cgroup.procs", "");
	put(f, "/sys/fs/cgroup/pids/cgroup.procs", "");
	put(f, "/sys/fs/cgroup/memory/same/cgroup.procs", "");
	put(f, "/sys/fs/cgroup/systemd/c/shim/cgroup.procs", "");
	put(f, "/sys/fs/cgroup/unified/c/shim/cgroup.procs", "");
	assert_int_equal(cgroup_join(f->dir, 7, NULL), 0);
	has(f, "/cpu/c/shim", "0");
	has(f, "/pids", "0");
	has(f, "/memory/same", "");
	has(f, "/systemd/c/shim", "0");
	has(f, "/unified/c/shim", "0");
}

/* What is mounted may be a part, as in a container. */
static void unified(void **state)
{
	struct test_folder *f = *state;

	put(f, "/proc/7/cgroup", "0::/docker/x/shim\n");
	put(f, "/proc/self/cgroup", "0::/docker/x/login\n");
	put(f, "/sys/fs/cgroup/cgroup.controllers", "memory\n");
	put(f, "/sys/fs/cgroup/shim/cgroup.procs", "");
	assert_int_equal(cgroup_join(f->dir, 7, NULL), 0);
	has(f, "/shim", "0");
}

/* One that is not to be had keeps from none of the others. */
static void not_to_be_had(void **state)
{
	struct test_folder *f = *state;
	struct err err = ERR_INIT;

	put(f, "/proc/7/cgroup", "9:cpu:/../shim\n8:pids:/gone\n7:memory:/shim\n6:rdma:/shim\n");
	put(f, "/proc/self/cgroup", "9:cpu:/\n8:pids:/\n7:memory:/\n6:rdma:/\n");
	put(f, "/sys/fs/cgroup/cpu/shim/cgroup.procs", "");
	put(f, "/sys/fs/cgroup/pids/cgroup.procs", "");
	put(f, "/sys/fs/cgroup/memory/shim/cgroup.procs", "");
	assert_int_equal(cgroup_join(f->dir, 7, &err), -ERR_PRECONDITION);
	assert_non_null(strstr(err.msg, "9:cpu:/../shim"));
	has(f, "/cpu/shim", "");
	has(f, "/pids", "");
	has(f, "/memory/shim", "0");
	assert_int_equal(cgroup_join(f->dir, 8, NULL), -ERR_NOT_FOUND);
}

static int folder(void **state)
{
	*state = test_folder_new("cgroup-join", "");
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, folder, test_folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(hybrid), CASE(unified), CASE(not_to_be_had) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
