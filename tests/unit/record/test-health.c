#include "health.h"
#include "clock.h"
#include "test.h"

static const int64_t t0 = INT64_C(1800000000) * NSEC_PER_SEC;

/* Checks a second apart, '+' and '-', and the state after each: s, h, u. */
static void checks(const struct healthcheck *c, const char *results, const char *states)
{
	static const char letters[] = {
		[HEALTH_UNKNOWN] = '?', [HEALTH_STARTING] = 's', [HEALTH_HEALTHY] = 'h', [HEALTH_UNHEALTHY] = 'u'
	};
	struct health h = { 0 }, kept;
	char text[HEALTH_TEXT];

	health_begin(&h);
	for (size_t i = 0; results[i]; i++) {
		const enum health_state before = h.state;

		const bool another = health_count(c, results[i] == '+', t0, t0 + (int64_t)(i + 1) * NSEC_PER_SEC, &h);

		assert_int_equal(another, h.state != before);
		if (letters[h.state] != states[i])
			fail_msg("%s: after %zu checks it is %s, not %c", results, i + 1, health_state_name(h.state), states[i]);
		health_parse(health_text(&h, text), &kept);
		assert_memory_equal(&kept, &h, sizeof h);
	}
}

static void pauses(void **state)
{
	const struct healthcheck c = { .interval = 30, .start_interval = 5, .start_period = 60 };
	struct health h = { 0 };

	(void)state;
	health_begin(&h);
	assert_int_equal(health_pause(&c, &h, t0, t0), 5 * NSEC_PER_SEC);
	assert_int_equal(health_pause(&c, &h, t0, t0 + 2 * NSEC_PER_SEC), 3 * NSEC_PER_SEC); /* who comes later */
	h.at = t0 + 50 * NSEC_PER_SEC;
	assert_int_equal(health_pause(&c, &h, t0, t0 + 60 * NSEC_PER_SEC), 20 * NSEC_PER_SEC); /* the period is over */
	h.state = HEALTH_HEALTHY;
	h.at = t0 + 10 * NSEC_PER_SEC;
	assert_int_equal(health_pause(&c, &h, t0, h.at), 30 * NSEC_PER_SEC);
	assert_int_equal(health_pause(&c, &h, t0, t0 + 3600 * NSEC_PER_SEC), 0);
	assert_int_equal(health_pause(&c, &h, t0, t0 - 3600 * NSEC_PER_SEC), 30 * NSEC_PER_SEC); /* the clock was set back */
}

static void is_of_its_life(void **state)
{
	struct healthcheck c = { .kind = HEALTH_TCP };
	const struct task checked = { .healthcheck = &c }, plain = { 0 };
	static const char started[] = "2027-01-15T08:00:00.000000000Z"; /* t0 */
	char text[HEALTH_TEXT];

	(void)state;
	assert_int_equal(health_on_record(&plain, "healthy 0 1", started).state, HEALTH_UNKNOWN);
	assert_int_equal(health_on_record(&checked, NULL, started).state, HEALTH_STARTING);
	assert_int_equal(health_on_record(&checked, "healthy 0 1", started).state, HEALTH_STARTING);
	(void)health_text(&(const struct health){ HEALTH_UNHEALTHY, 0, t0 + 1, 0 }, text);
	assert_int_equal(health_on_record(&checked, text, started).state, HEALTH_UNHEALTHY);
	(void)health_text(&(const struct health){ HEALTH_HEALTHY, 0, t0 - 1, t0 }, text); /* the clock was set back */
	assert_int_equal(health_on_record(&checked, text, started).state, HEALTH_HEALTHY);
	(void)health_text(&(const struct health){ HEALTH_HEALTHY, 0, t0 + 1, t0 + 1 }, text); /* and before this life began */
	assert_int_equal(health_on_record(&checked, text, started).state, HEALTH_STARTING);
	(void)health_text(&(const struct health){ HEALTH_UNHEALTHY, 0, t0 + 1, 0 }, text);
	c.kind = HEALTH_NONE;
	assert_int_equal(health_on_record(&checked, text, started).state, HEALTH_UNKNOWN);
}

static void as_docker_has_it(void **state)
{
	const struct healthcheck three = { .retries = 3 }, one = { .retries = 1 }, late = { .retries = 2, .start_period = 4 };

	(void)state;
	checks(&three, "+--+---+", "hhhhhhuh");
	checks(&three, "---+", "ssuh");
	checks(&one, "-+-", "uhu");
	checks(&late, "------", "ssssuu"); /* the fourth, after 4 s, counts */
	checks(&late, "-+--", "shhu");
}

static void texts_that_are_none(void **state)
{
	static const char *const bad[] = { "",
					   "healthy",
					   "healthy 1",
					   "healthy 1 2 ",
					   "healthy 1 2 3 4",
					   "healthy 1 2-3",
					   "healthy 1 2 -3",
					   "healthy 1 2x",
					   "health 1 2",
					   "healthyx 1 2",
					   "healthy -1 2",
					   " 1 2",
					   "healthy 1 -2" };
	struct health h;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		h.failures = 7;
		health_parse(bad[i], &h);
		if (h.state != HEALTH_UNKNOWN || h.failures)
			fail_msg("taken: \"%s\"", bad[i]);
	}
	health_parse(NULL, &h);
	assert_int_equal(h.state, HEALTH_UNKNOWN);
}

RUN_TESTS("health", cmocka_unit_test(as_docker_has_it), cmocka_unit_test(pauses), cmocka_unit_test(is_of_its_life),
	  cmocka_unit_test(texts_that_are_none))
