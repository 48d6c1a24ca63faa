#include "cgroup-usage.h"
#include "test.h"
#include "test-folder.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rig {
	struct test_folder *f;
	struct cgroup_of of;
	struct cgroup_usage got;
};

/* @path below the root of the hierarchies; "" as @text: a folder */
static void put(const struct rig *rig, const char *path, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s/%s", rig->f->dir, path),
			    *folder = mem_strndup(file, (size_t)(strrchr(file, '/') - file));

	assert_int_equal(file_mkdirs(folder, 0700, NULL), 0);
	if (*text)
		assert_int_equal(file_write(file, text, strlen(text), 0600, NULL), 0);
}

static void look(struct rig *rig)
{
	cgroup_of_done(&rig->of);
	cgroup_of_path(rig->f->dir, "/ns/a", &rig->of);
	assert_int_equal(cgroup_usage(&rig->of, &rig->got, NULL), 0);
}

static void is(const struct rig *rig, enum cgroup_measure m, uint64_t want)
{
	assert_true(cgroup_measured(&rig->got, m));
	assert_int_equal(rig->got.v[m], want);
}

static void is_not(const struct rig *rig, enum cgroup_measure m)
{
	assert_false(cgroup_measured(&rig->got, m));
	assert_int_equal(rig->got.v[m], 0);
}

static void version_1(void **state)
{
	struct rig *rig = *state;

	put(rig, "cpuacct/ns/a/cpuacct.usage", "1234567890\n");
	put(rig, "cpuacct/ns/a/cpuacct.stat", "user 12\nsystem 7\n");
	put(rig, "cpu/ns/a/cpu.stat", "nr_periods 30\nnr_throttled 3\nthrottled_time 456\nnr_bursts 9\n");
	put(rig, "memory/ns/a/memory.stat",
	    "cache 1\nrss 2\nhierarchical_memory_limit 9\ntotal_cache 11\ntotal_rss 22\ntotal_rss_huge 5\ntotal_mapped_file 33\n"
	    "total_swap 44\ntotal_inactive_file 55\n");
	put(rig, "memory/ns/a/memory.usage_in_bytes", "4096\n");
	put(rig, "memory/ns/a/memory.max_usage_in_bytes", "8192\n");
	put(rig, "memory/ns/a/memory.limit_in_bytes", "9223372036854771712\n");
	put(rig, "memory/ns/a/memory.kmem.usage_in_bytes", "66\n");
	put(rig, "memory/ns/a/memory.kmem.max_usage_in_bytes", "77\n");
	put(rig, "memory/ns/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
	put(rig, "pids/ns/a/pids.current", "5\n");
	put(rig, "pids/ns/a/pids.max", "max\n");
	put(rig, "blkio/ns/a/blkio.throttle.io_service_bytes_recursive",
	    "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n8:16 Read 5\n8:16 Write 6\nTotal 41\n");
	look(rig);
	is(rig, CGROUP_CPU_TOTAL, 1234567890);
	is(rig, CGROUP_CPU_USER, 12 * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK)));
	is(rig, CGROUP_CPU_SYSTEM, 7 * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK)));
	is(rig, CGROUP_CPU_PERIODS, 30);
	is(rig, CGROUP_CPU_THROTTLED_PERIODS, 3);
	is(rig, CGROUP_CPU_THROTTLED, 456);
	is(rig, CGROUP_MEMORY_USAGE, 4096);
	is(rig, CGROUP_MEMORY_PEAK, 8192);
	is(rig, CGROUP_MEMORY_LIMIT, UINT64_MAX);
	is(rig, CGROUP_MEMORY_CACHE, 11);
	is(rig, CGROUP_MEMORY_RSS, 22);
	is(rig, CGROUP_MEMORY_MAPPED, 33);
	is(rig, CGROUP_MEMORY_SWAP, 44);
	is(rig, CGROUP_MEMORY_INACTIVE, 55);
	is(rig, CGROUP_MEMORY_KERNEL, 66);
	is(rig, CGROUP_MEMORY_KERNEL_PEAK, 77);
	is(rig, CGROUP_OOM_KILLS, 2);
	is(rig, CGROUP_TASKS, 5);
	is(rig, CGROUP_TASKS_LIMIT, UINT64_MAX);
	is(rig, CGROUP_IO_READ, 15);
	is(rig, CGROUP_IO_WRITTEN, 26);
}

static void version_2(void **state)
{
	struct rig *rig = *state;

	put(rig, "cgroup.controllers", "cpu memory pids\n");
	put(rig, "ns/a/cpu.stat",
	    "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\nnr_periods 4\nnr_throttled 2\nthrottled_usec 5\n");
	put(rig, "ns/a/memory.stat", "anon 22\nfile 11\nkernel 66\nfile_mapped 33\ninactive_anon 4\ninactive_file 55\n");
	put(rig, "ns/a/memory.current", "4096\n");
	put(rig, "ns/a/memory.max", "max\n");
	put(rig, "ns/a/memory.swap.current", "44\n");
	put(rig, "ns/a/memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n");
	put(rig, "ns/a/pids.current", "5\n");
	put(rig, "ns/a/pids.max", "100\n");
	put(rig, "ns/a/io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=5 wbytes=6 rios=1\n");
	look(rig);
	is(rig, CGROUP_CPU_TOTAL, 1234000);
	is(rig, CGROUP_CPU_USER, 1000000);
	is(rig, CGROUP_CPU_SYSTEM, 234000);
	is(rig, CGROUP_CPU_PERIODS, 4);
	is(rig, CGROUP_CPU_THROTTLED_PERIODS, 2);
	is(rig, CGROUP_CPU_THROTTLED, 5000);
	is(rig, CGROUP_MEMORY_USAGE, 4096);
	is_not(rig, CGROUP_MEMORY_PEAK); /* before Linux 5.19 */
	is(rig, CGROUP_MEMORY_LIMIT, UINT64_MAX);
	is(rig, CGROUP_MEMORY_CACHE, 11);
	is(rig, CGROUP_MEMORY_RSS, 22);
	is(rig, CGROUP_MEMORY_MAPPED, 33);
	is(rig, CGROUP_MEMORY_SWAP, 44);
	is(rig, CGROUP_MEMORY_INACTIVE, 55);
	is(rig, CGROUP_MEMORY_KERNEL, 66);
	is_not(rig, CGROUP_MEMORY_KERNEL_PEAK);
	is(rig, CGROUP_OOM_KILLS, 2);
	is(rig, CGROUP_TASKS, 5);
	is(rig, CGROUP_TASKS_LIMIT, 100);
	is(rig, CGROUP_IO_READ, 15);
	is(rig, CGROUP_IO_WRITTEN, 26);
}

/* A hybrid's v2 is not looked at; a controller that is not there measures nothing; nor does what is no number. */
static void parts(void **state)
{
	struct rig *rig = *state;

	put(rig, "unified/ns/a/cpu.stat", "usage_usec 1\n");
	put(rig, "unified/cgroup.controllers", "cpu\n");
	put(rig, "pids/ns/a/pids.current", "5\n");
	put(rig, "pids/ns/a/pids.max", "many\n");
	put(rig, "memory/ns/a/memory.usage_in_bytes", "1 2\n");
	put(rig, "memory/ns/a/memory.stat", "total_rss\ntotal_cache x\n\n");
	look(rig);
	is(rig, CGROUP_TASKS, 5);
	assert_int_equal(rig->got.measured, UINT32_C(1) << CGROUP_TASKS);
}

/* What somebody else has put there: a link, a pipe, a text without end. */
static void hostile(void **state)
{
	struct rig *rig = *state;
	_cleanup_free_ char *link = mem_printf("%s/ns/a/pids.current", rig->f->dir),
			    *fifo = mem_printf("%s/ns/a/memory.current", rig->f->dir), *text = mem_zalloc(64 << 10);

	put(rig, "cgroup.controllers", "cpu\n");
	put(rig, "elsewhere", "7\n");
	memset(text, '1', (64 << 10) - 1);
	put(rig, "ns/a/memory.max", text);
	memcpy(text, "usage_usec 9\n", 13);
	put(rig, "ns/a/cpu.stat", text);
	assert_int_equal(symlink("../../elsewhere", link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	look(rig);
	is(rig, CGROUP_CPU_TOTAL, 9000);
	assert_int_equal(rig->got.measured, UINT32_C(1) << CGROUP_CPU_TOTAL);
}

/* What is added up over devices is nothing, and measured, while there is none. */
static void nothing_yet(void **state)
{
	struct rig *rig = *state;

	put(rig, "blkio/ns/a/blkio.throttle.io_service_bytes_recursive", "\n");
	put(rig, "cpu/ns/a/cpu.stat", "\n");
	look(rig);
	assert_int_equal(rig->got.measured, UINT32_C(1) << CGROUP_IO_READ | UINT32_C(1) << CGROUP_IO_WRITTEN);
	assert_int_equal(rig->got.v[CGROUP_IO_READ] + rig->got.v[CGROUP_IO_WRITTEN], 0);
}

static void gone(void **state)
{
	struct rig *rig = *state;

	cgroup_of_path(rig->f->dir, "/ns/a", &rig->of);
	assert_null(cgroup_of_any(&rig->of));
	assert_int_equal(cgroup_usage(&rig->of, &rig->got, NULL), -ERR_NOT_FOUND);
	put(rig, "pids/ns/a/pids.current", "5\n");
	look(rig);
	assert_int_equal(file_remove_tree(rig->of.v1[CGROUP_PIDS], NULL), 0);
	assert_int_equal(cgroup_usage(&rig->of, &rig->got, NULL), -ERR_NOT_FOUND);
	is(rig, CGROUP_TASKS, 5); /* left alone */
}

/* Nothing stays open. */
static void descriptors(void **state)
{
	struct rig *rig = *state;
	int before = dup(STDERR_FILENO), after;

	put(rig, "pids/ns/a/pids.current", "5\n");
	put(rig, "cpuacct/ns/a/cpuacct.usage", "5\n");
	look(rig);
	after = dup(STDERR_FILENO);
	assert_int_equal(after, before + 1);
	(void)close(before);
	(void)close(after);
}

/* The machine's own. */
static void of_this_machine(void **state)
{
	struct rig *rig = *state;

	cgroup_of_path("/sys/fs/cgroup", "/", &rig->of);
	if (!cgroup_of_any(&rig->of) || cgroup_usage(&rig->of, &rig->got, NULL) < 0 || !rig->got.measured)
		skip();
	if (cgroup_measured(&rig->got, CGROUP_CPU_TOTAL))
		assert_true(rig->got.v[CGROUP_CPU_TOTAL] > 0);
	if (cgroup_measured(&rig->got, CGROUP_MEMORY_LIMIT))
		assert_int_equal(rig->got.v[CGROUP_MEMORY_LIMIT], UINT64_MAX);
}

static int setup(void **state)
{
	struct rig *rig = mem_new(struct rig);

	rig->f = test_folder_new("cgroup-usage", "");
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;
	void *folder = rig->f;

	cgroup_of_done(&rig->of);
	free(rig);
	return test_folder_teardown(&folder);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("cgroup-usage", T(version_1), T(version_2), T(parts), T(hostile), T(nothing_yet), T(gone), T(descriptors),
	  T(of_this_machine))
