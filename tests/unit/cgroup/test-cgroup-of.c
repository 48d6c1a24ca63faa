#include "cgroup-of.h"
#include "test.h"
#include "test-folder.h"
#include <string.h>

static void put(const struct test_folder *f, const char *path, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s%s", f->dir, path),
			    *folder = mem_strndup(file, (size_t)(strrchr(file, '/') - file));

	assert_int_equal(file_mkdirs(folder, 0700, NULL), 0);
	if (strrchr(file, '/')[1])
		assert_int_equal(file_write(file, text, strlen(text), 0600, NULL), 0);
}

static void is_at(const struct test_folder *f, const char *found, const char *path)
{
	_cleanup_free_ char *want = path ? mem_printf("%s/sys/fs/cgroup%s", f->dir, path) : NULL;

	if (path)
		assert_string_equal(found, want);
	else
		assert_null(found);
}

/* Controllers by name, however they are mounted together; a root is of no container, and what is not mounted is not there. */
static void hybrid(void **state)
{
	struct test_folder *f = *state;
	_cleanup_(cgroup_of_done) struct cgroup_of c = { 0 };

	put(f, "/proc/7/cgroup",
	    "9:cpu,cpuacct:/ns/a\n8:pids:/ns/a:b\n7:memory:/ns/a\n6:blkio:/\n5:rdma:/ns/a\n1:name=systemd:/ns/a\n0::/ns/a\n");
	put(f, "/sys/fs/cgroup/cpu/ns/a/", "");
	put(f, "/sys/fs/cgroup/cpuacct/ns/a/", "");
	put(f, "/sys/fs/cgroup/pids/ns/a:b/", "");
	put(f, "/sys/fs/cgroup/memory/ns/a/", "");
	put(f, "/sys/fs/cgroup/blkio/", "");
	put(f, "/sys/fs/cgroup/unified/ns/a/", "");
	assert_int_equal(cgroup_of(f->dir, 7, &c, NULL), 0);
	is_at(f, c.v1[CGROUP_CPU], "/cpu/ns/a");
	is_at(f, c.v1[CGROUP_CPUACCT], "/cpuacct/ns/a");
	is_at(f, c.v1[CGROUP_PIDS], "/pids/ns/a:b");
	is_at(f, c.v1[CGROUP_MEMORY], "/memory/ns/a");
	is_at(f, c.v1[CGROUP_BLKIO], NULL);
	is_at(f, c.v1[CGROUP_RDMA], NULL);
	is_at(f, c.v2, NULL);
	is_at(f, cgroup_of_any(&c), "/pids/ns/a:b");
}

static void unified(void **state)
{
	struct test_folder *f = *state;
	_cleanup_(cgroup_of_done) struct cgroup_of c = { 0 };

	put(f, "/proc/7/cgroup", "1:name=systemd:/ns/a\n0::/ns/a\n");
	put(f, "/sys/fs/cgroup/cgroup.controllers", "memory\n");
	put(f, "/sys/fs/cgroup/ns/a/", "");
	assert_int_equal(cgroup_of(f->dir, 7, &c, NULL), 0);
	is_at(f, c.v2, "/ns/a");
	is_at(f, cgroup_of_any(&c), "/ns/a");
}

/* The part of a hierarchy that a container sees without a cgroup namespace of its own; and what is above such a namespace. */
static void nested(void **state)
{
	struct test_folder *f = *state;
	_cleanup_(cgroup_of_done) struct cgroup_of c = { 0 };

	put(f, "/proc/7/cgroup", "8:pids:/docker/x/ns/a\n7:memory:/../ns/a\n");
	put(f, "/sys/fs/cgroup/pids/ns/a/", "");
	put(f, "/sys/fs/cgroup/memory/ns/a/", "");
	assert_int_equal(cgroup_of(f->dir, 7, &c, NULL), 0);
	is_at(f, c.v1[CGROUP_PIDS], "/pids/ns/a");
	is_at(f, c.v1[CGROUP_MEMORY], NULL);
}

static void nobody(void **state)
{
	struct test_folder *f = *state;
	_cleanup_(cgroup_of_done) struct cgroup_of c = { 0 };

	assert_int_equal(cgroup_of(f->dir, 7, &c, NULL), -ERR_NOT_FOUND);
	put(f, "/proc/7/cgroup", "\n:\n7\n0:\n8:pids\n");
	assert_int_equal(cgroup_of(f->dir, 7, &c, NULL), 0);
	assert_null(cgroup_of_any(&c));
}

static int folder(void **state)
{
	*state = test_folder_new("cgroup-of", "");
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, folder, test_folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(hybrid), CASE(unified), CASE(nested), CASE(nobody) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
