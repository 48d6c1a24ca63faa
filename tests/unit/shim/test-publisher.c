#include "test.h"
#include "clock.h"
#include "events.pb-c.h"
#include "mem.h"
#include "pb.h"
#include "publisher.h"
#include "shim.pb-c.h"
#include "socket.h"
#include "test-folder.h"
#include "ttrpc-server.h"
#include <stdio.h>

enum { HEARD_MAX = 4096, PATIENCE_MS = 20000, LARGE = 4000 };

/* A containerd that is told events, where it is there. */
struct listening {
	struct test_folder *folder;
	struct loop *loop;
	struct ttrpc_server *server;
	struct publisher *publisher;
	size_t n, of_exits;
	unsigned pids[HEARD_MAX]; /* of the exits */
	bool hangs;
};

static void on_forward(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	struct listening *l = arg;
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *m = NULL, *e = NULL;
	const Events__Envelope *v;

	if (l->hangs)
		return;
	assert_int_equal(pb_unpack(&shim__forward_request__descriptor, msg, len, &a, &m, NULL), 0);
	v = ((const Shim__ForwardRequest *)(const void *)m)->envelope;
	assert_string_equal(v->namespace_, "ns");
	l->n++;
	if (!strcmp(v->topic, "/tasks/exit")) {
		assert_string_equal(v->event->type_url, "containerd.events.TaskExit");
		assert_int_equal(pb_unpack(&events__task_exit__descriptor, v->event->value.data, v->event->value.len, &a, &e, NULL),
				 0);
		l->pids[l->of_exits++] = ((const Events__TaskExit *)(const void *)e)->pid;
	}
	ttrpc_stream_reply(s, "", 0);
}

static const struct ttrpc_method forward[] = { { .name = "Forward", .message = on_forward }, { 0 } };
static const struct ttrpc_service services[] = { { .name = "containerd.services.events.ttrpc.v1.Events", .methods = forward },
						 { 0 } };

static void listen_now(struct listening *l)
{
	int fd = -1;

	assert_int_equal(socket_listen(l->folder->path, 0600, &fd, NULL), 0);
	l->server = ttrpc_server_new(l->loop, fd, NULL, services, l);
}

static int listening_new(void **state)
{
	struct listening *l = mem_new(struct listening);

	l->folder = test_folder_new("publisher", "s");
	l->loop = loop_new();
	l->publisher = publisher_new(l->loop, l->folder->path, "ns");
	*state = l;
	return 0;
}

static int listening_free(void **state)
{
	struct listening *l = *state;
	void *folder = l->folder;

	publisher_free(l->publisher);
	ttrpc_server_free(l->server);
	loop_free(l->loop);
	free(l);
	return test_folder_teardown(&folder);
}

static void say_exit(struct listening *l, unsigned pid)
{
	Events__TaskExit e = EVENTS__TASK_EXIT__INIT;
	char id[] = "c";

	e.container_id = e.id = id;
	e.pid = pid;
	publisher_say(l->publisher, "/tasks/exit", "TaskExit", &e.base);
}

static void say_large(struct listening *l)
{
	Events__TaskNamed e = EVENTS__TASK_NAMED__INIT;
	char id[LARGE];

	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	e.container_id = id;
	publisher_say(l->publisher, "/tasks/oom", "TaskOOM", &e.base);
}

static void wait_all(struct listening *l)
{
	const struct ctx limit = ctx_within(NULL, PATIENCE_MS);

	while (publisher_pending(l->publisher))
		assert_int_equal(loop_turn(l->loop, &limit, NULL), 0);
}

static void turn_for(struct listening *l, int64_t ms) { assert_int_equal(loop_pause(l->loop, ms, NULL, NULL), 0); }

static void check_exits(const struct listening *l, unsigned n)
{
	assert_int_equal(l->of_exits, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(l->pids[i], i + 1);
}

static void tells_in_order(void **state)
{
	struct listening *l = *state;

	listen_now(l);
	for (unsigned i = 1; i <= 100; i++)
		say_exit(l, i);
	wait_all(l);
	check_exits(l, 100);
}

static void waits_for_a_containerd_that_is_away(void **state)
{
	struct listening *l = *state;

	say_exit(l, 1);
	turn_for(l, 3000); /* longer than a few tries take */
	say_exit(l, 2);
	listen_now(l);
	wait_all(l);
	check_exits(l, 2);
	ttrpc_server_free(TAKE_PTR(l->server));
	say_exit(l, 3);
	turn_for(l, 100);
	listen_now(l);
	wait_all(l);
	check_exits(l, 3);
}

static void loses_no_exit(void **state)
{
	struct listening *l = *state;
	enum { EXITS = 50, OTHERS = 20 };

	for (unsigned i = 1; i <= EXITS; i++) {
		say_exit(l, i);
		for (unsigned k = 0; k < OTHERS; k++)
			say_large(l);
	}
	assert_true(publisher_lost(l->publisher) > EXITS * OTHERS - EVENTS_BYTES / LARGE);
	listen_now(l);
	wait_all(l);
	check_exits(l, EXITS);
	assert_int_equal(l->n + publisher_lost(l->publisher), EXITS + EXITS * OTHERS);
}

/* What is under way is neither lost nor told twice in one try. */
static void keeps_what_is_under_way(void **state)
{
	struct listening *l = *state;

	listen_now(l);
	l->hangs = true;
	for (unsigned i = 0; i < 2 * EVENTS_BYTES / LARGE; i++)
		say_large(l);
	turn_for(l, 100);
	l->hangs = false;
	ttrpc_server_free(TAKE_PTR(l->server));
	listen_now(l);
	wait_all(l);
	assert_true(l->n >= EVENTS_BYTES / LARGE - 10 && l->n <= EVENTS_BYTES / LARGE);
}

static void says_nothing_without_an_address(void **state)
{
	_cleanup_(loop_freep) struct loop *l = loop_new();
	struct listening none = { .publisher = publisher_new(l, "", "ns") };

	(void)state;
	say_exit(&none, 1);
	assert_false(publisher_pending(none.publisher));
	publisher_free(none.publisher);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, listening_new, listening_free)
RUN_TESTS("publisher", TEST(tells_in_order), TEST(waits_for_a_containerd_that_is_away), TEST(loses_no_exit),
	  TEST(keeps_what_is_under_way), cmocka_unit_test(says_nothing_without_an_address))
