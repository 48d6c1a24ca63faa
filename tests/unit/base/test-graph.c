#include "test.h"
#include "buf.h"
#include "clock.h"
#include "graph.h"
#include "mem.h"

/* A procedure that writes down what happens to it: b1 begun, f1 finished, u1 undone. Each node has an own timer, which makes it
 * ready. */
enum { NODES = 32 };

struct trail;
struct step {
	struct trail *trail;
	size_t n;
	struct timer timer;
	int64_t ms; /* until it is ready, of each part; -1: never */
	int parts;  /* calls of finish until it has ended; 0: it has none */
	int more;   /* what finish returns before the last */
	bool skip, fail_begin, fail_finish, also;
	bool is_ready;
	struct step *wakes; /* is ready once this one has ended: an order that the graph knows nothing of */
};

struct trail {
	struct loop *loop;
	struct graph *g;
	struct buf log;
	struct step v[NODES];
	struct cancel cancel;
	size_t cancel_at; /* finish of this node presses Ctrl-C */
	int64_t undo_left;
};

static void on_time(void *arg) { ((struct step *)arg)->is_ready = true; }

static void step_arm(struct step *s)
{
	s->is_ready = s->ms == 0;
	if (s->ms > 0 && !s->timer.loop)
		timer_init(&s->timer, s->trail->loop, on_time, s);
	if (s->ms > 0)
		timer_set(&s->timer, clock_mono() + s->ms * NSEC_PER_MSEC);
}

static bool wanted(const void *state) { return !((const struct step *)state)->skip; }

static int begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct step *s = state;

	assert_true(ctx->deadline > 0);
	buf_addf(&s->trail->log, "b%zu ", s->n);
	if (s->fail_begin)
		return err_set(err, ERR_INTERNAL, "begin %zu", s->n);
	step_arm(s);
	return s->more == GRAPH_LONG ? GRAPH_LONG : 0;
}

static bool ready(const void *state, unsigned number)
{
	assert_int_equal(number, 7);
	return ((const struct step *)state)->is_ready;
}

static int finish(void *state, const struct ctx *ctx, struct err *err)
{
	struct step *s = state;
	int r = ctx_check(ctx, err);

	if (r < 0)
		return err_wrap(err, r, "finish %zu", s->n);
	buf_addf(&s->trail->log, "f%zu ", s->n);
	if (s->fail_finish)
		return err_set(err, ERR_INTERNAL, "finish %zu", s->n);
	if (s->trail->cancel_at == s->n)
		s->trail->cancel.on = 1;
	if (--s->parts <= 0) {
		if (s->wakes)
			s->wakes->is_ready = true;
		return 0;
	}
	step_arm(s);
	return s->more;
}

static void undo(void *state, const struct ctx *ctx)
{
	struct step *s = state;

	buf_addf(&s->trail->log, "u%zu ", s->n);
	s->trail->undo_left = ctx ? ctx_left(ctx) : -1;
}

static void plan(const void *state, struct strv *out) { strv_pushf(out, "step %zu", ((const struct step *)state)->n); }
static bool also(const void *state) { return ((const struct step *)state)->also; }

static const struct graph_kind waits = { "waits", 7, 0, wanted, begin, ready, finish, undo, plan },
			       two_at_once = { "two_at_once", 7, 2, wanted, begin, ready, finish, undo, plan },
			       blocks = { "blocks", 7, 0, wanted, begin, NULL, finish, undo, plan },
			       begins = { "begins", 7, 0, wanted, begin, NULL, NULL, undo, plan };
static const char *const names[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10" };

static int set_up(void **state)
{
	struct trail *t = mem_new(struct trail);

	t->loop = loop_new();
	t->g = graph_new();
	t->cancel.fd = -1;
	t->cancel_at = NODES;
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct trail *t = *state;

	for (size_t i = 0; i < NODES; i++)
		timer_done(&t->v[i].timer);
	graph_free(t->g);
	loop_free(t->loop);
	buf_done(&t->log);
	free(t);
	return 0;
}

static struct step *add(struct trail *t, const struct graph_kind *kind, int64_t ms)
{
	size_t n;
	struct step *s;

	for (n = 0; t->v[n].trail; n++)
		;
	s = &t->v[n];
	*s = (struct step){ .trail = t, .n = n, .ms = ms, .parts = 1, .more = GRAPH_MORE };
	assert_int_equal(graph_add(t->g, kind, names[n], s), n);
	return s;
}

static int go(struct trail *t, struct err *err)
{
	const struct graph_how how = { .loop = t->loop, .step_ms = 2000, .undo_ms = 5000 };
	const struct ctx ctx = { .cancel = &t->cancel };

	return graph_run(t->g, &how, &ctx, err);
}

static void is(struct trail *t, int r, const struct err *err, const char *trail)
{
	if (r < 0)
		fail_msg("%s", err->msg);
	assert_string_equal(buf_str(&t->log), trail);
}

/* What is free of each other overlaps; what was added first is not finished first. */
static void finishes_whatever_is_ready(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;

	add(t, &waits, -1);
	add(t, &waits, 5);
	add(t, &waits, 5)->wakes = &t->v[0];
	add(t, &begins, 0);
	graph_need(t->g, 2, 1, NULL); /* 1 and what follows it, while 0 goes on */
	graph_need(t->g, 3, 0, NULL);
	graph_need(t->g, 3, 2, NULL);
	is(t, go(t, &err), &err, "b0 b1 f1 b2 f2 f0 b3 ");
}

/* Ten, each of which is ready once the one after it has ended. */
static void runs_many_side_by_side(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;
	struct step *last;

	for (size_t i = 0; i < 10; i++)
		add(t, &waits, i == 9 ? 5 : -1)->wakes = i ? &t->v[i - 1] : NULL;
	last = add(t, &begins, 0);
	for (size_t i = 0; i < 10; i++)
		graph_need(t->g, last->n, i, NULL);
	is(t, go(t, &err), &err, "b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 f9 f8 f7 f6 f5 f4 f3 f2 f1 f0 b10 ");
}

static void is_begun_wherever_it_was_added(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;

	add(t, &begins, 0);
	add(t, &waits, 0);
	graph_need(t->g, 0, 1, NULL);
	is(t, go(t, &err), &err, "b1 f1 b0 ");
}

/* One that says nothing of when it is ready comes after those that are. */
static void blocks_last(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;

	add(t, &blocks, 0);
	add(t, &waits, 0);
	add(t, &begins, 0);
	graph_need(t->g, 2, 1, NULL);
	is(t, go(t, &err), &err, "b0 b1 f1 b2 f0 ");
}

static void finishes_in_parts(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;

	add(t, &waits, 5)->parts = 3;
	add(t, &waits, -1);
	t->v[0].wakes = &t->v[1];
	is(t, go(t, &err), &err, "b0 b1 f0 f0 f0 f1 ");
}

static void asks_what_it_needs_besides(void **state)
{
	static const struct {
		bool also;
		const char *trail;
	} cases[] = { { false, "b0 b1 f0 b2 f1 " }, { true, "b0 b1 f0 f1 b2 " } };

	for (size_t i = 0; i < 2; i++) {
		struct trail *t;
		struct err err = ERR_INIT;

		assert_int_equal(tear_down(state) + set_up(state), 0);
		t = *state;
		add(t, &waits, 0);
		add(t, &waits, 10);
		add(t, &begins, 0)->also = cases[i].also;
		graph_need(t->g, 2, 1, also);
		graph_need(t->g, 2, 0, NULL);
		is(t, go(t, &err), &err, cases[i].trail);
	}
}

static void a_row(void *arg, const char *name, const char *whose, int64_t began, int64_t ended)
{
	assert_true(began > 0 && ended >= began);
	buf_addf(arg, "%s %s,", name, whose);
}

static void leaves_out_what_is_not_wanted(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;
	struct buf rows = { 0 };
	struct strv lines = { 0 };

	add(t, &waits, 0)->skip = true;
	add(t, &waits, 0);
	add(t, &begins, 0);
	graph_need(t->g, 1, 0, NULL);
	graph_need(t->g, 2, 1, NULL);
	graph_plan(t->g, &lines);
	assert_int_equal(lines.n, 2);
	assert_string_equal(lines.v[0], "step 1");
	is(t, go(t, &err), &err, "b1 f1 b2 ");
	graph_times(t->g, a_row, &rows);
	assert_string_equal(buf_str(&rows), "waits 1,begins 2,");
	buf_reset(&t->log);
	graph_undo(t->g, NULL);
	assert_string_equal(buf_str(&t->log), "u2 u1 ");
	graph_undo(t->g, NULL); /* once */
	assert_string_equal(buf_str(&t->log), "u2 u1 ");
	strv_done(&lines);
	buf_done(&rows);
}

/* 1 needs 0; 3 needs 2; 4 needs 1 and 3. 2 is slow. */
static void undoes_what_was_begun_newest_first(void **state)
{
	static const struct {
		int begin, finish;
		const char *trail, *msg;
	} cases[] = {
		{ 0, -1, "b0 u0 ", "0: begin 0" },
		{ -1, 0, "b0 b2 f0 u2 u0 ", "0: finish 0" },
		{ 1, -1, "b0 b2 f0 b1 u1 u2 u0 ", "1: begin 1" },
		{ -1, 1, "b0 b2 f0 b1 f1 u1 u2 u0 ", "1: finish 1" },
		{ -1, 2, "b0 b2 f0 b1 f1 f2 u1 u2 u0 ", "2: finish 2" },
		{ 3, -1, "b0 b2 f0 b1 f1 f2 b3 u3 u1 u2 u0 ", "3: begin 3" },
		{ 4, -1, "b0 b2 f0 b1 f1 f2 b3 f3 b4 u4 u3 u1 u2 u0 ", "4: begin 4" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct trail *t;
		struct err err = ERR_INIT;

		assert_int_equal(tear_down(state) + set_up(state), 0);
		t = *state;
		for (size_t n = 0; n < 5; n++) {
			struct step *s = add(t, n == 4 ? &begins : &waits, n == 2 ? 30 : 0);

			s->fail_begin = cases[i].begin == (int)n;
			s->fail_finish = cases[i].finish == (int)n;
		}
		graph_need(t->g, 1, 0, NULL);
		graph_need(t->g, 3, 2, NULL);
		graph_need(t->g, 4, 1, NULL);
		graph_need(t->g, 4, 3, NULL);
		assert_int_equal(go(t, &err), -ERR_INTERNAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(buf_str(&t->log), cases[i].trail);
		assert_true(t->undo_left > 4000 * NSEC_PER_MSEC); /* a deadline of its own */
	}
}

static int fault(void *arg, const char *name, const char *whose, struct err *err)
{
	return !strcmp(whose, arg) ? err_set(err, ERR_UNAVAILABLE, "fault in %s %s", name, whose) : 0;
}

static void fails_where_a_test_says(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;
	char at[] = "1";
	const struct graph_how how = { .loop = t->loop, .step_ms = 2000, .undo_ms = 5000, .fault = fault, .fault_arg = at };

	add(t, &waits, 0);
	add(t, &waits, 0);
	assert_int_equal(graph_run(t->g, &how, NULL, &err), -ERR_UNAVAILABLE);
	assert_string_equal(err.msg, "1: fault in waits 1");
	assert_string_equal(buf_str(&t->log), "b0 b1 f0 u1 u0 ");
}

static void refuses_a_circle(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < 5; i++)
		add(t, &waits, 0);
	graph_need(t->g, 0, 1, NULL);
	graph_need(t->g, 0, 2, NULL);
	graph_need(t->g, 1, 2, NULL);
	assert_int_equal(graph_check(t->g, &err), 0); /* two ways to one node are no circle */
	graph_need(t->g, 2, 3, NULL);
	graph_need(t->g, 3, 1, also); /* one day it may be */
	assert_int_equal(graph_check(t->g, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "steps wait for each other in a circle: waits 1 needs waits 2 needs waits 3 needs waits 1");
	assert_int_equal(go(t, NULL), -ERR_INVALID);
	assert_string_equal(buf_str(&t->log), "");
}

static void refuses_a_node_that_needs_itself(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;

	add(t, &waits, 0);
	graph_need(t->g, 0, 0, NULL);
	assert_int_equal(graph_check(t->g, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "steps wait for each other in a circle: waits 0 needs waits 0");
}

static void begins_nothing_once_cancelled(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;

	add(t, &waits, 0);
	add(t, &waits, -1);
	add(t, &begins, 0);
	graph_need(t->g, 2, 0, NULL);
	t->cancel_at = 0;
	assert_int_equal(go(t, &err), -ERR_CANCELLED);
	assert_string_equal(buf_str(&t->log), "b0 b1 f0 u1 u0 ");
	buf_reset(&t->log);
	assert_int_equal(go(t, &err), -ERR_CANCELLED);
	assert_string_equal(buf_str(&t->log), "");
}

/* The node whose time is over says so itself; one that takes what it takes has no such time. */
static void gives_each_node_its_time(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;
	const struct graph_how how = { .loop = t->loop, .step_ms = 20, .undo_ms = 5000 };
	struct step *s = add(t, &waits, 60);

	s->more = GRAPH_LONG;
	is(t, graph_run(t->g, &how, NULL, &err), &err, "b0 f0 ");
	buf_reset(&t->log);
	add(t, &waits, -1);
	s->ms = -1;
	graph_undo(t->g, NULL);
	buf_reset(&t->log);
	assert_int_equal(graph_run(t->g, &how, NULL, &err), -ERR_DEADLINE);
	assert_string_equal(err.msg, "1: finish 1: timed out");
	assert_string_equal(buf_str(&t->log), "b0 b1 u1 u0 ");
}

/* 1 fails; 2 needs it, 3 does not. */
static void goes_on_where_it_is_told_to(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;
	const struct graph_how how = { .loop = t->loop, .step_ms = 2000, .undo_ms = 5000, .goes_on = true };

	add(t, &waits, 0);
	add(t, &waits, 0)->fail_finish = true;
	add(t, &waits, 0);
	add(t, &waits, 10)->wakes = &t->v[4];
	add(t, &waits, -1)->fail_finish = true;
	graph_need(t->g, 2, 1, NULL);
	graph_need(t->g, 3, 0, NULL);
	assert_int_equal(graph_run(t->g, &how, NULL, &err), -ERR_INTERNAL);
	assert_string_equal(err.msg, "1: finish 1"); /* the first */
	assert_string_equal(buf_str(&t->log), "b0 b1 b4 f0 b3 f1 f3 f4 ");
}

/* Of some, only two are under way at a time: 0 and 1, then 2 once 1 has ended. One that fails makes room as well, 5 is not wanted.
 */
static void no_more_at_once_than_it_says(void **state)
{
	struct trail *t = *state;
	struct err err = ERR_INIT;
	const struct graph_how how = { .loop = t->loop, .step_ms = 2000, .undo_ms = 5000, .goes_on = true };

	add(t, &two_at_once, 60);
	add(t, &two_at_once, 10)->fail_finish = true;
	add(t, &two_at_once, 10);
	add(t, &waits, 5);
	add(t, &two_at_once, 10);
	add(t, &two_at_once, 0)->skip = true;
	assert_int_equal(graph_run(t->g, &how, NULL, &err), -ERR_INTERNAL);
	assert_string_equal(buf_str(&t->log), "b0 b1 b3 f3 f1 b2 f2 b4 f4 f0 ");
}

/* What is under way is looked at once a round, however many others end meanwhile. */
struct crowd {
	size_t ended, asked, n;
};
struct one {
	struct crowd *crowd;
	size_t n;
};
static bool ready_in_crowd(const void *state, unsigned number)
{
	const struct one *o = state;

	(void)number;
	o->crowd->asked++;
	return o->n % 2 || o->crowd->ended >= o->crowd->n / 2; /* the first ones wait for the others */
}
static int end_in_crowd(void *state, const struct ctx *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	((struct one *)state)->crowd->ended++;
	return 0;
}
static bool needed(const void *state)
{
	((const struct one *)state)->crowd->asked++;
	return true;
}

static void a_thousand_cost_a_thousand_times_one(void **state)
{
	enum { MANY = 2000 };
	static const struct graph_kind kind = { .name = "one", .ready = ready_in_crowd, .finish = end_in_crowd };
	struct trail *t = *state;
	struct crowd crowd = { .n = MANY };
	struct one *all = mem_array(struct one, MANY + 1);
	struct err err = ERR_INIT;

	for (size_t i = 0; i <= MANY; i++) {
		all[i] = (struct one){ &crowd, i };
		(void)graph_add(t->g, &kind, "", &all[i]);
	}
	for (size_t i = 0; i < MANY; i++)
		graph_need(t->g, MANY, i, needed);
	if (go(t, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(crowd.ended, MANY + 1);
	assert_in_range(crowd.asked, MANY, 5 * MANY);
	free(all);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
RUN_TESTS("graph", CASE(finishes_whatever_is_ready), CASE(runs_many_side_by_side), CASE(is_begun_wherever_it_was_added),
	  CASE(blocks_last), CASE(finishes_in_parts), CASE(asks_what_it_needs_besides), CASE(leaves_out_what_is_not_wanted),
	  CASE(undoes_what_was_begun_newest_first), CASE(fails_where_a_test_says), CASE(refuses_a_circle),
	  CASE(refuses_a_node_that_needs_itself), CASE(begins_nothing_once_cancelled), CASE(gives_each_node_its_time),
	  CASE(goes_on_where_it_is_told_to), CASE(no_more_at_once_than_it_says), CASE(a_thousand_cost_a_thousand_times_one))
