#include "test.h"
#include "clock.h"
#include "mem.h"
#include "workers.h"
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

enum { THREADS = 4, QUEUE = 200, SLOW = 2 };

struct fixture {
	struct loop *loop;
	struct workers *pool;
	_Atomic int began, ended, running;
};

struct piece {
	struct fixture *f;
	struct work work;
	unsigned in, out, done, not_run;
	int r; /* of its wait */
};

/* A thread's state is a loop of its own, as a core's is. */
static void *begin(void *arg)
{
	((struct fixture *)arg)->began++;
	return loop_new();
}

static struct fixture *fixture_now;

static void end(void *state)
{
	fixture_now->ended++;
	loop_free(state);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct workers_conf conf = {
		.threads = THREADS, .slow_max = SLOW, .queue_max = QUEUE, .begin = begin, .end = end, .arg = f
	};

	f->loop = conf.loop = loop_new();
	fixture_now = f;
	assert_int_equal(workers_new(&conf, &f->pool, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	workers_free(f->pool);
	assert_int_equal(f->began, THREADS);
	assert_int_equal(f->ended, THREADS);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void doubles(void *arg, void *state, const struct ctx *ctx)
{
	struct piece *p = arg;
	const struct ctx moment = ctx_within(ctx, p->in % 3);

	assert(state);
	(void)loop_turn(state, &moment, NULL);
	p->out = 2 * p->in;
}

static void waits(void *arg, void *state, const struct ctx *ctx)
{
	struct piece *p = arg;

	p->f->running++;
	do
		p->r = loop_turn(state, ctx, NULL);
	while (p->r >= 0);
}

/* In a poll of its own, which knows nothing of loops. */
static void polls(void *arg, void *state, const struct ctx *ctx)
{
	struct piece *p = arg;
	struct pollfd pfd = { .fd = ctx->cancel->fd, .events = POLLIN };

	(void)state;
	p->f->running++;
	(void)poll(&pfd, 1, ctx_poll_ms(ctx));
	p->r = ctx_check(ctx, NULL);
}

static void on_done(void *arg, bool ran)
{
	struct piece *p = arg;

	p->done++;
	p->not_run += !ran;
}

static void piece_init(struct piece *p, struct fixture *f, void (*run)(void *, void *, const struct ctx *), unsigned in)
{
	*p = (struct piece){ .f = f, .in = in, .work = { .run = run, .done = on_done, .arg = p } };
}

static void turn_until_idle(struct fixture *f)
{
	const struct ctx limit = ctx_within(NULL, 60000);

	while (workers_busy(f->pool))
		assert_int_equal(loop_turn(f->loop, &limit, NULL), 0);
}

static void await_running(struct fixture *f, int n)
{
	const struct ctx limit = ctx_within(NULL, 60000);

	while (f->running < n) {
		assert_int_equal(ctx_check(&limit, NULL), 0);
		(void)poll(NULL, 0, 1);
	}
}

static void runs_everything_once(void **state)
{
	struct fixture *f = *state;
	static struct piece p[QUEUE];

	for (int again = 0; again < 3; again++) {
		for (unsigned i = 0; i < QUEUE; i++) {
			piece_init(&p[i], f, doubles, i);
			assert_int_equal(workers_submit(f->pool, &p[i].work, NULL), 0);
		}
		turn_until_idle(f);
		for (unsigned i = 0; i < QUEUE; i++) {
			assert_int_equal(p[i].out, 2 * i);
			assert_int_equal(p[i].done, 1);
			assert_int_equal(p[i].not_run, 0);
		}
	}
}

static void the_queue_has_an_end(void **state)
{
	struct fixture *f = *state;
	static struct piece p[THREADS + QUEUE + 1];
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < THREADS + QUEUE + 1; i++) {
		piece_init(&p[i], f, waits, i);
		if (i < THREADS + QUEUE)
			assert_int_equal(workers_submit(f->pool, &p[i].work, NULL), 0);
		if (i < THREADS)
			await_running(f, (int)i + 1);
	}
	assert_int_equal(workers_submit(f->pool, &p[THREADS + QUEUE].work, &err), -ERR_EXHAUSTED);
	workers_cancel(f->pool, &p[THREADS].work); /* which makes room */
	workers_cancel(f->pool, &p[THREADS].work);
	assert_int_equal(workers_submit(f->pool, &p[THREADS + QUEUE].work, NULL), 0);
	for (unsigned i = 0; i < THREADS + QUEUE + 1; i++)
		if (i != THREADS)
			workers_cancel(f->pool, &p[i].work);
	turn_until_idle(f);
	for (unsigned i = 0; i < THREADS + QUEUE + 1; i++) {
		assert_int_equal(p[i].done, 1);
		if (i < THREADS)
			assert_int_equal(p[i].r, -ERR_CANCELLED);
	}
}

/* They leave threads to the others, and each has its turn. */
static void slow_ones_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct piece slow[2 * THREADS], quick;
	const struct ctx limit = ctx_within(NULL, 60000);

	for (unsigned i = 0; i < 2 * THREADS; i++) {
		piece_init(&slow[i], f, waits, i);
		slow[i].work.slow = true;
		assert_int_equal(workers_submit(f->pool, &slow[i].work, NULL), 0);
	}
	await_running(f, SLOW);
	piece_init(&quick, f, doubles, 3);
	assert_int_equal(workers_submit(f->pool, &quick.work, NULL), 0);
	while (!quick.done)
		assert_int_equal(loop_turn(f->loop, &limit, NULL), 0);
	assert_int_equal(f->running, SLOW);
	for (unsigned i = 0; i < 2 * THREADS; i++) {
		await_running(f, (int)(i + SLOW < 2 * THREADS ? i + SLOW : 2 * THREADS));
		workers_cancel(f->pool, &slow[i].work);
		while (!slow[i].done)
			assert_int_equal(loop_turn(f->loop, &limit, NULL), 0);
		assert_int_equal(slow[i].not_run, 0);
	}
	turn_until_idle(f);
}

static unsigned order[4];
static _Atomic unsigned n_order;

static void notes(void *arg, void *state, const struct ctx *ctx)
{
	(void)state, (void)ctx;
	order[n_order++] = ((const struct piece *)arg)->in;
}

/* Of what waits for a thread. */
static void first_ones_are_first(void **state)
{
	static const bool first[] = { false, true, false, true };
	static const unsigned want[] = { 1, 3, 0, 2 };
	struct fixture *f = *state;
	struct piece busy[THREADS], p[4];

	n_order = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		piece_init(&busy[i], f, waits, i);
		assert_int_equal(workers_submit(f->pool, &busy[i].work, NULL), 0);
	}
	await_running(f, THREADS);
	for (unsigned i = 0; i < 4; i++) {
		piece_init(&p[i], f, notes, i);
		p[i].work.first = first[i];
		assert_int_equal(workers_submit(f->pool, &p[i].work, NULL), 0);
	}
	workers_cancel(f->pool, &busy[0].work); /* the one thread that runs them */
	while (n_order < 4)
		(void)poll(NULL, 0, 1);
	for (unsigned i = 1; i < THREADS; i++)
		workers_cancel(f->pool, &busy[i].work);
	turn_until_idle(f);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(order[i], want[i]);
}

static void a_cancel_ends_one(void **state)
{
	struct fixture *f = *state;
	struct piece p[THREADS];

	for (int round = 0; round < 20; round++) {
		f->running = 0;
		for (unsigned i = 0; i < THREADS; i++) {
			piece_init(&p[i], f, i % 2 ? polls : waits, i);
			assert_int_equal(workers_submit(f->pool, &p[i].work, NULL), 0);
		}
		await_running(f, THREADS);
		for (unsigned i = 0; i < THREADS; i++) { /* one after the other: the next ones go on */
			const struct ctx limit = ctx_within(NULL, 60000);

			workers_cancel(f->pool, &p[i].work);
			while (!p[i].done)
				assert_int_equal(loop_turn(f->loop, &limit, NULL), 0);
			assert_int_equal(p[i].r, -ERR_CANCELLED);
			assert_int_equal(workers_busy(f->pool), THREADS - i - 1);
		}
	}
}

static void a_deadline_ends_it(void **state)
{
	struct fixture *f = *state;
	struct piece p;

	piece_init(&p, f, waits, 0);
	p.work.deadline = clock_mono() + 5 * NSEC_PER_MSEC;
	assert_int_equal(workers_submit(f->pool, &p.work, NULL), 0);
	turn_until_idle(f);
	assert_int_equal(p.r, -ERR_DEADLINE);
}

/* teardown() frees the pool while all are at work, and as many wait. */
static struct piece left[2 * THREADS];

static void shutdown_joins_all(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2 * THREADS; i++) {
		piece_init(&left[i], f, waits, i);
		assert_int_equal(workers_submit(f->pool, &left[i].work, NULL), 0);
	}
	await_running(f, THREADS);
	workers_free(TAKE_PTR(f->pool));
	for (unsigned i = 0; i < 2 * THREADS; i++)
		assert_int_equal(left[i].done, 1);
	for (unsigned i = THREADS; i < 2 * THREADS; i++)
		assert_int_equal(left[i].not_run, 1);
}

static void on_done_again(void *arg, bool ran)
{
	struct piece *p = arg;

	on_done(arg, ran);
	if (p->done == 1)
		p->r = workers_submit(p->f->pool, &p->work, NULL);
}

/* A pool that goes takes nothing. */
static void none_begins_while_it_ends(void **state)
{
	struct fixture *f = *state;
	struct piece p;

	piece_init(&p, f, waits, 0);
	p.work.done = on_done_again;
	assert_int_equal(workers_submit(f->pool, &p.work, NULL), 0);
	await_running(f, 1);
	workers_free(f->pool);
	f->pool = NULL;
	assert_int_equal(p.r, -ERR_CANCELLED);
	assert_int_equal(p.done, 1);
}

static void notes_signals(void *arg, void *state, const struct ctx *ctx)
{
	sigset_t set;

	(void)state, (void)ctx;
	(void)pthread_sigmask(SIG_BLOCK, NULL, &set);
	((struct piece *)arg)->out = sigismember(&set, SIGTERM) == 1;
}

static void signals_are_for_the_first_thread(void **state)
{
	struct fixture *f = *state;
	struct piece p;

	piece_init(&p, f, notes_signals, 0);
	assert_int_equal(workers_submit(f->pool, &p.work, NULL), 0);
	turn_until_idle(f);
	assert_int_equal(p.out, 1);
}

static int setup_idle(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct workers_conf conf = { .threads = THREADS,
				     .slow_max = SLOW,
				     .queue_max = QUEUE,
				     .stack = 256 << 10,
				     .idle_ms = 20,
				     .begin = begin,
				     .end = end,
				     .arg = f };

	f->loop = conf.loop = loop_new();
	fixture_now = f;
	assert_int_equal(workers_new(&conf, &f->pool, NULL), 0);
	*state = f;
	return 0;
}

static int teardown_idle(void **state)
{
	struct fixture *f = *state;

	workers_free(f->pool);
	assert_int_equal(f->began, f->ended);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void turn_until_threads(struct fixture *f, unsigned n)
{
	const struct ctx limit = ctx_within(NULL, 60000);

	while (workers_threads(f->pool) != n)
		assert_int_equal(loop_turn(f->loop, &limit, NULL), 0);
}

/* One for each work that waits, no more than there may be, and none once there is nothing to do. */
static void threads_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct piece p[THREADS + 1];

	assert_int_equal(workers_threads(f->pool), 0);
	for (int round = 0; round < 3; round++) {
		f->running = 0;
		for (unsigned i = 0; i < THREADS + 1; i++) {
			piece_init(&p[i], f, waits, i);
			assert_int_equal(workers_submit(f->pool, &p[i].work, NULL), 0);
			assert_int_equal(workers_threads(f->pool), i < THREADS ? i + 1 : THREADS);
			if (i < THREADS)
				await_running(f, (int)i + 1);
		}
		for (unsigned i = 0; i < THREADS + 1; i++)
			workers_cancel(f->pool, &p[i].work);
		turn_until_idle(f);
		turn_until_threads(f, 0);
		assert_int_equal(f->began, (round + 1) * THREADS);
		assert_int_equal(f->ended, f->began);
	}
}

/* Works that come just when a thread has had enough. */
static void work_meets_threads_that_end(void **state)
{
	struct fixture *f = *state;
	struct piece p;

	for (unsigned i = 0; i < 40; i++) {
		(void)poll(NULL, 0, 15 + (int)(i % 10));
		piece_init(&p, f, doubles, i);
		assert_int_equal(workers_submit(f->pool, &p.work, NULL), 0);
		turn_until_idle(f);
		assert_int_equal(p.out, 2 * i);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define T_IDLE(f) cmocka_unit_test_setup_teardown(f, setup_idle, teardown_idle)
RUN_TESTS("workers", T(runs_everything_once), T(the_queue_has_an_end), T(first_ones_are_first), T(slow_ones_are_bounded),
	  T_IDLE(slow_ones_are_bounded), T(a_cancel_ends_one), T(a_deadline_ends_it), T(shutdown_joins_all),
	  T(none_begins_while_it_ends), T_IDLE(none_begins_while_it_ends), T(signals_are_for_the_first_thread),
	  T_IDLE(threads_come_and_go), T_IDLE(work_meets_threads_that_end))
