/* A thousand waits on one thread and one connection: each is told of once, whatever ends it. */
#include "test.h"
#include "clock.h"
#include "containers.h"
#include "fake.h"
#include "mem.h"
#include "tasks.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	MANY = 1000,
	MORE = 8000,
	SIGNALS = 31, /* what a task is killed by says which one it was */
	BYTES_A_WAIT = 1500,
};

static struct loop *loop;
static struct fake *fake;
static struct ctrd *c;
static struct ctx soon;
static struct err err;

struct waiter {
	struct ctrd_call *call;
	unsigned told;
	int r;
	struct ctrd_exit exit;
	int64_t at;
};

static struct waiter *waiters;
static unsigned n_told;
static bool inside; /* a function of ours */

static void must_(int r, const char *what, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %s", line, what, err.msg);
	err = (struct err)ERR_INIT;
}
#define MUST(call) must_((call), #call, __LINE__)

static int begin(void **state)
{
	(void)state;
	err = (struct err)ERR_INIT;
	soon = ctx_within(NULL, 120000);
	loop = loop_new();
	n_told = 0;
	waiters = mem_array(struct waiter, MORE);
	MUST(fake_start(loop, &fake, &err));
	MUST(ctrd_open(loop, fake_address(fake), "one", &c, &err));
	return 0;
}

static int begin_narrow(void **state)
{
	int r;

	(void)setenv("FAKE_STREAMS", "100", 1);
	r = begin(state);
	(void)unsetenv("FAKE_STREAMS");
	return r;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; waiters && i < MORE; i++)
		ctrd_call_free(TAKE_PTR(waiters[i].call));
	ctrd_free(TAKE_PTR(c));
	fake_free(TAKE_PTR(fake));
	loop_free(TAKE_PTR(loop));
	free(TAKE_PTR(waiters));
	return 0;
}

static const char *name_of(size_t i, char text[16])
{
	(void)snprintf(text, 16, "t%zu", i);
	return text;
}

static void make_task(const char *id)
{
	struct ctrd_container rec = { .id = (char *)(uintptr_t)id,
				      .image = (char[]){ "x" },
				      .snapshotter = (char[]){ "overlayfs" },
				      .snapshot_key = (char[]){ "x" },
				      .runtime = (char[]){ "io.containerd.runc.v2" } };

	rec.spec.type_url = (char[]){ "spec" };
	MUST(containers_create(c, &rec, &soon, &err));
	MUST(tasks_create(c, id, NULL, NULL, NULL, &soon, NULL, &err));
	MUST(tasks_start(c, id, NULL, &soon, NULL, &err));
}

static void make_tasks(size_t n)
{
	char id[16];

	for (size_t i = 0; i < n; i++)
		make_task(name_of(i, id));
}

/* Its _end() does not wait: it would turn the loop, inside a turn, which ends the program. */
static void on_told(void *arg)
{
	struct waiter *w = arg;

	assert_false(inside);
	inside = true;
	w->told++;
	n_told++;
	w->at = clock_mono();
	w->r = tasks_wait_end(TAKE_PTR(w->call), NULL, &w->exit, NULL);
	inside = false;
}

static void wait_for(struct ctrd *scope, size_t i, const char *id, const struct ctx *ctx)
{
	inside = true; /* nothing is told of in here */
	waiters[i].call = tasks_wait_begin(scope, id, NULL, ctx);
	ctrd_call_notify(waiters[i].call, on_told, &waiters[i]);
	inside = false;
}

static void wait_for_all(struct ctrd *scope, size_t n)
{
	char id[16];

	for (size_t i = 0; i < n; i++)
		wait_for(scope, i, name_of(i, id), NULL);
}

static void turn_until(unsigned told)
{
	while (n_told < told)
		MUST(loop_turn(loop, &soon, &err));
	loop_poll(loop); /* and no more */
	assert_int_equal(n_told, told);
}

/* Until the fake has so many calls. */
static void turn_until_asked(unsigned calls)
{
	while (fake_count(fake) < calls)
		MUST(ctx_check(&soon, &err));
}

static void kill_task(struct ctrd *scope, size_t i)
{
	char id[16];

	MUST(tasks_kill(scope, name_of(i, id), NULL, 1 + (int)(i % SIGNALS), true, &soon, &err));
}

static void told_its_own(size_t i)
{
	assert_int_equal(waiters[i].told, 1);
	assert_int_equal(waiters[i].r, 0);
	assert_int_equal(waiters[i].exit.status, 128 + 1 + i % SIGNALS);
	assert_true(waiters[i].exit.at > 0);
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes() : mallinfo2().uordblks;
}

static void a_thousand_on_one_connection(void **state)
{
	const size_t lost = MANY / 2;
	size_t before, bytes;

	(void)state;
	make_tasks(MANY);
	MUST(fake_reset(fake, &err));
	before = allocated();
	wait_for_all(c, MANY);
	turn_until_asked(MANY);
	bytes = (allocated() - before) / MANY;
	print_message("%zu bytes for each call that waits\n", bytes);
	assert_true(bytes < BYTES_A_WAIT);
	assert_int_equal(n_told, 0);
	ctrd_call_free(TAKE_PTR(waiters[lost].call)); /* given up in the middle */
	for (size_t i = MANY; i-- > 0;)
		kill_task(c, i);
	turn_until(MANY - 1);
	for (size_t i = 0; i < MANY; i++)
		if (i != lost)
			told_its_own(i);
	assert_int_equal(waiters[lost].told, 0);
}

/* What the peer does not take yet waits with us, is ended by its deadline and given up like the others. */
static void more_than_the_peer_takes(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *other = NULL;
	const struct ctx short_ = ctx_within(NULL, 50);
	const size_t lost = MANY / 2;

	(void)state;
	make_tasks(MANY);
	MUST(ctrd_open(loop, fake_address(fake), "one", &other, &err));
	MUST(fake_reset(fake, &err));
	wait_for_all(c, MANY);
	wait_for(c, MANY, "t0", &short_);
	turn_until_asked(100);
	ctrd_call_free(TAKE_PTR(waiters[lost].call));
	turn_until(1);
	assert_int_equal(waiters[MANY].r, -ERR_DEADLINE);
	assert_int_equal(fake_count(fake), 100);
	for (size_t i = 0; i < MANY; i++)
		kill_task(other, i);
	turn_until(MANY);
	for (size_t i = 0; i < MANY; i++)
		if (i != lost)
			told_its_own(i);
	assert_int_equal(waiters[lost].told, 0);
}

/* Nobody waits for them; the last begun ends first. */
static void deadlines_end_by_themselves(void **state)
{
	enum { TIMED = 100, TO_BEGIN_MS = 1000 };
	int64_t from;

	(void)state;
	make_task("t");
	from = clock_mono();
	for (size_t i = 0; i < MANY; i++) {
		const struct ctx until = { .deadline = from + (TO_BEGIN_MS + (int64_t)(TIMED - i) * 2) * NSEC_PER_MSEC };

		wait_for(c, i, "t", i < TIMED ? &until : NULL);
	}
	turn_until(TIMED);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(waiters[i].told, i < TIMED);
		assert_int_equal(waiters[i].r, i < TIMED ? -ERR_DEADLINE : 0);
		assert_true(i == 0 || i >= TIMED || waiters[i].at <= waiters[i - 1].at);
	}
	MUST(tasks_kill(c, "t", NULL, 9, true, &soon, &err));
	turn_until(MANY);
}

static void a_crash_ends_each_once(void **state)
{
	(void)state;
	make_task("t");
	MUST(fake_reset(fake, &err));
	for (size_t i = 0; i < MANY; i++)
		wait_for(c, i, "t", NULL);
	turn_until_asked(MANY);
	fake_crash(fake);
	turn_until(MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(waiters[i].told, 1);
		assert_int_equal(waiters[i].r, -ERR_UNAVAILABLE);
	}
}

/* As a server does: whoever is told of the loss makes the connection anew, if nobody has yet, and begins again. */
static void begin_again(void *arg)
{
	struct waiter *w = arg;

	w->told++;
	n_told++;
	assert_int_equal(tasks_wait_end(TAKE_PTR(w->call), NULL, NULL, NULL), -ERR_UNAVAILABLE);
	MUST(ctrd_reopen(c, &err));
	wait_for(c, (size_t)(w - waiters), "t", NULL);
}

static void a_connection_made_anew_by_those_who_are_told(void **state)
{
	(void)state;
	make_task("t");
	MUST(fake_reset(fake, &err));
	for (size_t i = 0; i < MANY; i++) {
		waiters[i].call = tasks_wait_begin(c, "t", NULL, NULL);
		ctrd_call_notify(waiters[i].call, begin_again, &waiters[i]);
	}
	turn_until_asked(MANY);
	MUST(fake_fault(fake, &err, "Tasks/Kill:drop"));
	assert_int_equal(tasks_kill(c, "t", NULL, 9, true, &soon, NULL), -ERR_UNAVAILABLE);
	turn_until(MANY);
	MUST(fake_reset(fake, &err));
	MUST(tasks_kill(c, "t", NULL, 9, true, &soon, &err));
	turn_until(2 * MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(waiters[i].told, 2);
		assert_int_equal(waiters[i].r, 0);
		assert_int_equal(waiters[i].exit.status, 137);
	}
}

/* The connection goes with its last call: what still stands in the list of those to be told goes as well. */
static void end_everything(void *arg)
{
	(void)arg;
	n_told++;
	for (size_t i = 0; i < MANY; i++)
		ctrd_call_free(TAKE_PTR(waiters[i].call));
	ctrd_free(TAKE_PTR(c));
}

static void the_first_frees_all(void **state)
{
	(void)state;
	make_task("t");
	for (size_t i = 0; i < MANY; i++) {
		waiters[i].call = tasks_wait_begin(c, "t", NULL, NULL);
		ctrd_call_notify(waiters[i].call, end_everything, NULL);
	}
	MUST(tasks_kill(c, "t", NULL, 9, true, &soon, &err));
	turn_until(1);
	assert_null(c);
}

/* Where nothing needs to be asked it is told of too, and not inside the beginning. */
static void on_nothing(void *arg)
{
	struct waiter *w = arg;

	n_told++;
	w->r = containers_set_labels_end(TAKE_PTR(w->call), NULL, NULL);
}

static void ended_from_the_beginning(void **state)
{
	const struct dict none = { 0 };

	(void)state;
	waiters[1].r = 1;
	waiters[1].call = containers_set_labels_begin(c, "t", &none, &soon);
	ctrd_call_notify(waiters[1].call, on_nothing, &waiters[1]);
	assert_int_equal(n_told, 0);
	turn_until(1);
	assert_int_equal(waiters[1].r, 0);
	waiters[1].call = containers_set_labels_begin(c, "t", &none, &soon);
	ctrd_call_notify(waiters[1].call, on_nothing, &waiters[1]);
	ctrd_call_free(TAKE_PTR(waiters[1].call)); /* no word of it */
	waiters[1].call = containers_set_labels_begin(c, "t", &none, &soon);
	ctrd_call_notify(waiters[1].call, on_nothing, &waiters[1]);
	ctrd_call_notify(waiters[1].call, NULL, NULL);
	turn_until(1);
}

/* Each time on a connection that is gone: once a turn. */
static void begun_again_without_end(void *arg)
{
	struct waiter *w = arg;

	n_told++;
	assert_int_equal(tasks_wait_end(TAKE_PTR(w->call), NULL, NULL, NULL), -ERR_UNAVAILABLE);
	w->call = tasks_wait_begin(c, "t", NULL, NULL);
	ctrd_call_notify(w->call, begun_again_without_end, w);
}

static void others_have_their_turn(void **state)
{
	(void)state;
	make_task("t");
	fake_crash(fake);
	while (ctrd_alive(c))
		MUST(loop_turn(loop, &soon, &err));
	waiters[0].call = tasks_wait_begin(c, "t", NULL, NULL);
	assert_true(ctrd_call_ready(waiters[0].call));
	ctrd_call_notify(waiters[0].call, begun_again_without_end, &waiters[0]);
	assert_int_equal(n_told, 0);
	for (unsigned i = 1; i <= 10; i++) {
		loop_poll(loop);
		assert_int_equal(n_told, i);
	}
	ctrd_call_notify(waiters[0].call, NULL, NULL);
	loop_poll(loop);
	assert_int_equal(n_told, 10);
}

/* Only what this thread does counts, not how long it waits for others. */
static int64_t cost_of(size_t n)
{
	struct timespec from, to;

	make_task("t");
	MUST(fake_reset(fake, &err));
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	n_told = 0;
	for (size_t i = 0; i < n; i++)
		wait_for(c, i, "t", i % 2 ? &soon : NULL);
	MUST(tasks_kill(c, "t", NULL, 9, true, &soon, &err));
	turn_until((unsigned)n);
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	MUST(fake_clear(fake, &err));
	return (to.tv_sec - from.tv_sec) * NSEC_PER_SEC + to.tv_nsec - from.tv_nsec;
}

/* Eight times as many cost eight times as much, and not 64 times; whatever else the machine does costs both a little more. */
static void eight_times_as_many_cost_eight_times_as_much(void **state)
{
	int64_t few = INT64_MAX, many = INT64_MAX;

	(void)state;
	for (int i = 0; i < 5 && (i == 0 || many > 20 * few); i++) {
		int64_t a = cost_of(MORE / 8), b = cost_of(MORE);

		few = a < few ? a : few;
		many = b < many ? b : many;
	}
	print_message("%d waits: %.1f ms, %d: %.1f ms\n", MORE / 8, (double)few / NSEC_PER_MSEC, MORE,
		      (double)many / NSEC_PER_MSEC);
	assert_true(many < 20 * few);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
RUN_TESTS("waits", CASE(a_thousand_on_one_connection), cmocka_unit_test_setup_teardown(more_than_the_peer_takes, begin_narrow, end),
	  CASE(deadlines_end_by_themselves), CASE(a_crash_ends_each_once), CASE(a_connection_made_anew_by_those_who_are_told),
	  CASE(the_first_frees_all), CASE(ended_from_the_beginning), CASE(others_have_their_turn),
	  CASE(eight_times_as_many_cost_eight_times_as_much))
