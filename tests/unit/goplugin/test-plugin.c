/* A plugin and its host on one loop; workers are threads. */
#include "test.h"
#include "clock.h"
#include "goplugin.pb-c.h"
#include "grpc.h"
#include "mem.h"
#include "pb.h"
#include "plugin.h"
#include <poll.h>

static const struct ctx endless;

enum { LIMIT_MS = 60000, MANY = 30 };

struct fixture {
	char dir[32], path[64];
	struct loop *loop;
	struct plugin *plugin;
	struct grpc *host;
	unsigned closed, done, gone; /* of calls; works; works whose call had gone */
	int last;                    /* what the last work came to */
	_Atomic int at_work;
	struct plugin_call *kept;
	struct buf told;
	bool keep, busy;
};

/* What a method of the table works with. */
struct task {
	struct fixture *f;
	struct plugin_work work;
	unsigned n;
};

static unsigned number_of(const ProtobufCMessage *request) { return ((const Goplugin__ConnInfo *)request)->service_id; }

static void answer_number(struct plugin_call *c, unsigned n)
{
	Goplugin__ConnInfo m = GOPLUGIN__CONN_INFO__INIT;

	m.service_id = n;
	plugin_answer(c, &m.base);
}

static void begin_now(struct plugin_call *c, const ProtobufCMessage *request) { answer_number(c, number_of(request) + 1); }

static void begin_fail(struct plugin_call *c, const ProtobufCMessage *request)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, ERR_BASE + (int)number_of(request), "it is so");
	plugin_fail_recoverable(c, &err, true);
}

static void begin_away(struct plugin_call *c, const ProtobufCMessage *request)
{
	struct err err = ERR_INIT;

	(void)request;
	(void)err_set(&err, ERR_UNAVAILABLE, "containerd is away");
	plugin_fail(c, &err);
}

static void on_parked_closed(void *arg) { ((struct fixture *)arg)->closed++; }

static void begin_park(struct plugin_call *c, const ProtobufCMessage *request)
{
	struct fixture *f = plugin_app(c);

	(void)request;
	f->kept = c;
	plugin_park(c, on_parked_closed, f);
}

static int run_double(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct task *t = arg;

	t->n *= 2;
	if (t->n == 26)
		return err_set(err, ERR_PRECONDITION, "thirteen");
	return state ? ctx_check(ctx, err) : err_set(err, ERR_INTERNAL, "no state");
}

static int run_hang(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct task *t = arg;
	int r;

	t->f->at_work++;
	do
		r = loop_turn(state, ctx, err);
	while (r >= 0);
	return r;
}

static void on_task_done(void *arg, struct plugin_call *c, int r, const struct err *err)
{
	struct task *t = arg;

	t->f->done++;
	t->f->gone += !c;
	t->f->last = r;
	if (c && r < 0)
		plugin_fail(c, err);
	else if (c)
		answer_number(c, t->n);
	free(t);
}

static void submit(struct plugin_call *c, const ProtobufCMessage *request,
		   int (*run)(void *, void *, const struct ctx *, struct err *))
{
	struct task *t = mem_new(struct task);

	t->f = plugin_app(c);
	t->n = number_of(request);
	t->work = (struct plugin_work){ .run = run, .done = on_task_done, .arg = t, .keep = t->f->keep };
	plugin_submit(c, &t->work);
}

static void begin_work(struct plugin_call *c, const ProtobufCMessage *request) { submit(c, request, run_double); }

static void begin_hang(struct plugin_call *c, const ProtobufCMessage *request) { submit(c, request, run_hang); }

static void begin_count(struct plugin_call *c, const ProtobufCMessage *request)
{
	Goplugin__ConnInfo m = GOPLUGIN__CONN_INFO__INIT;

	for (unsigned n = number_of(request); n; n--) {
		m.service_id = n;
		plugin_send(c, &m.base);
	}
	plugin_end(c);
}

static void talk_first(struct plugin_call *c, const ProtobufCMessage *request)
{
	struct fixture *f = plugin_app(c);

	buf_addf(&f->told, "first %u;", number_of(request));
	f->kept = c;
	plugin_park(c, on_parked_closed, f);
}

static void talk_more(struct plugin_call *c, const ProtobufCMessage *request)
{
	struct fixture *f = plugin_app(c);

	buf_addf(&f->told, "more %u;", number_of(request));
	if (number_of(request) == 5)
		plugin_pause(c, true);
}

static void talk_end(struct plugin_call *c)
{
	struct fixture *f = plugin_app(c);

	buf_adds(&f->told, "end;");
	answer_number(c, 99);
}

#define REQUEST .request = &goplugin__conn_info__descriptor
static const struct plugin_method methods[] = {
	{ "/t.T/Now", REQUEST, .begin = begin_now },
	{ "/t.T/Fail", REQUEST, .begin = begin_fail },
	{ "/t.T/Away", REQUEST, .begin = begin_away },
	{ "/t.T/Park", REQUEST, .begin = begin_park },
	{ "/t.T/Work", REQUEST, .begin = begin_work },
	{ "/t.T/Hang", REQUEST, .begin = begin_hang },
	{ "/t.T/Count", REQUEST, .begin = begin_count },
	{ "/t.T/Talk", REQUEST, .begin = talk_first, .message = talk_more, .half_close = talk_end },
	{ 0 },
};
static const struct plugin_method *const tables[] = { methods, NULL };

static void *state_new(void *app)
{
	(void)app;
	return loop_new();
}

static bool is_busy(const void *app) { return ((const struct fixture *)app)->busy; }

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	struct plugin_conf conf = { .tables = tables,
				    .app = f,
				    .threads = 2,
				    .idle_ms = 50,
				    .begin = state_new,
				    .end = (void (*)(void *))loop_free,
				    .busy = is_busy };

	memcpy(f->dir, "/tmp/plugin-XXXXXX", sizeof "/tmp/plugin-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof f->path, "%s/s", f->dir);
	conf.path = f->path;
	f->loop = loop_new();
	assert_int_equal(plugin_new(f->loop, &conf, &f->plugin, NULL), 0);
	assert_int_equal(grpc_open(f->loop, f->path, &f->host, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	grpc_free(f->host);
	plugin_free(f->plugin);
	loop_free(f->loop);
	buf_done(&f->told);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static struct grpc_call *start(struct fixture *f, const char *method, unsigned n)
{
	struct grpc_call *c = grpc_start(f->host, method, NULL, &endless);
	Goplugin__ConnInfo m = GOPLUGIN__CONN_INFO__INIT;
	_cleanup_buf_ struct buf b = { 0 };

	m.service_id = n;
	pb_pack(&m.base, &b);
	grpc_send(c, b.data, b.len, !strstr(method, "Talk"));
	return c;
}

static unsigned number_in(const struct buf *b)
{
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *m;

	assert_int_equal(pb_unpack(&goplugin__conn_info__descriptor, b->data, b->len, &a, &m, NULL), 0);
	return number_of(m);
}

/* The number of the answer, or what went wrong. */
static int end_call(struct grpc_call *c, struct err *err)
{
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	_cleanup_buf_ struct buf b = { 0 };
	int r = grpc_unary_end(c, &limit, &b, err);

	grpc_call_free(c);
	return r < 0 ? r : (int)number_in(&b);
}

static int ask(struct fixture *f, const char *method, unsigned n, struct err *err) { return end_call(start(f, method, n), err); }

#define turn_until(f, what) \
	do { \
		const struct ctx limit_ = ctx_within(NULL, LIMIT_MS); \
		while (!(what)) { \
			const struct ctx moment_ = ctx_within(&limit_, 5); \
			(void)loop_turn((f)->loop, &moment_, NULL); \
			assert_int_equal(ctx_check(&limit_, NULL), 0); \
		} \
	} while (0)

static void answers(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(ask(f, "/t.T/Now", 7, NULL), 8);
	assert_int_equal(ask(f, "/t.T/None", 7, NULL), -ERR_UNIMPLEMENTED);
	assert_int_equal(ask(f, "/t.T", 7, NULL), -ERR_UNIMPLEMENTED);
	assert_int_equal(ask(f, "/t.T/Fail", 5, &err), -ERR_PRECONDITION);
	assert_string_equal(err.msg, "it is so");
	err_clear(&err);
	assert_int_equal(ask(f, "/t.T/Away", 5, &err), -ERR_UNKNOWN);
	assert_non_null(strstr(err.msg, "containerd is away"));
}

static void malformed_requests(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "\x08", 1 },
		{ "\x12\xff\xff\xff\xff\x0f", 6 },
		{ "\x12\x03"
		  "a\0b",
		  5 },
		{ "\x22\x02\x08", 3 },
		{ "\xff\xff\xff\xff\xff\xff", 6 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct grpc_call *c = grpc_start(f->host, "/t.T/Now", NULL, &endless);
		struct err err = ERR_INIT;

		grpc_send(c, rows[i].bytes, rows[i].len, true);
		assert_int_equal(end_call(c, &err), -ERR_INVALID);
		assert_non_null(strstr(err.msg, "Now: its request"));
	}
	assert_int_equal(ask(f, "/t.T/Now", 1, NULL), 2);
}

static void too_few_and_too_many_requests(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c = grpc_start(f->host, "/t.T/Now", NULL, &endless);

	grpc_send_end(c);
	assert_int_equal(end_call(c, NULL), -ERR_INVALID);
	c = grpc_start(f->host, "/t.T/Park", NULL, &endless);
	grpc_send(c, "", 0, false);
	grpc_send(c, "", 0, false);
	assert_int_equal(end_call(c, NULL), -ERR_INVALID);
	assert_int_equal(f->closed, 1); /* we have answered it, not whoever parked it */
}

static void work_is_answered(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c[MANY];
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < MANY; i++)
		c[i] = start(f, "/t.T/Work", i + 100);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(end_call(c[i], NULL), 2 * (i + 100));
	assert_int_equal(ask(f, "/t.T/Work", 13, &err), -ERR_PRECONDITION);
	assert_string_equal(err.msg, "thirteen");
	assert_int_equal(f->done, MANY + 1);
	assert_int_equal(f->gone, 0);
}

static void a_caller_that_goes_ends_its_work(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c = start(f, "/t.T/Hang", 1);

	turn_until(f, f->at_work == 1);
	grpc_call_free(c);
	turn_until(f, f->done == 1);
	assert_int_equal(f->gone, 1);
	assert_int_equal(f->last, -ERR_CANCELLED);
}

static void work_that_is_kept_outlives_its_caller(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c;

	f->keep = true;
	c = start(f, "/t.T/Hang", 1);
	turn_until(f, f->at_work == 1);
	grpc_call_free(c);
	for (int i = 0; i < 10; i++)
		(void)loop_pause(f->loop, 5, NULL, NULL);
	assert_int_equal(f->done, 0);
	assert_true(plugin_drain(f->plugin, LIMIT_MS)); /* only the plugin's end ends it */
	assert_int_equal(f->done, 1);
	assert_int_equal(f->gone, 1);
}

static void work_beyond_the_threads_waits_and_can_go(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c[5];

	for (int i = 0; i < 5; i++)
		c[i] = start(f, "/t.T/Hang", 1);
	turn_until(f, f->at_work == 2);
	for (int i = 4; i >= 0; i--)
		grpc_call_free(c[i]);
	turn_until(f, f->done == 5);
	assert_int_equal(f->gone, 5);
}

static void parked_calls(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c = start(f, "/t.T/Park", 1);

	turn_until(f, f->kept);
	answer_number(f->kept, 3);
	assert_int_equal(end_call(c, NULL), 3);
	assert_int_equal(f->closed, 0);

	f->kept = NULL;
	c = start(f, "/t.T/Park", 1);
	turn_until(f, f->kept);
	grpc_call_free(c);
	turn_until(f, f->closed);
	assert_int_equal(f->closed, 1);
}

static void a_deadline_ends_a_parked_call(void **state)
{
	struct fixture *f = *state;
	const struct ctx soon = ctx_within(NULL, 50);
	struct grpc_call *c = grpc_start(f->host, "/t.T/Park", NULL, &soon);

	grpc_send(c, "", 0, true);
	assert_int_equal(end_call(c, NULL), -ERR_DEADLINE);
	turn_until(f, f->closed);
}

static void streams(void **state)
{
	struct fixture *f = *state;
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	struct grpc_call *c = start(f, "/t.T/Count", 3);
	_cleanup_buf_ struct buf b = { 0 };

	for (unsigned n = 3; n; n--) {
		assert_int_equal(grpc_recv(c, &limit, &b, NULL), 1);
		assert_int_equal(number_in(&b), n);
	}
	assert_int_equal(grpc_recv(c, &limit, &b, NULL), 0);
	grpc_call_free(c);
}

static void talk(struct grpc_call *c, unsigned n)
{
	const char m[2] = { 8, (char)n };

	grpc_send(c, m, sizeof m, false);
}

static void a_client_that_streams(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c = start(f, "/t.T/Talk", 1);

	talk(c, 2);
	talk(c, 5);
	talk(c, 6);
	grpc_send_end(c);
	turn_until(f, f->told.len >= strlen("first 1;more 2;more 5;"));
	for (int i = 0; i < 5; i++)
		(void)loop_pause(f->loop, 2, NULL, NULL);
	assert_string_equal(f->told.data, "first 1;more 2;more 5;"); /* it has said pause */
	plugin_pause(f->kept, false);
	assert_int_equal(end_call(c, NULL), 99);
	assert_string_equal(f->told.data, "first 1;more 2;more 5;more 6;end;");
}

static void on_taken(void *arg) { buf_adds(&((struct fixture *)arg)->told, "taken;"); }

static void a_slow_reader_is_waited_for(void **state)
{
	struct fixture *f = *state;
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	_cleanup_free_ char *bytes = mem_zalloc(1 << 20);
	struct grpc_call *c = start(f, "/t.T/Park", 1);
	_cleanup_buf_ struct buf b = { 0 };

	turn_until(f, f->kept);
	for (int i = 0; i < 10; i++) /* more than a window */
		plugin_send_packed(f->kept, bytes, 1 << 20);
	plugin_when_taken(f->kept, 0, on_taken, f);
	for (int i = 0; i < 10; i++)
		(void)loop_pause(f->loop, 5, NULL, NULL);
	assert_int_equal(f->told.len, 0);
	assert_true(plugin_unsent(f->kept) > 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(grpc_recv(c, &limit, &b, NULL), 1);
	turn_until(f, f->told.len);
	assert_string_equal(f->told.data, "taken;");
	plugin_end(f->kept);
	assert_int_equal(grpc_recv(c, &limit, &b, NULL), 0);
	grpc_call_free(c);
}

static void what_every_plugin_serves(void **state)
{
	struct fixture *f = *state;
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	struct grpc_call *broker = grpc_start(f->host, "/plugin.GRPCBroker/StartStream", NULL, &endless);
	struct grpc_call *stdio = grpc_start(f->host, "/plugin.GRPCStdio/StreamStdio", NULL, &endless);
	struct grpc_call *c = grpc_start(f->host, "/grpc.health.v1.Health/Check", NULL, &endless);
	_cleanup_buf_ struct buf b = { 0 };

	grpc_send(stdio, "", 0, true);
	grpc_send(c, "\x0a\x06plugin", 8, true);
	assert_int_equal(grpc_unary_end(c, &limit, &b, NULL), 0);
	assert_int_equal(b.len, 2);
	assert_memory_equal(b.data, "\x08\x01", 2); /* SERVING */
	grpc_call_free(c);
	c = grpc_start(f->host, "/grpc.health.v1.Health/Check", NULL, &endless);
	grpc_send(c, "\x0a\x05other", 7, true);
	assert_int_equal(end_call(c, NULL), -ERR_NOT_FOUND);
	assert_false(grpc_ready(stdio));
	talk(broker, 1);
	talk(broker, 2);
	grpc_send_end(broker);
	assert_int_equal(grpc_recv(broker, &limit, &b, NULL), 0);
	grpc_call_free(broker);

	assert_false(plugin_stopping(f->plugin));
	c = grpc_start(f->host, "/plugin.GRPCController/Shutdown", NULL, &endless);
	grpc_send(c, "", 0, true);
	assert_int_equal(grpc_unary_end(c, &limit, &b, NULL), 0);
	assert_true(plugin_stopping(f->plugin));
	grpc_call_free(c);
	grpc_call_free(stdio);
}

static _Atomic bool let_go;

static int run_deaf(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	(void)state;
	(void)ctx;
	(void)err;
	((struct task *)arg)->f->at_work++;
	while (!let_go)
		(void)poll(NULL, 0, 1);
	return 0;
}

/* A procedure that hears nothing keeps nobody waiting; its caller's stream and the socket are gone. */
static void a_stop_has_a_limit(void **state)
{
	struct fixture *f = *state;
	struct task *t = mem_new(struct task);
	const int64_t began = clock_mono();

	let_go = false;
	t->f = f;
	t->work = (struct plugin_work){ .run = run_deaf, .done = on_task_done, .arg = t };
	plugin_background(f->plugin, &t->work);
	turn_until(f, f->at_work == 1);
	assert_false(plugin_drain(f->plugin, 100));
	assert_true(clock_mono() - began < 30 * NSEC_PER_SEC);
	assert_int_equal(access(f->path, F_OK), -1);
	let_go = true;
	turn_until(f, f->done == 1);
	assert_int_equal(f->last, 0);
}

static void on_time_to_be_idle(void *arg)
{
	struct fixture *f = arg;

	f->busy = false;
	answer_number(f->kept, 3);
}

/* For what is no work of ours, too; and who is answered last still hears it. */
static void a_stop_waits_for_what_else_is_busy(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c = start(f, "/t.T/Park", 1);
	const int64_t began = clock_mono();
	struct timer timer;

	turn_until(f, f->kept);
	f->busy = true;
	timer_init(&timer, f->loop, on_time_to_be_idle, f);
	timer_set(&timer, clock_mono() + 200 * NSEC_PER_MSEC);
	assert_true(plugin_drain(f->plugin, LIMIT_MS));
	assert_true(clock_mono() - began >= 200 * NSEC_PER_MSEC);
	timer_done(&timer);
	assert_int_equal(end_call(c, NULL), 3);
}

static void but_not_for_ever(void **state)
{
	struct fixture *f = *state;
	const int64_t began = clock_mono();

	f->busy = true;
	assert_true(plugin_drain(f->plugin, 200));
	assert_true(clock_mono() - began >= 200 * NSEC_PER_MSEC);
}

static void freed_while_all_is_open(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c[] = { start(f, "/t.T/Park", 1), start(f, "/t.T/Hang", 1), start(f, "/t.T/Hang", 1),
				  start(f, "/t.T/Hang", 1) };

	turn_until(f, f->at_work == 2 && f->kept);
	plugin_free(TAKE_PTR(f->plugin));
	assert_int_equal(f->done, 3);
	assert_int_equal(f->closed, 1);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++)
		grpc_call_free(c[i]);
}

static void begin_more(struct fixture *f)
{
	struct task *t = mem_new(struct task);

	t->f = f;
	t->work = (struct plugin_work){ .run = run_double, .done = on_task_done, .arg = t };
	plugin_background(f->plugin, &t->work);
}

/* As a start that ends with its client sets the removal of what it left free. */
static void on_closed_with_more(void *arg)
{
	((struct fixture *)arg)->closed++;
	begin_more(arg);
}

static void on_done_with_more(void *arg, struct plugin_call *c, int r, const struct err *err)
{
	begin_more(((struct task *)arg)->f);
	on_task_done(arg, c, r, err);
}

static void on_time_for_more(void *arg) { begin_more(arg); }

/* As a start whose client goes while it is told to end. */
static void on_done_with_a_long_one(void *arg, struct plugin_call *c, int r, const struct err *err)
{
	struct task *t = mem_new(struct task);

	t->f = ((struct task *)arg)->f;
	t->work = (struct plugin_work){ .run = run_hang, .done = on_task_done, .arg = t };
	plugin_background(t->f->plugin, &t->work);
	on_task_done(arg, c, r, err);
}

static void what_begins_during_a_stop_is_not_run(void **state)
{
	struct fixture *f = *state;
	struct task *t = mem_new(struct task);

	t->f = f;
	t->work = (struct plugin_work){ .run = run_hang, .done = on_done_with_a_long_one, .arg = t };
	plugin_background(f->plugin, &t->work);
	turn_until(f, f->at_work == 1);
	assert_true(plugin_drain(f->plugin, 2000));
	assert_int_equal(f->done, 2);
	assert_int_equal(f->at_work, 1);
	assert_int_equal(f->last, -ERR_CANCELLED);
}

static void on_done_with_an_undo(void *arg, struct plugin_call *c, int r, const struct err *err)
{
	struct task *t = mem_new(struct task);

	t->f = ((struct task *)arg)->f;
	t->work = (struct plugin_work){ .run = run_double, .done = on_task_done, .arg = t, .undo = true };
	plugin_background(t->f->plugin, &t->work);
	on_task_done(arg, c, r, err);
}

static void but_what_takes_back_is(void **state)
{
	struct fixture *f = *state;
	struct task *t = mem_new(struct task);

	t->f = f;
	t->work = (struct plugin_work){ .run = run_hang, .done = on_done_with_an_undo, .arg = t };
	plugin_background(f->plugin, &t->work);
	turn_until(f, f->at_work == 1);
	assert_true(plugin_drain(f->plugin, LIMIT_MS));
	assert_int_equal(f->done, 2);
	assert_int_equal(f->last, 0);
}

/* For as long as it may. */
static int run_patiently(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct task *t = arg;

	t->f->at_work++;
	return loop_pause(state, 300, ctx, err);
}

static void nor_is_it_cut_off(void **state)
{
	struct fixture *f = *state;
	struct task *t = mem_new(struct task);

	t->f = f;
	t->work = (struct plugin_work){ .run = run_patiently, .done = on_task_done, .arg = t, .undo = true };
	plugin_background(f->plugin, &t->work);
	turn_until(f, f->at_work == 1);
	assert_true(plugin_drain(f->plugin, LIMIT_MS));
	assert_int_equal(f->done, 1);
	assert_int_equal(f->last, 0);
}

/* Whatever wants to begin while all ends is told that it cannot. */
static void work_that_comes_too_late(void **state)
{
	struct fixture *f = *state;
	struct grpc_call *c = start(f, "/t.T/Park", 1);
	struct task *t = mem_new(struct task);
	struct timer timer;

	turn_until(f, f->kept);
	plugin_park(f->kept, on_closed_with_more, f);
	t->f = f;
	t->work = (struct plugin_work){ .run = run_hang, .done = on_done_with_more, .arg = t };
	plugin_background(f->plugin, &t->work);
	turn_until(f, f->at_work == 1);
	timer_init(&timer, f->loop, on_time_for_more, f);
	timer_set(&timer, 1);
	plugin_free(f->plugin);
	f->plugin = NULL;
	timer_done(&timer);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->done, 3);
	assert_int_equal(f->last, -ERR_CANCELLED);
	grpc_call_free(c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("plugin", T(answers), T(malformed_requests), T(too_few_and_too_many_requests), T(work_is_answered),
	  T(a_caller_that_goes_ends_its_work), T(work_that_is_kept_outlives_its_caller),
	  T(work_beyond_the_threads_waits_and_can_go), T(parked_calls), T(a_deadline_ends_a_parked_call), T(streams),
	  T(a_client_that_streams), T(a_slow_reader_is_waited_for), T(what_every_plugin_serves), T(a_stop_has_a_limit),
	  T(a_stop_waits_for_what_else_is_busy), T(but_not_for_ever), T(freed_while_all_is_open), T(work_that_comes_too_late),
	  T(what_begins_during_a_stop_is_not_run), T(but_what_takes_back_is), T(nor_is_it_cut_off))
