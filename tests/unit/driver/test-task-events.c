#include "task-events.h"
#include "test.h"
#include "clock.h"
#include "ctx.h"
#include "mem.h"
#include "strv.h"
#include <pthread.h>
#include <string.h>

#define ID "0a1b2c3d-0000-0000-0000-000000000000/web/deadbeef"

struct ear {
	struct task_listener listener;
	struct strv heard;
	bool leaves; /* after the first */
};

static void on_heard(void *arg, const Driver__DriverTaskEvent *m)
{
	struct ear *ear = arg;

	strv_pushf(&ear->heard, "%s", m->message);
	assert_true(m->timestamp->seconds > 0);
	if (ear->leaves)
		task_events_leave(&ear->listener);
}

static void listen(struct task_events *e, struct ear *ear)
{
	ear->listener = (struct task_listener){ .send = on_heard, .arg = ear };
	task_events_join(e, &ear->listener);
}

static void leave(struct ear *ear)
{
	task_events_leave(&ear->listener);
	strv_done(&ear->heard);
}

struct rig {
	struct loop *loop;
	struct task_events *e;
};

static void in_order(void **state)
{
	struct rig *rig = *state;
	struct ear a = { 0 }, b = { .leaves = true };

	listen(rig->e, &a);
	listen(rig->e, &b);
	task_event(rig->e, ID, "one", NULL);
	task_event(rig->e, ID, "two", NULL);
	assert_int_equal(a.heard.n, 0); /* on the loop */
	loop_poll(rig->loop);
	assert_int_equal(a.heard.n, 2);
	assert_string_equal(a.heard.v[0], "one");
	assert_string_equal(a.heard.v[1], "two");
	assert_int_equal(b.heard.n, 1);
	leave(&a);
	leave(&b);
}

static void on_whole(void *arg, const Driver__DriverTaskEvent *m)
{
	unsigned *times = arg;

	++*times;
	assert_string_equal(m->task_id, ID);
	assert_string_equal(m->alloc_id, "0a1b2c3d-0000-0000-0000-000000000000");
	assert_string_equal(m->task_name, "web");
	assert_string_equal(m->message, "bad ? byte");
	assert_int_equal(m->n_annotations, 1);
	assert_string_equal(m->annotations[0]->key, "image");
	assert_string_equal(m->annotations[0]->value, "redis:7?");
}

/* No text that Go would refuse. */
static void whole(void **state)
{
	struct rig *rig = *state;
	_cleanup_dict_ struct dict d = { 0 };
	unsigned times = 0;
	struct task_listener l = { .send = on_whole, .arg = &times };

	dict_set(&d, "image", "redis:7\n");
	task_events_join(rig->e, &l);
	task_event(rig->e, ID, "bad \xff byte", &d);
	loop_poll(rig->loop);
	assert_int_equal(times, 1);
	task_events_leave(&l);
}

static void on_odd(void *arg, const Driver__DriverTaskEvent *m)
{
	++*(unsigned *)arg;
	assert_true(!m->task_name || !*m->task_name);
}

static void odd_ids(void **state)
{
	static const char *const ids[] = { "", "/", "x", "x/y" };
	struct rig *rig = *state;
	unsigned times = 0;
	struct task_listener l = { .send = on_odd, .arg = &times };

	task_events_join(rig->e, &l);
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		task_event(rig->e, ids[i], "m", NULL);
	loop_poll(rig->loop);
	assert_int_equal(times, 4);
	task_events_leave(&l);
}

/* While nobody listens the newest are kept, as many as are kept. */
static void kept(void **state)
{
	struct rig *rig = *state;
	struct ear ear = { 0 };

	for (unsigned i = 0; i < 3 * TASK_EVENTS_KEPT; i++) {
		_cleanup_free_ char *text = mem_printf("%u", i);

		task_event(rig->e, ID, text, NULL);
		if (i % 100 == 0)
			loop_poll(rig->loop);
	}
	loop_poll(rig->loop);
	listen(rig->e, &ear);
	assert_int_equal(ear.heard.n, TASK_EVENTS_KEPT);
	assert_string_equal(ear.heard.v[TASK_EVENTS_KEPT - 1], "767");
	leave(&ear);
}

/* The first at once, of the others the newest when its time comes, none behind an event that ends it. */
static void progress(void **state)
{
	struct rig *rig = *state;
	struct ear ear = { 0 };

	listen(rig->e, &ear);
	task_event_progress(rig->e, ID, "10 %", NULL);
	task_event_progress(rig->e, ID, "20 %", NULL);
	task_event_progress(rig->e, "other/task/1", "5 %", NULL);
	loop_poll(rig->loop);
	task_event_progress(rig->e, ID, "30 %", NULL);
	loop_poll(rig->loop);
	assert_int_equal(ear.heard.n, 2);
	assert_string_equal(ear.heard.v[0], "10 %");
	assert_string_equal(ear.heard.v[1], "5 %");
	task_events_hurry(rig->e);
	loop_poll(rig->loop);
	assert_int_equal(ear.heard.n, 3);
	assert_string_equal(ear.heard.v[2], "30 %");
	task_event_progress(rig->e, ID, "40 %", NULL);
	task_event(rig->e, ID, "Pulled", NULL);
	loop_poll(rig->loop);
	task_events_hurry(rig->e);
	loop_poll(rig->loop);
	assert_int_equal(ear.heard.n, 4);
	assert_string_equal(ear.heard.v[3], "Pulled");
	leave(&ear);
}

static void *teller(void *arg)
{
	struct rig *rig = arg;

	for (unsigned i = 0; i < 50; i++)
		task_event(rig->e, ID, "x", NULL);
	return NULL;
}

static void from_threads(void **state)
{
	struct rig *rig = *state;
	struct ear ear = { 0 };
	pthread_t t[4];
	const struct ctx limit = ctx_within(NULL, 20000);

	listen(rig->e, &ear);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, teller, rig), 0);
	while (ear.heard.n < 200)
		assert_int_equal(loop_turn(rig->loop, &limit, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	leave(&ear);
}

/* Ended with something to tell in every place. */
static void ended(void **state)
{
	struct rig *rig = *state;

	task_event_progress(rig->e, ID, "1", NULL);
	loop_poll(rig->loop);
	task_event_progress(rig->e, ID, "2", NULL);
	loop_poll(rig->loop);
	task_event(rig->e, "b/c/d", "3", NULL);
}

static int setup(void **state)
{
	static struct rig rig;

	rig.loop = loop_new();
	rig.e = task_events_new(rig.loop);
	loop_poll(rig.loop);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	task_events_free(rig->e);
	loop_free(rig->loop);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("task-events", T(in_order), T(whole), T(odd_ids), T(kept), T(progress), T(from_threads), T(ended))
