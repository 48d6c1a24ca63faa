#include "test.h"
#include "clock.h"
#include "ctx.h"
#include <limits.h>

static void none_never_ends(void **state)
{
	struct ctx c = ctx_none();
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(ctx_check(&c, &err), 0);
	assert_int_equal(ctx_check(NULL, &err), 0);
	assert_int_equal(ctx_poll_ms(&c), -1);
	assert_int_equal(ctx_poll_ms(NULL), -1);
	assert_int_equal(ctx_left(&c), 0);
	assert_int_equal(ctx_left(NULL), 0);
}

static void the_nearer_deadline_counts(void **state)
{
	struct ctx parent = ctx_within(NULL, 1000), nearer = ctx_within(&parent, 10), farther = ctx_within(&parent, 100000);

	(void)state;
	assert_true(nearer.deadline < parent.deadline);
	assert_int_equal(farther.deadline, parent.deadline);
	assert_true(ctx_poll_ms(&parent) > 900 && ctx_poll_ms(&parent) <= 1000);
	assert_true(ctx_left(&parent) > 900 * NSEC_PER_MSEC);
}

static void huge_times_do_not_wrap(void **state)
{
	struct ctx c = ctx_within(NULL, INT64_MAX), d = ctx_within(NULL, INT64_MAX / NSEC_PER_MSEC);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(ctx_check(&c, &err), 0);
	assert_int_equal(ctx_check(&d, &err), 0);
	assert_int_equal(ctx_poll_ms(&c), INT_MAX);
}

static void ends_in_time(void **state)
{
	struct ctx c = { .deadline = clock_mono() - 1 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(ctx_check(&c, &err), -ERR_DEADLINE);
	assert_string_equal(err.msg, "timed out");
	assert_int_equal(ctx_left(&c), 1); /* 0 would mean no deadline */
	assert_int_equal(ctx_poll_ms(&c), 1);
}

static void cancel_comes_before_the_deadline(void **state)
{
	struct cancel cancel = { .on = SIGINT, .fd = -1 };
	struct ctx c = { .deadline = clock_mono() - 1, .cancel = &cancel }, child = ctx_within(&c, 1000),
		   rest = ctx_uncancelled(&(struct ctx){ .cancel = &cancel });
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(ctx_check(&c, &err), -ERR_CANCELLED);
	assert_string_equal(err.msg, "interrupted");
	assert_ptr_equal(child.cancel, &cancel);
	err = (struct err)ERR_INIT;
	assert_int_equal(ctx_check(&rest, &err), 0);
	cancel.on = 0;
	rest = ctx_uncancelled(&c);
	assert_int_equal(ctx_check(&rest, &err), -ERR_DEADLINE); /* the deadline stays */
}

static void endless_on_purpose(void **state)
{
	const struct ctx soon = ctx_within(NULL, 1000), endless = ctx_endless(NULL), inner = ctx_within(&endless, 1000);

	(void)state;
	assert_int_equal(ctx_endless(&soon).deadline, soon.deadline);
	assert_true(endless.deadline > clock_mono() + NSEC_PER_SEC * 86400 * 365 * 100);
	assert_int_equal(ctx_check(&endless, NULL), 0);
	assert_true(inner.deadline < endless.deadline);
	assert_true(ctx_poll_ms(&endless) > 1000000);
}

RUN_TESTS("ctx", cmocka_unit_test(none_never_ends), cmocka_unit_test(the_nearer_deadline_counts),
	  cmocka_unit_test(huge_times_do_not_wrap), cmocka_unit_test(ends_in_time),
	  cmocka_unit_test(cancel_comes_before_the_deadline), cmocka_unit_test(endless_on_purpose))
