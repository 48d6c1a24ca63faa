#include "restart-policy.h"
#include "clock.h"
#include "test.h"

enum { S = 1000 };
static const int64_t t0 = INT64_C(1800000000) * NSEC_PER_SEC;

/* A task that dies again and again with @code after @life_ms: the pauses in ms until it stays; -1 where none is left. */
struct life {
	int life_ms, code;
	int64_t pause_ms; /* before the start that follows; -1: it stays, -2: its attempts are used up */
};

static int64_t live(const struct restart *p, const struct life *l, int64_t *now, struct restarts *s)
{
	struct restart_end end = { .exit_code = l->code, .started_at = *now };
	enum restart_verdict v;
	int64_t pause;

	*now += l->life_ms * NSEC_PER_MSEC;
	end.ended_at = *now;
	v = restart_decide(p, &end, *now, s);
	if (v != RESTART_AGAIN)
		return v == RESTART_STAY ? -1 : -2;
	pause = restart_remaining(p, s, *now);
	*now += pause;
	assert_int_equal(restart_remaining(p, s, *now), 0);
	restart_begun(s);
	return pause / NSEC_PER_MSEC;
}

static void lives(const struct restart *p, const struct life *l, size_t n)
{
	struct restarts s = { 0 };
	int64_t now = t0;

	for (size_t i = 0; i < n; i++) {
		char text[RESTARTS_TEXT];
		struct restarts kept;
		struct err err = ERR_INIT;

		assert_int_equal(live(p, &l[i], &now, &s), l[i].pause_ms);
		assert_int_equal(restarts_parse(restarts_text(&s, text), &kept, &err), 0);
		assert_memory_equal(&kept, &s, sizeof s);
	}
}
#define LIVES(p, ...) \
	lives(&(p), (const struct life[]){ __VA_ARGS__ }, sizeof((const struct life[]){ __VA_ARGS__ }) / sizeof(struct life))

static void pauses_are_dockers(void **state)
{
	const struct restart always = { .policy = RESTART_ALWAYS };

	(void)state;
	LIVES(always, { 0, 1, 100 }, { 0, 0, 200 }, { 9 * S, 1, 400 }, { 0, 1, 800 }, { 0, 1, 1600 }, { 0, 1, 3200 },
	      { 0, 1, 6400 }, { 0, 1, 12800 }, { 0, 1, 25600 }, { 0, 1, 51200 }, { 0, 1, 60000 }, { 0, 1, 60000 },
	      { 10 * S, 0, 100 }, { 0, 1, 200 });
}

static void each_policy_has_its_ends(void **state)
{
	const struct restart no = { 0 }, failure = { .policy = RESTART_ON_FAILURE },
			     twice = { .policy = RESTART_ON_FAILURE, .attempts = 2 };
	const struct restart_end by_hand = { .exit_code = 137, .by_hand = true };
	struct restarts s = { 0 };

	(void)state;
	LIVES(no, { 0, 1, -1 });
	LIVES(failure, { 0, 1, 100 }, { 0, 0, -1 });
	LIVES(twice, { 0, 1, 100 }, { 20 * S, 1, 100 }, { 0, 1, -2 });
	assert_int_equal(restart_decide(NULL, &by_hand, t0, &s), RESTART_STAY);
	for (int p = RESTART_NO; p <= RESTART_UNLESS_STOPPED; p++)
		assert_int_equal(restart_decide(&(struct restart){ .policy = (enum restart_policy)p }, &by_hand, t0, &s),
				 RESTART_STAY);
	assert_int_equal(s.attempts, 0);
}

static void an_interval_is_nomads(void **state)
{
	const struct restart fail = { .policy = RESTART_ALWAYS, .attempts = 2, .interval = 60, .delay = 15 }, delay = {
		.policy = RESTART_ALWAYS, .attempts = 2, .interval = 60, .delay = 15, .mode = RESTART_DELAY
	};
	const struct restart_end last = { .exit_code = 1, .started_at = t0, .ended_at = t0 + 31 * NSEC_PER_SEC };
	struct restarts used_up = { .count = 2, .attempts = 2, .since = t0 };

	(void)state;
	LIVES(fail, { 0, 1, 15 * S }, { 0, 1, 15 * S }, { 0, 1, -2 });
	LIVES(fail, { 0, 1, 15 * S }, { 0, 1, 15 * S }, { 31 * S, 1, 15 * S }); /* 61 s after the first end */
	LIVES(delay, { 0, 1, 15 * S }, { 0, 1, 15 * S }, { 5 * S, 1, 25 * S }, { 0, 1, 15 * S }, { 0, 1, 45 * S });
	assert_int_equal(restart_decide(&fail, &last, t0 + 31 * NSEC_PER_SEC, &used_up), RESTART_EXHAUSTED);
	assert_int_equal(restart_decide(&fail, &last, t0 + 3600 * NSEC_PER_SEC, &used_up), RESTART_EXHAUSTED); /* a later look */
}

static void a_clock_that_jumps_makes_no_pause_longer(void **state)
{
	const struct restart always = { .policy = RESTART_ALWAYS },
			     fail = { .policy = RESTART_ALWAYS, .attempts = 1, .interval = 60, .delay = 5 };
	const struct restart_end end = { .exit_code = 1, .started_at = t0, .ended_at = t0 - 86400 * NSEC_PER_SEC };
	struct restarts s = { 0 };

	(void)state;
	assert_int_equal(restart_decide(&always, &end, t0, &s), RESTART_AGAIN);
	assert_int_equal(restart_remaining(&always, &s, t0 - 86400 * NSEC_PER_SEC), s.pause_ms * NSEC_PER_MSEC);
	assert_int_equal(restart_remaining(&always, &s, t0 + 86400 * NSEC_PER_SEC), 0);
	s = (struct restarts){ 0 };
	assert_int_equal(restart_decide(&fail, &end, t0, &s), RESTART_AGAIN);
	restart_begun(&s);
	assert_int_equal(restart_decide(&fail, &end, t0 - 3600 * NSEC_PER_SEC, &s),
			 RESTART_AGAIN); /* an interval of the future is none */
}

static void texts_that_are_none(void **state)
{
	static const char *const bad[] = { "",
					   "1",
					   "1 2 3 4",
					   "1 2 3 4 5 ",
					   "1 2 3 4 5 6",
					   "1  2 3 4",
					   "1 2 3 4 -5",
					   "1 2 3 4 x",
					   "99999999999999999999 0 0 0 0",
					   "1 2 3 4 5000000000000000000000000000000" };
	struct restarts s;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		s.count = 7;
		err_clear(&err);
		if (restarts_parse(bad[i], &s, &err) != -ERR_INVALID)
			fail_msg("taken: \"%s\"", bad[i]);
		assert_int_equal(s.count, 0);
	}
	err_clear(&err);
	assert_int_equal(restarts_parse(NULL, &s, &err), 0);
	assert_int_equal(s.count, 0);
}

static void at_boot(void **state)
{
	static const struct {
		enum restart_policy policy;
		bool ran, stopped;
	} rows[] = { { RESTART_NO, false, false },
		     { RESTART_ON_FAILURE, true, false },
		     { RESTART_ALWAYS, true, true },
		     { RESTART_UNLESS_STOPPED, true, false } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct restart p = { .policy = rows[i].policy };

		assert_int_equal(restart_at_boot(&p, false), rows[i].ran);
		assert_int_equal(restart_at_boot(&p, true), rows[i].stopped);
	}
	assert_false(restart_at_boot(NULL, false));
}

RUN_TESTS("restart-policy", cmocka_unit_test(pauses_are_dockers), cmocka_unit_test(each_policy_has_its_ends),
	  cmocka_unit_test(an_interval_is_nomads), cmocka_unit_test(a_clock_that_jumps_makes_no_pause_longer),
	  cmocka_unit_test(texts_that_are_none), cmocka_unit_test(at_boot))
