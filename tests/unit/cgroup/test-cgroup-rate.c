#include "cgroup-rate.h"
#include "clock.h"
#include "test.h"

static void put(struct cgroup_look *l, enum cgroup_measure m, uint64_t n)
{
	l->usage.v[m] = n;
	l->usage.measured |= UINT32_C(1) << m;
}

static struct cgroup_look look_at(int64_t ms, uint64_t total, uint64_t periods, uint64_t held)
{
	struct cgroup_look l = { .mono = ms * NSEC_PER_MSEC };

	put(&l, CGROUP_CPU_TOTAL, total);
	put(&l, CGROUP_CPU_PERIODS, periods);
	put(&l, CGROUP_CPU_THROTTLED_PERIODS, held);
	return l;
}

static bool near(double a, double b) { return a - b < 1e-9 && b - a < 1e-9; }

/* 100 is one core, whatever the interval. */
static void percent(void **state)
{
	const struct cgroup_look a = look_at(1000, 100, 10, 1), b = look_at(1500, 100 + 750000000, 14, 2);

	(void)state;
	assert_true(cgroup_has_rate(&a, &b, CGROUP_CPU_TOTAL));
	assert_true(near(cgroup_percent(&a, &b, CGROUP_CPU_TOTAL), 150));
	assert_true(near(cgroup_throttled(&a, &b), 25));
}

static void not_to_be_told(void **state)
{
	const struct cgroup_look a = look_at(1000, 100, 10, 1), younger = look_at(1500, 99, 0, 0),
				 at_once = look_at(1000, 900, 12, 2), nothing = { .mono = 3000 * NSEC_PER_MSEC },
				 idle = look_at(2000, 100, 10, 1);

	(void)state;
	assert_false(cgroup_has_rate(&a, &younger, CGROUP_CPU_TOTAL)); /* another cgroup of that name */
	assert_true(near(cgroup_percent(&a, &younger, CGROUP_CPU_TOTAL), 0) && near(cgroup_throttled(&a, &younger), 0));
	assert_false(cgroup_has_rate(&a, &at_once, CGROUP_CPU_TOTAL));
	assert_false(cgroup_has_rate(&a, &nothing, CGROUP_CPU_TOTAL));
	assert_false(cgroup_has_rate(&a, &idle, CGROUP_CPU_USER));
	assert_true(cgroup_has_rate(&a, &idle, CGROUP_CPU_TOTAL)); /* which used nothing */
	assert_true(near(cgroup_percent(&a, &idle, CGROUP_CPU_TOTAL), 0) && near(cgroup_throttled(&a, &idle), 0));
}

RUN_TESTS("cgroup-rate", cmocka_unit_test(percent), cmocka_unit_test(not_to_be_told))
