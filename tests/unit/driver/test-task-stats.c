#include "task-stats.h"
#include "test.h"
#include "clock.h"
#include "pb.h"
#include <string.h>

static void put(struct stats_look *l, enum cgroup_measure m, uint64_t n)
{
	l->at.usage.v[m] = n;
	l->at.usage.measured |= UINT32_C(1) << m;
}

static struct stats_look look_at(int64_t ms, uint64_t total, uint64_t user, uint64_t system)
{
	struct stats_look l = { .at.mono = ms * NSEC_PER_MSEC, .wall = 1700000000 * NSEC_PER_SEC + 5 };

	put(&l, CGROUP_CPU_TOTAL, total);
	put(&l, CGROUP_CPU_USER, user);
	put(&l, CGROUP_CPU_SYSTEM, system);
	return l;
}

static bool near(double a, double b) { return a - b < 1e-9 && b - a < 1e-9; }

/* 100 is one core, whatever the interval; ticks are its part of what a core has. */
static void rates(void **state)
{
	const struct stats_compute c = { 8000, 4 };
	const struct stats_look a = look_at(1000, 100, 50, 50), b = look_at(1500, 100 + 750000000, 50 + 500000000, 50 + 250000000);
	struct stats_rates r;

	(void)state;
	stats_rates(&a, &b, &c, &r);
	assert_true(near(r.percent, 150) && near(r.user, 100) && near(r.system, 50));
	assert_true(near(r.ticks, 3000));
}

static void no_rates(void **state)
{
	const struct stats_compute none = { 0 };
	const struct stats_look a = look_at(1000, 100, 50, 50), b = look_at(1500, 600, 0, 50), at_once = look_at(1000, 900, 50, 50),
				nothing = { .at.mono = 3000 * NSEC_PER_MSEC };
	struct stats_rates r;

	(void)state;
	stats_rates(&a, &b, &none, &r);
	assert_true(r.percent > 0 && near(r.ticks, 0));
	assert_true(near(r.user, 0)); /* went back: another cgroup of that name */
	stats_rates(&a, &at_once, &none, &r);
	assert_true(near(r.percent, 0));
	stats_rates(&a, &nothing, &none, &r);
	assert_true(near(r.percent, 0));
}

static const Driver__TaskStats *round_trip(const struct stats_message *m, struct arena *a)
{
	_cleanup_buf_ struct buf wire = { 0 };
	const ProtobufCMessage *got = NULL;

	pb_pack(&m->reply.base, &wire);
	assert_int_equal(pb_unpack(&driver__task_stats_response__descriptor, wire.data, wire.len, a, &got, NULL), 0);
	return ((const Driver__TaskStatsResponse *)got)->stats;
}

/* What the agent takes for granted is there, be nothing measured at all. */
static void empty(void **state)
{
	const struct stats_look none = { 0 };
	const struct stats_compute c = { 0 };
	_cleanup_arena_ struct arena a = { 0 };
	struct stats_message m;
	const Driver__TaskStats *s;

	(void)state;
	stats_message("a/t/1", &none, &none, &c, &m);
	s = round_trip(&m, &a);
	assert_string_equal(s->id, "a/t/1");
	assert_non_null(s->timestamp);
	assert_non_null(s->agg_resource_usage);
	assert_non_null(s->agg_resource_usage->cpu);
	assert_non_null(s->agg_resource_usage->memory);
	assert_int_equal(s->agg_resource_usage->cpu->n_measured_fields, 0);
	assert_int_equal(s->agg_resource_usage->memory->n_measured_fields, 0);
}

static void whole(void **state)
{
	const struct stats_compute c = { 8000, 4 };
	const struct stats_look before = look_at(1000, 0, 0, 0);
	struct stats_look now = look_at(2000, 500000000, 300000000, 200000000);
	_cleanup_arena_ struct arena a = { 0 };
	struct stats_message m;
	const Driver__TaskStats *s;
	const Driver__CPUUsage *cpu;
	const Driver__MemoryUsage *memory;

	(void)state;
	put(&now, CGROUP_CPU_THROTTLED, 7);
	put(&now, CGROUP_CPU_THROTTLED_PERIODS, 3);
	put(&now, CGROUP_MEMORY_USAGE, 4096);
	put(&now, CGROUP_MEMORY_RSS, 1024);
	put(&now, CGROUP_MEMORY_CACHE, 2048);
	put(&now, CGROUP_MEMORY_SWAP, 0);
	put(&now, CGROUP_MEMORY_PEAK, 8192);
	stats_message("a/t/1", &before, &now, &c, &m);
	s = round_trip(&m, &a);
	cpu = s->agg_resource_usage->cpu;
	memory = s->agg_resource_usage->memory;
	assert_int_equal(s->timestamp->seconds, 1700000000);
	assert_int_equal(s->timestamp->nanos, 5);
	assert_true(near(cpu->percent, 50) && near(cpu->user_mode, 30) && near(cpu->system_mode, 20) &&
		    near(cpu->total_ticks, 1000));
	assert_int_equal(cpu->throttled_time, 7);
	assert_int_equal(cpu->throttled_periods, 3);
	assert_int_equal(cpu->n_measured_fields, 6);
	assert_int_equal(memory->usage, 4096);
	assert_int_equal(memory->rss, 1024);
	assert_int_equal(memory->cache, 2048);
	assert_int_equal(memory->max_usage, 8192);
	assert_int_equal(memory->n_measured_fields, 5); /* swap too, though it is 0; nothing of the kernel's */
	for (size_t i = 0; i < memory->n_measured_fields; i++)
		assert_true(memory->measured_fields[i] != DRIVER__MEMORY_USAGE__FIELDS__KERNEL_USAGE);
}

RUN_TESTS("task-stats", cmocka_unit_test(rates), cmocka_unit_test(no_rates), cmocka_unit_test(empty), cmocka_unit_test(whole))
