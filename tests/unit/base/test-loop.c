#include "test.h"
#include "clock.h"
#include "loop.h"
#include <fcntl.h>
#include <poll.h>

struct fixture {
	struct loop *loop;
	int a[2], b[2];
	struct watch *wa, *wb, *wc;
	struct timer *ta, *tb;
	int ran_a, ran_b;
	short seen;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->loop = loop_new();
	assert_int_equal(pipe2(f->a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(f->b, O_CLOEXEC), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	watch_free(f->wa);
	watch_free(f->wb);
	watch_free(f->wc);
	timer_free(f->ta);
	timer_free(f->tb);
	loop_free(f->loop);
	for (int i = 0; i < 2; i++) {
		(void)close(f->a[i]);
		(void)close(f->b[i]);
	}
	free(f);
	return 0;
}

static void on_a(void *arg, short revents)
{
	struct fixture *f = arg;

	f->ran_a++;
	f->seen = revents;
}

static void on_b(void *arg, short revents)
{
	struct fixture *f = arg;

	(void)revents;
	f->ran_b++;
}

static void put(int fd) { assert_int_equal(write(fd, "x", 1), 1); }

static void runs_what_is_ready(void **state)
{
	struct fixture *f = *state;

	f->wa = loop_watch(f->loop, f->a[0], POLLIN, on_a, f);
	f->wb = loop_watch(f->loop, f->b[0], POLLIN, on_b, f);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a + f->ran_b, 0);
	put(f->a[1]);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 0);
	assert_int_equal(f->seen, POLLIN);
	put(f->b[1]);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 2);
	assert_int_equal(f->ran_b, 1);
}

static void tells_of_a_hangup(void **state)
{
	struct fixture *f = *state;

	f->wa = loop_watch(f->loop, f->a[0], POLLIN, on_a, f);
	(void)close(f->a[1]);
	f->a[1] = -1;
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_true(f->seen & POLLHUP);
}

static void silent_watches_are_not_polled(void **state)
{
	struct fixture *f = *state;
	struct ctx soon = ctx_within(NULL, 5);
	struct err err = ERR_INIT;

	f->wa = loop_watch(f->loop, f->a[0], 0, on_a, f);
	put(f->a[1]);
	assert_int_equal(loop_turn(f->loop, &soon, &err), -ERR_DEADLINE);
	assert_int_equal(f->ran_a, 0);
	watch_events(f->wa, POLLIN);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
}

static void frees_both(void *arg, short revents)
{
	struct fixture *f = arg;

	(void)revents;
	f->ran_a++;
	watch_free(TAKE_PTR(f->wa));
	watch_free(TAKE_PTR(f->wb));
}

static void a_freed_watch_does_not_run(void **state)
{
	struct fixture *f = *state;

	f->wa = loop_watch(f->loop, f->a[0], POLLIN, frees_both, f);
	f->wb = loop_watch(f->loop, f->b[0], POLLIN, on_b, f);
	put(f->a[1]);
	put(f->b[1]);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 0); /* was ready, but is gone */
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 1);
}

static void replaces_itself(void *arg, short revents)
{
	struct fixture *f = arg;

	(void)revents;
	f->ran_a++;
	watch_free(f->wa);
	f->wa = loop_watch(f->loop, f->a[0], POLLIN, on_a, f);
	for (int i = 0; i < 50; i++) /* so many that the arrays move */
		watch_free(loop_watch(f->loop, f->b[0], POLLIN, on_b, f));
	f->wc = loop_watch(f->loop, f->b[0], POLLIN, on_b, f);
}

static void watches_may_be_added_while_running(void **state)
{
	struct fixture *f = *state;

	put(f->a[1]);
	put(f->b[1]);
	f->wa = loop_watch(f->loop, f->a[0], POLLIN, replaces_itself, f);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 0); /* new ones wait for the next turn */
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 2);
	assert_int_equal(f->ran_b, 1);
}

static void waits_end(void **state)
{
	struct fixture *f = *state;
	struct cancel cancel = { .on = 0, .fd = f->b[0] };
	struct ctx c = { .cancel = &cancel }, soon = ctx_within(NULL, 20), past = { .deadline = 1 };
	struct err err = ERR_INIT;
	int64_t began = clock_mono();

	f->wa = loop_watch(f->loop, f->a[0], POLLIN, on_a, f);
	assert_int_equal(loop_turn(f->loop, &soon, &err), -ERR_DEADLINE);
	assert_true(clock_mono() - began >= 20 * NSEC_PER_MSEC);
	err = (struct err)ERR_INIT;
	put(f->a[1]); /* even with something ready: the check comes first */
	assert_int_equal(loop_turn(f->loop, &past, &err), -ERR_DEADLINE);
	assert_int_equal(f->ran_a, 0);
	err = (struct err)ERR_INIT;
	cancel.on = SIGINT;
	put(f->b[1]);
	assert_int_equal(loop_turn(f->loop, &c, &err), -ERR_CANCELLED);
}

static struct cancel late = { .on = 0, .fd = -1 };

static void on_alarm(int sig) { late.on = sig; }

static void a_signal_ends_a_wait(void **state)
{
	struct fixture *f = *state;
	struct ctx c = { .cancel = &late };
	struct err err = ERR_INIT;
	const struct sigaction sa = { .sa_handler = on_alarm }, old = { .sa_handler = SIG_DFL };
	timer_t timer;
	const struct itimerspec in = { .it_value.tv_nsec = 20 * NSEC_PER_MSEC };

	f->wa = loop_watch(f->loop, f->a[0], POLLIN, on_a, f);
	assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &in, NULL), 0);
	assert_int_equal(loop_turn(f->loop, &c, &err), -ERR_CANCELLED);
	(void)timer_delete(timer);
	(void)sigaction(SIGALRM, &old, NULL);
}

static void tick_a(void *arg) { on_a(arg, 0); }

static void tick_b(void *arg) { on_b(arg, 0); }

static void timers_run_once(void **state)
{
	struct fixture *f = *state;
	int64_t began = clock_mono();
	struct ctx soon;

	f->ta = loop_timer(f->loop, tick_a, f);
	f->tb = loop_timer(f->loop, tick_b, f);
	timer_set(f->ta, began + 20 * NSEC_PER_MSEC);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 0);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_true(clock_mono() - began >= 20 * NSEC_PER_MSEC);
	assert_int_equal(f->ran_a, 1);
	soon = ctx_within(NULL, 10);
	assert_int_equal(loop_turn(f->loop, &soon, NULL), -ERR_DEADLINE); /* it is not set any more */
	timer_set(f->ta, 1);                                              /* long past */
	timer_set(f->tb, 1);
	timer_set(f->tb, 0);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 2);
	assert_int_equal(f->ran_b, 0);
}

static void tick_that_frees(void *arg)
{
	struct fixture *f = arg;

	f->ran_a++;
	timer_free(TAKE_PTR(f->ta));
	timer_free(TAKE_PTR(f->tb));
	watch_free(TAKE_PTR(f->wa));
}

static void timers_may_be_freed_while_running(void **state)
{
	struct fixture *f = *state;

	f->wa = loop_watch(f->loop, f->a[0], POLLIN, on_a, f);
	f->ta = loop_timer(f->loop, tick_that_frees, f);
	f->tb = loop_timer(f->loop, tick_b, f);
	timer_set(f->ta, 1);
	timer_set(f->tb, 1);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("loop", T(runs_what_is_ready), T(tells_of_a_hangup), T(silent_watches_are_not_polled), T(a_freed_watch_does_not_run),
	  T(watches_may_be_added_while_running), T(waits_end), T(a_signal_ends_a_wait), T(timers_run_once),
	  T(timers_may_be_freed_while_running))
