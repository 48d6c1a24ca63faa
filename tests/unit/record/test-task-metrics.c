#include "task-metrics.h"
#include "metrics.pb-c.h"
#include "pb.h"
#include "test.h"

static int usage_of(const char *url, const ProtobufCMessage *msg, struct cgroup_usage *ret)
{
	struct ctrd_any any = { .type_url = (char *)(uintptr_t)url };
	int r;

	if (msg)
		pb_pack(msg, &any.value);
	r = task_metrics_usage(&any, ret, NULL);
	buf_done(&any.value);
	return r;
}

static void is(const struct cgroup_usage *u, enum cgroup_measure m, uint64_t want)
{
	assert_true(cgroup_measured(u, m));
	assert_int_equal(u->v[m], want);
}

static void version_1(void **state)
{
	Metrics__Metrics1 m = METRICS__METRICS1__INIT;
	Metrics__Pids pids = METRICS__PIDS__INIT;
	Metrics__Cpu1 cpu = METRICS__CPU1__INIT;
	Metrics__CpuUsage used = METRICS__CPU_USAGE__INIT;
	Metrics__Throttle throttle = METRICS__THROTTLE__INIT;
	Metrics__Memory1 memory = METRICS__MEMORY1__INIT;
	Metrics__MemoryEntry usage = METRICS__MEMORY_ENTRY__INIT;
	Metrics__Blkio blkio = METRICS__BLKIO__INIT;
	Metrics__BlkioEntry read = METRICS__BLKIO_ENTRY__INIT, more = METRICS__BLKIO_ENTRY__INIT, all = METRICS__BLKIO_ENTRY__INIT;
	Metrics__BlkioEntry *entries[] = { &read, &more, &all };
	struct cgroup_usage u;

	(void)state;
	pids.current = 3;
	used.total = 700, used.user = 500, used.system = 200;
	throttle.nr_periods = 9, throttle.nr_throttled = 4, throttle.throttled_time = 44;
	cpu.usage = &used, cpu.throttling = &throttle;
	usage.usage_in_bytes = 4096, usage.max_usage_in_bytes = 8192, usage.limit_in_bytes = UINT64_C(9223372036854771712);
	memory.total_rss = 22, memory.total_cache = 11, memory.total_inactive_file = 5, memory.usage = &usage;
	read.op = (char[]){ "Read" }, read.value = 10;
	more.op = (char[]){ "read" }, more.value = 5;
	all.op = (char[]){ "Total" }, all.value = 99;
	blkio.io_service_bytes_recursive = entries, blkio.n_io_service_bytes_recursive = 3;
	m.pids = &pids, m.cpu = &cpu, m.memory = &memory, m.blkio = &blkio;
	assert_int_equal(usage_of("io.containerd.cgroups.v1.Metrics", &m.base, &u), 0);
	is(&u, CGROUP_TASKS, 3);
	is(&u, CGROUP_TASKS_LIMIT, UINT64_MAX); /* 0 is none */
	is(&u, CGROUP_CPU_TOTAL, 700);
	is(&u, CGROUP_CPU_USER, 500);
	is(&u, CGROUP_CPU_SYSTEM, 200);
	is(&u, CGROUP_CPU_PERIODS, 9);
	is(&u, CGROUP_CPU_THROTTLED_PERIODS, 4);
	is(&u, CGROUP_CPU_THROTTLED, 44);
	is(&u, CGROUP_MEMORY_USAGE, 4096);
	is(&u, CGROUP_MEMORY_PEAK, 8192);
	is(&u, CGROUP_MEMORY_LIMIT, UINT64_MAX);
	is(&u, CGROUP_MEMORY_RSS, 22);
	is(&u, CGROUP_MEMORY_CACHE, 11);
	is(&u, CGROUP_MEMORY_INACTIVE, 5);
	is(&u, CGROUP_IO_READ, 15);
	assert_false(cgroup_measured(&u, CGROUP_IO_WRITTEN));
	assert_false(cgroup_measured(&u, CGROUP_MEMORY_KERNEL));
}

static void version_2(void **state)
{
	Metrics__Metrics2 m = METRICS__METRICS2__INIT;
	Metrics__Pids pids = METRICS__PIDS__INIT;
	Metrics__Cpu2 cpu = METRICS__CPU2__INIT;
	Metrics__Memory2 memory = METRICS__MEMORY2__INIT;
	Metrics__Io io = METRICS__IO__INIT;
	Metrics__IoEntry one = METRICS__IO_ENTRY__INIT, other = METRICS__IO_ENTRY__INIT, *entries[] = { &one, &other };
	struct cgroup_usage u;

	(void)state;
	pids.current = 3, pids.max = 100;
	cpu.usage_usec = 7, cpu.user_usec = 5, cpu.system_usec = 2, cpu.throttled_usec = 1;
	memory.usage = 4096, memory.usage_limit = 1 << 20, memory.inactive_file = 5, memory.anon = 22, memory.swap_usage = 44;
	one.rbytes = 10, one.wbytes = 20, other.rbytes = 1, other.wbytes = 2;
	io.usage = entries, io.n_usage = 2;
	m.pids = &pids, m.cpu = &cpu, m.memory = &memory, m.io = &io;
	assert_int_equal(usage_of("io.containerd.cgroups.v2.Metrics", &m.base, &u), 0);
	is(&u, CGROUP_TASKS_LIMIT, 100);
	is(&u, CGROUP_CPU_TOTAL, 7000);
	is(&u, CGROUP_CPU_USER, 5000);
	is(&u, CGROUP_CPU_SYSTEM, 2000);
	is(&u, CGROUP_CPU_THROTTLED, 1000);
	is(&u, CGROUP_MEMORY_USAGE, 4096);
	is(&u, CGROUP_MEMORY_LIMIT, 1 << 20);
	is(&u, CGROUP_MEMORY_INACTIVE, 5);
	is(&u, CGROUP_MEMORY_RSS, 22);
	is(&u, CGROUP_MEMORY_SWAP, 44);
	is(&u, CGROUP_IO_READ, 11);
	is(&u, CGROUP_IO_WRITTEN, 22);
	assert_false(cgroup_measured(&u, CGROUP_MEMORY_PEAK)); /* older ones have none */
}

static void others(void **state)
{
	struct ctrd_any broken = { .type_url = (char[]){ "io.containerd.cgroups.v2.Metrics" } };
	struct cgroup_usage u = { .measured = 7 };

	(void)state;
	assert_int_equal(usage_of("io.containerd.cgroups.v1.Metrics", NULL, &u), 0);
	assert_int_equal(u.measured, 0); /* a shim that says nothing */
	u.measured = 7;
	assert_int_equal(usage_of("io.containerd.cgroups.v3.Metrics", NULL, &u), -ERR_INVALID);
	assert_int_equal(usage_of(NULL, NULL, &u), -ERR_INVALID);
	buf_adds(&broken.value, "\x0a\x7f");
	assert_int_equal(task_metrics_usage(&broken, &u, NULL), -ERR_DATA_LOSS);
	buf_done(&broken.value);
	assert_int_equal(u.measured, 7);
}

RUN_TESTS("task-metrics", cmocka_unit_test(version_1), cmocka_unit_test(version_2), cmocka_unit_test(others))
