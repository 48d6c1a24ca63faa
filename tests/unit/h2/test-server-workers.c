/* A server as davitd will be: one thread with a loop and all connections, four workers behind the methods that block, parked
 * structs for those that only wait. Clients with threads of their own call, cancel, run out of time, hang up, and are there when
 * the server ends. */
#include "test.h"
#include "clock.h"
#include "grpc-server.h"
#include "grpc.h"
#include "mem.h"
#include "workers.h"
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

enum { WORKERS = 4, CLIENTS = 4, CALLS = 60, QUEUE = 64, PARK_MS = 5, LIMIT_MS = 60000 };

struct server {
	char dir[32], path[64];
	pthread_t thread;
	struct loop *loop;
	struct grpc_server *grpc;
	struct workers *pool;
	struct post stop;
	bool stopping;
	unsigned open, closed;   /* streams */
	_Atomic unsigned hung;   /* procedures that wait for a cancel */
	_Atomic unsigned obeyed; /* and have seen it */
	_Atomic unsigned connected;
};

/* One call. It lives until its stream has closed and its work, where there is one, is done. */
struct call {
	struct server *s;
	struct grpc_stream *stream; /* NULL: closed */
	char method[20], answer[40];
	unsigned long n;
	struct work work;
	bool at_work;
	struct timer parked;
	int r;
};

static void call_free(struct call *c)
{
	if (c->stream || c->at_work)
		return;
	timer_done(&c->parked);
	free(c);
}

static void call_answer(struct call *c, int r)
{
	if (!c->stream)
		return;
	if (r >= 0)
		grpc_stream_send(c->stream, c->answer, strlen(c->answer));
	grpc_stream_end(c->stream, r < 0 ? (unsigned)(-r - ERR_BASE) : 0, r < 0 ? "it ended early" : NULL);
}

/* In a worker: a computation, which waits in between as a call to containerd would. */
static void square(void *arg, void *state, const struct ctx *ctx)
{
	struct call *c = arg;
	const struct ctx moment = ctx_within(ctx, (int64_t)(c->n % 3));

	(void)loop_turn(state, &moment, NULL);
	(void)snprintf(c->answer, sizeof c->answer, "%lu", c->n * c->n);
	c->r = ctx_check(ctx, NULL);
}

static void hang(void *arg, void *state, const struct ctx *ctx)
{
	struct call *c = arg;

	c->s->hung++;
	do
		c->r = loop_turn(state, ctx, NULL);
	while (c->r >= 0);
	c->s->obeyed++;
}

static void on_work_done(void *arg, bool ran)
{
	struct call *c = arg;

	c->at_work = false;
	call_answer(c, ran ? c->r : -ERR_CANCELLED);
	call_free(c);
}

static void on_parked(void *arg)
{
	struct call *c = arg;

	(void)snprintf(c->answer, sizeof c->answer, "parked %lu", c->n);
	call_answer(c, 0);
}

static void *on_open(void *arg, struct grpc_stream *st, const char *method, const struct dict *md)
{
	struct server *s = arg;
	struct call *c = mem_new(struct call);

	(void)md;
	s->open++;
	*c = (struct call){ .s = s, .stream = st };
	(void)snprintf(c->method, sizeof c->method, "%s", strrchr(method, '/') + 1);
	return c;
}

static void on_message(void *state, struct grpc_stream *st, const void *msg, size_t len)
{
	struct call *c = state;
	char text[20];

	(void)st;
	(void)snprintf(text, sizeof text, "%.*s", (int)len, (const char *)msg);
	c->n = strtoul(text, NULL, 10);
}

static void on_half_close(void *state, struct grpc_stream *st)
{
	struct call *c = state;

	if (!strcmp(c->method, "Park")) {
		timer_init(&c->parked, c->s->loop, on_parked, c);
		timer_set(&c->parked, clock_mono() + PARK_MS * NSEC_PER_MSEC);
		return;
	}
	c->work = (struct work){ .run = strcmp(c->method, "Hang") ? square : hang,
				 .done = on_work_done,
				 .arg = c,
				 .deadline = grpc_stream_deadline(st) };
	c->at_work = c->s->pool && workers_submit(c->s->pool, &c->work, NULL) >= 0;
	if (!c->at_work)
		grpc_stream_end(st, ERR_EXHAUSTED - ERR_BASE, "busy");
}

static void on_closed(void *state, struct grpc_stream *st)
{
	struct call *c = state;

	(void)st;
	c->s->closed++;
	c->stream = NULL;
	if (c->at_work && c->s->pool)
		workers_cancel(c->s->pool, &c->work);
	call_free(c);
}

static const struct grpc_handler handler = { on_open, on_message, on_half_close, on_closed };

static void *worker_begin(void *arg)
{
	(void)arg;
	return loop_new();
}

static void worker_end(void *state) { loop_free(state); }

static void on_stop(void *arg) { ((struct server *)arg)->stopping = true; }

/* Procedures first, so that their callers still hear what has become of them. */
static void *server_main(void *arg)
{
	struct server *s = arg;

	while (!s->stopping)
		(void)loop_turn(s->loop, NULL, NULL);
	grpc_server_shutdown(s->grpc);
	workers_free(TAKE_PTR(s->pool));
	loop_poll(s->loop);
	grpc_server_free(TAKE_PTR(s->grpc));
	return NULL;
}

static int setup(void **state)
{
	struct server *s = mem_new(struct server);
	struct workers_conf conf = { .threads = WORKERS, .queue_max = QUEUE, .begin = worker_begin, .end = worker_end };

	memcpy(s->dir, "/tmp/rpc-XXXXXX", sizeof "/tmp/rpc-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->path, sizeof s->path, "%s/s", s->dir);
	s->loop = conf.loop = loop_new();
	post_init(&s->stop, on_stop, s);
	assert_int_equal(grpc_server_new(s->loop, s->path, NULL, &handler, s, &s->grpc, NULL), 0);
	assert_int_equal(workers_new(&conf, &s->pool, NULL), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
	*state = s;
	return 0;
}

static void stop(struct server *s)
{
	loop_post(s->loop, &s->stop);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	assert_int_equal(s->open, s->closed);
}

static int teardown(void **state)
{
	struct server *s = *state;

	loop_free(s->loop);
	(void)rmdir(s->dir);
	free(s);
	return 0;
}

/* A client: what went wrong is counted, since a thread that is not the first cannot fail a test. */
struct client {
	struct server *s;
	pthread_t thread;
	unsigned seed;
	struct loop *loop;
	struct grpc *grpc;
	unsigned wrong;
	int last; /* the code of the last call */
};

static int ask(struct client *c, const char *method, unsigned long n, int64_t ms, char answer[40])
{
	const struct ctx limit = ctx_within(NULL, ms);
	struct grpc_call *call = grpc_start(c->grpc, method, NULL, &limit);
	_cleanup_buf_ struct buf b = { 0 };
	int r;

	(void)snprintf(answer, 40, "%lu", n);
	grpc_send(call, answer, strlen(answer), true);
	r = grpc_unary_end(call, &limit, &b, NULL);
	(void)snprintf(answer, 40, "%s", r < 0 ? "" : buf_str(&b));
	grpc_call_free(call);
	return r;
}

/* Started, looked at for a moment, and cancelled. */
static void give_up(struct client *c, const char *method)
{
	const struct ctx limit = ctx_within(NULL, LIMIT_MS), moment = ctx_within(NULL, c->seed % 4);
	struct grpc_call *call = grpc_start(c->grpc, method, NULL, &limit);

	grpc_send(call, "7", 1, true);
	while (loop_turn(c->loop, &moment, NULL) >= 0)
		;
	grpc_call_free(call);
}

static void call_one(struct client *c)
{
	char got[40], want[40];
	unsigned long n = c->seed >> 20;

	switch (c->seed >> 8 & 7) {
	case 0: give_up(c, "/t/Hang"); break;
	case 1: give_up(c, "/t/Park"); break;
	case 2: c->wrong += ask(c, "/t/Hang", n, 20, got) != -ERR_DEADLINE; break;
	case 3:
		grpc_free(c->grpc);
		c->wrong += grpc_open(c->loop, c->s->path, &c->grpc, NULL) < 0;
		break;
	case 4:
		(void)snprintf(want, sizeof want, "parked %lu", n);
		c->wrong += ask(c, "/t/Park", n, LIMIT_MS, got) < 0 || strcmp(got, want);
		break;
	default:
		(void)snprintf(want, sizeof want, "%lu", n * n);
		c->wrong += ask(c, "/t/Square", n, LIMIT_MS, got) < 0 || strcmp(got, want);
	}
}

static int client_open(struct client *c)
{
	c->loop = loop_new();
	return grpc_open(c->loop, c->s->path, &c->grpc, NULL);
}

static void client_close(struct client *c)
{
	grpc_free(c->grpc);
	loop_free(c->loop);
}

static void *client_main(void *arg)
{
	struct client *c = arg;

	c->wrong += client_open(c) < 0;
	for (int i = 0; i < CALLS && !c->wrong; i++) {
		c->seed = c->seed * 1664525 + 1013904223;
		call_one(c);
	}
	client_close(c);
	return NULL;
}

static void calls_cancels_and_hangups(void **state)
{
	struct server *s = *state;
	struct client c[CLIENTS];

	for (unsigned i = 0; i < CLIENTS; i++) {
		c[i] = (struct client){ .s = s, .seed = i + 1 };
		assert_int_equal(pthread_create(&c[i].thread, NULL, client_main, &c[i]), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		assert_int_equal(pthread_join(c[i].thread, NULL), 0);
		assert_int_equal(c[i].wrong, 0);
	}
	stop(s);
	assert_true(s->hung > 0);
	assert_int_equal(s->hung, s->obeyed);
}

static void *client_that_hangs(void *arg)
{
	struct client *c = arg;
	char got[40];

	c->wrong += client_open(c) < 0;
	c->s->connected++;
	c->last = ask(c, "/t/Hang", 1, LIMIT_MS, got);
	client_close(c);
	return NULL;
}

/* As many again wait in the queue as procedures run. */
static void shutdown_while_calls_run(void **state)
{
	struct server *s = *state;
	struct client c[2 * WORKERS];

	for (unsigned i = 0; i < 2 * WORKERS; i++) {
		c[i] = (struct client){ .s = s };
		assert_int_equal(pthread_create(&c[i].thread, NULL, client_that_hangs, &c[i]), 0);
	}
	while (s->hung < WORKERS || s->connected < 2 * WORKERS)
		(void)poll(NULL, 0, 1);
	stop(s);
	for (unsigned i = 0; i < 2 * WORKERS; i++) {
		assert_int_equal(pthread_join(c[i].thread, NULL), 0);
		assert_int_equal(c[i].wrong, 0);
		if (c[i].last != -ERR_UNAVAILABLE)
			assert_int_equal(c[i].last, -ERR_CANCELLED);
	}
	assert_int_equal(s->obeyed, WORKERS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("server-workers", T(calls_cancels_and_hangups), T(shutdown_while_calls_run))
