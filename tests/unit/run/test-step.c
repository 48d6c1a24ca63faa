#include "test.h"
#include "buf.h"
#include "step.h"

/* A procedure that writes down what happens to it: b1 begun, e1 ended, u1 undone. */
struct trail {
	struct buf log;
	int fail_begin, fail_end; /* step that fails, or -1 */
	bool skip[5];
	unsigned also; /* what step 2 asks for besides */
};

static int begin_n(struct trail *t, int i, struct err *err)
{
	buf_addf(&t->log, "b%d ", i);
	return t->fail_begin == i ? err_set(err, ERR_INTERNAL, "begin %d", i) : 0;
}
static int end_n(struct trail *t, int i, struct err *err)
{
	buf_addf(&t->log, "e%d ", i);
	return t->fail_end == i ? err_set(err, ERR_INTERNAL, "end %d", i) : 0;
}
#define STEP_FUNCTIONS(i) \
	static int begin##i(void *s, const struct ctx *c, struct err *e) \
	{ \
		(void)c; \
		return begin_n(s, i, e); \
	} \
	__attribute__((unused)) static int end##i(void *s, const struct ctx *c, struct err *e) \
	{ \
		(void)c; \
		return end_n(s, i, e); \
	} \
	static void undo##i(void *s, const struct ctx *c) \
	{ \
		(void)c; \
		buf_addf(&((struct trail *)s)->log, "u%d ", i); \
	} \
	static bool wanted##i(const void *s) { return !((const struct trail *)s)->skip[i]; } \
	static void plan##i(const void *s, struct strv *out) \
	{ \
		(void)s; \
		strv_pushf(out, "step %d", i); \
	}
STEP_FUNCTIONS(0) STEP_FUNCTIONS(1) STEP_FUNCTIONS(2) STEP_FUNCTIONS(3) STEP_FUNCTIONS(4) static unsigned also2(const void *s)
{
	return ((const struct trail *)s)->also;
}

/* 0 and 1 are free; 2 needs 0; 3 needs 1 (and stands behind 2); 4 needs all. */
static const struct step table[] = {
	{ .name = "0", .wanted = wanted0, .begin = begin0, .end = end0, .undo = undo0, .plan = plan0 },
	{ .name = "1", .wanted = wanted1, .begin = begin1, .end = end1, .undo = undo1, .plan = plan1 },
	{ .name = "2",
	  .needs = STEP(0),
	  .needs_also = also2,
	  .wanted = wanted2,
	  .begin = begin2,
	  .end = end2,
	  .undo = undo2,
	  .plan = plan2 },
	{ .name = "3", .needs = STEP(1), .wanted = wanted3, .begin = begin3, .end = end3, .undo = undo3, .plan = plan3 },
	{ .name = "4", .needs = STEP(2) | STEP(3), .wanted = wanted4, .begin = begin4, .undo = undo4, .plan = plan4 },
};

static int go(struct trail *t, struct step_run *r, struct err *err)
{
	*r = (struct step_run){ .steps = table, .n = 5, .state = t };
	return step_run(r, NULL, 1000, 1000, err);
}

static void overlaps_what_is_independent(void **state)
{
	struct trail t = { .fail_begin = -1, .fail_end = -1 };
	struct step_run r;

	(void)state;
	assert_int_equal(go(&t, &r, NULL), 0);
	assert_string_equal(buf_str(&t.log), "b0 b1 e0 b2 e1 b3 e2 e3 b4 ");
	assert_int_equal(r.ended, 31);
	for (int i = 0; i < 5; i++)
		assert_true(r.time[i].began && r.time[i].ended >= r.time[i].began);
	buf_done(&t.log);
}

static void ends_a_later_step_that_is_needed_first(void **state)
{
	struct trail t = { .fail_begin = -1, .fail_end = -1, .also = STEP(3) };
	struct step_run r;

	(void)state;
	assert_int_equal(go(&t, &r, NULL), 0);
	assert_string_equal(buf_str(&t.log), "b0 b1 e0 e1 b3 e3 b2 e2 b4 ");
	buf_done(&t.log);
}

static void leaves_out_what_is_not_wanted(void **state)
{
	struct trail t = { .fail_begin = -1, .fail_end = -1, .skip = { true, false, false, true } };
	struct step_run r;
	struct strv plan = { 0 };

	(void)state;
	assert_int_equal(go(&t, &r, NULL), 0);
	assert_string_equal(buf_str(&t.log), "b1 b2 e1 e2 b4 ");
	buf_reset(&t.log);
	step_undo(&r, NULL);
	assert_string_equal(buf_str(&t.log), "u4 u2 u1 ");
	step_plan(table, 5, &t, &plan);
	assert_int_equal(plan.n, 3);
	assert_string_equal(plan.v[1], "step 2");
	strv_done(&plan);
	buf_done(&t.log);
}

static void undoes_what_was_begun(void **state)
{
	static const struct {
		int begin, end;
		const char *trail;
		const char *msg;
	} cases[] = {
		{ 0, -1, "b0 u0 ", "begin 0" },
		{ 1, -1, "b0 b1 u1 u0 ", "begin 1" },
		{ -1, 0, "b0 b1 e0 u1 u0 ", "end 0" },
		{ 2, -1, "b0 b1 e0 b2 u2 u1 u0 ", "begin 2" },
		{ -1, 1, "b0 b1 e0 b2 e1 u2 u1 u0 ", "end 1" },
		{ -1, 3, "b0 b1 e0 b2 e1 b3 e2 e3 u3 u2 u1 u0 ", "end 3" },
		{ 4, -1, "b0 b1 e0 b2 e1 b3 e2 e3 b4 u4 u3 u2 u1 u0 ", "begin 4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct trail t = { .fail_begin = cases[i].begin, .fail_end = cases[i].end };
		struct err err = ERR_INIT;
		struct step_run r;

		assert_int_equal(go(&t, &r, &err), -ERR_INTERNAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(buf_str(&t.log), cases[i].trail);
		buf_done(&t.log);
	}
}

static void stops_between_steps_when_cancelled(void **state)
{
	struct trail t = { .fail_begin = -1, .fail_end = -1 };
	const struct cancel cancel = { .on = 1, .fd = -1 };
	const struct ctx ctx = { .cancel = &cancel };
	struct step_run r = { .steps = table, .n = 5, .state = &t };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(step_run(&r, &ctx, 1000, 1000, &err), -ERR_CANCELLED);
	assert_string_equal(buf_str(&t.log), "");
}

RUN_TESTS("step", cmocka_unit_test(overlaps_what_is_independent), cmocka_unit_test(ends_a_later_step_that_is_needed_first),
	  cmocka_unit_test(leaves_out_what_is_not_wanted), cmocka_unit_test(undoes_what_was_begun),
	  cmocka_unit_test(stops_between_steps_when_cancelled))
