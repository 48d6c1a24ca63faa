/* Theory of operation: a plugin_call belongs to its stream and to its work, and is freed when both are gone. Answering ends the
 * stream in the engine, which closes it at a later turn: so a call is never freed inside a function of its method. A work that was
 * refused at once, or whose call has gone, is still told of by the loop, so that its owner has one way out. */
#include "plugin.h"
#include "clock.h"
#include "grpc-server.h"
#include "mem.h"
#include "pb.h"
#include "plugin-services.h"
#include "plugin-status.h"
#include <assert.h>
#include <string.h>

enum {
	STACK = 512 << 10,  /* of a worker: containerd's messages are unpacked there */
	QUEUE_MAX = 8192,   /* a host has no more calls open */
	FLUSH_TURN_MS = 50, /* for the last answers to leave */
};

struct plugin {
	struct plugin_conf conf;
	struct loop *loop;
	struct grpc_server *server;
	struct workers *workers; /* NULL: inside plugin_free() */
	struct list_node works;  /* whose done() is to come */
	bool stopping;
	bool draining; /* no work begins any more */
};

struct plugin_call {
	struct plugin *plugin;
	const struct plugin_method *method;
	struct grpc_stream *stream; /* NULL: it has closed */
	struct arena arena;         /* the request */
	bool begun, over;
	struct plugin_work *work; /* at work; NULL: none */
	void (*closed)(void *arg);
	void *closed_arg;
	void (*taken)(void *arg);
	void *taken_arg;
	struct post taken_post;
};

static void call_free(struct plugin_call *c)
{
	loop_unpost(c->plugin->loop, &c->taken_post);
	arena_done(&c->arena);
	free(c);
}

static void call_release(struct plugin_call *c)
{
	if (!c->stream && !c->work)
		call_free(c);
}

/* ---- what a method does with a call */

void *plugin_app(const struct plugin_call *c) { return c->plugin->conf.app; }

struct loop *plugin_loop(const struct plugin_call *c) { return c->plugin->loop; }

struct plugin *plugin_plugin(const struct plugin_call *c) { return c->plugin; }

const char *plugin_method_name(const struct plugin_call *c) { return strrchr(c->method->path, '/') + 1; }

int64_t plugin_deadline(const struct plugin_call *c) { return c->stream ? grpc_stream_deadline(c->stream) : 0; }

void plugin_park(struct plugin_call *c, void (*closed)(void *arg), void *arg)
{
	c->closed = closed;
	c->closed_arg = arg;
}

void *plugin_parked(const struct plugin_call *c) { return c->closed ? c->closed_arg : NULL; }

void plugin_send_packed(struct plugin_call *c, const void *msg, size_t len)
{
	if (c->stream)
		grpc_stream_send(c->stream, msg, len);
}

void plugin_send(struct plugin_call *c, const ProtobufCMessage *msg)
{
	_cleanup_buf_ struct buf b = { 0 };

	pb_pack(msg, &b);
	plugin_send_packed(c, b.data, b.len);
}

/* Nothing is told of it any more. */
static void call_over(struct plugin_call *c, unsigned status, const char *message)
{
	c->over = true;
	c->closed = c->taken = NULL;
	if (c->stream)
		grpc_stream_end(c->stream, status, message);
}

void plugin_end(struct plugin_call *c) { call_over(c, 0, NULL); }

void plugin_answer_packed(struct plugin_call *c, const void *msg, size_t len)
{
	plugin_send_packed(c, msg, len);
	plugin_end(c);
}

void plugin_answer(struct plugin_call *c, const ProtobufCMessage *msg)
{
	plugin_send(c, msg);
	plugin_end(c);
}

void plugin_fail(struct plugin_call *c, const struct err *err)
{
	char text[PLUGIN_STATUS_TEXT];

	call_over(c, plugin_status(err), plugin_status_text(err, c->plugin->conf.hint, text));
}

void plugin_fail_recoverable(struct plugin_call *c, const struct err *err, bool recoverable)
{
	_cleanup_buf_ struct buf details = { 0 };
	char text[PLUGIN_STATUS_TEXT];
	const unsigned status =
		plugin_status_recoverable(plugin_status_text(err, c->plugin->conf.hint, text), recoverable, &details);

	if (c->stream)
		grpc_stream_details(c->stream, details.data, details.len);
	call_over(c, status, text);
}

size_t plugin_unsent(const struct plugin_call *c) { return c->stream ? grpc_stream_unsent(c->stream) : 0; }

static void on_call_taken(void *arg)
{
	struct plugin_call *c = arg;
	void (*fn)(void *arg) = c->taken;

	c->taken = NULL;
	if (fn)
		fn(c->taken_arg);
}

static void post_taken(void *arg)
{
	struct plugin_call *c = arg;

	loop_post(c->plugin->loop, &c->taken_post);
}

void plugin_when_taken(struct plugin_call *c, size_t below, void (*taken)(void *arg), void *arg)
{
	c->taken = taken;
	c->taken_arg = arg;
	loop_unpost(c->plugin->loop, &c->taken_post);
	if (c->stream)
		grpc_stream_when_unsent(c->stream, below, taken ? post_taken : NULL, c);
}

void plugin_pause(struct plugin_call *c, bool paused)
{
	if (c->stream)
		grpc_stream_pause(c->stream, paused);
}

/* ---- work */

#define UNWANTED "the plugin stops, or nobody wants the answer any more"

static void work_run(void *arg, void *state, const struct ctx *ctx)
{
	struct plugin_work *w = arg;

	w->r = w->run(w->arg, state, ctx, &w->err);
}

/* The owner may free the work, and with it the error. */
static void work_done(struct plugin_work *w)
{
	struct plugin_call *c = w->call;
	const struct err err = w->err;

	list_unlink(&w->node);
	if (c)
		c->work = NULL;
	w->done(w->arg, c && c->stream && !c->over ? c : NULL, w->r, &err);
	if (c)
		call_release(c);
}

static void on_work_done(void *arg, bool ran)
{
	struct plugin_work *w = arg;

	if (!ran)
		w->r = err_set(&w->err, ERR_CANCELLED, UNWANTED);
	work_done(w);
}

static void on_work_refused(void *arg)
{
	struct plugin_work *w = arg;

	w->r = -(int)w->err.code;
	work_done(w);
}

static int work_hand_over(struct plugin *p, struct plugin_work *w)
{
	if (!p->workers || (p->draining && !w->undo))
		return err_set(&w->err, ERR_CANCELLED, UNWANTED);
	return workers_submit(p->workers, &w->work, &w->err);
}

static void work_begin(struct plugin *p, struct plugin_call *c, struct plugin_work *w)
{
	w->plugin = p;
	w->call = c;
	w->err = (struct err)ERR_INIT;
	w->work = (struct work){
		.run = work_run, .done = on_work_done, .arg = w, .deadline = c ? plugin_deadline(c) : 0, .first = w->first
	};
	post_init(&w->refused, on_work_refused, w);
	list_push(&p->works, &w->node);
	w->is_refused = work_hand_over(p, w) < 0;
	if (w->is_refused)
		loop_post(p->loop, &w->refused);
}

void plugin_submit(struct plugin_call *c, struct plugin_work *w)
{
	assert(!c->work);
	c->work = w;
	work_begin(c->plugin, c, w);
}

void plugin_background(struct plugin *p, struct plugin_work *w) { work_begin(p, NULL, w); }

void plugin_cancel(struct plugin_work *w)
{
	if (!w->is_refused && w->plugin->workers)
		workers_cancel(w->plugin->workers, &w->work);
}

/* ---- calls as the server has them */

static const struct plugin_method *method_of(const struct plugin_method *const *tables, const char *path)
{
	for (; *tables; tables++)
		for (const struct plugin_method *m = *tables; m->path; m++)
			if (!strcmp(m->path, path))
				return m;
	return NULL;
}

static void *on_call_open(void *arg, struct grpc_stream *st, const char *path, const struct dict *md)
{
	struct plugin *p = arg;
	const struct plugin_method *m = method_of(p->conf.tables, path);
	struct plugin_call *c;

	(void)md;
	if (!m)
		m = method_of(plugin_services, path);
	if (!m) {
		grpc_stream_end(st, err_to_grpc(-ERR_UNIMPLEMENTED), "unknown method");
		return NULL;
	}
	c = mem_new(struct plugin_call);
	c->plugin = p;
	c->method = m;
	c->stream = st;
	post_init(&c->taken_post, on_call_taken, c);
	return c;
}

/* We end a call that the client has spoilt: whoever parked it hears of it as of a client that has gone. */
static void call_break(struct plugin_call *c, const struct err *err)
{
	void (*closed)(void *arg) = c->work ? NULL : c->closed;
	void *arg = c->closed_arg;

	if (c->work && !c->work->keep)
		plugin_cancel(c->work);
	plugin_fail(c, err);
	if (closed)
		closed(arg);
}

/* False: it is no such message, and the call has failed. */
static bool call_unpack(struct plugin_call *c, const void *msg, size_t len, struct arena *a, const ProtobufCMessage **ret)
{
	struct err err = ERR_INIT;
	int r;

	*ret = NULL;
	if (!c->method->request)
		return true;
	r = pb_unpack_strict(c->method->request, msg, len, a, ret, &err);
	if (r >= 0)
		return true;
	(void)err_wrap(&err, r, "%s: its request", plugin_method_name(c));
	if (r == -ERR_DATA_LOSS)
		err.code = ERR_INVALID;
	call_break(c, &err);
	return false;
}

static void call_begin(struct plugin_call *c, const void *msg, size_t len)
{
	const ProtobufCMessage *request;

	c->begun = true;
	if (!call_unpack(c, msg, len, &c->arena, &request))
		return;
	c->method->begin(c, request);
	if (!c->work)
		arena_done(&c->arena);
}

static void on_call_message(void *state, struct grpc_stream *st, const void *msg, size_t len)
{
	struct plugin_call *c = state;
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *request;
	struct err err = ERR_INIT;

	(void)st;
	if (c->over)
		return;
	if (!c->begun) {
		call_begin(c, msg, len);
	} else if (c->method->message) {
		if (call_unpack(c, msg, len, &a, &request))
			c->method->message(c, request);
	} else {
		(void)err_set(&err, ERR_INVALID, "%s: more than one request", plugin_method_name(c));
		call_break(c, &err);
	}
}

static void on_call_half_close(void *state, struct grpc_stream *st)
{
	struct plugin_call *c = state;
	struct err err = ERR_INIT;

	(void)st;
	if (c->over)
		return;
	if (!c->begun) {
		(void)err_set(&err, ERR_INVALID, "%s: no request", plugin_method_name(c));
		plugin_fail(c, &err);
	} else if (c->method->half_close) {
		c->method->half_close(c);
	}
}

static void on_call_closed(void *state, struct grpc_stream *st)
{
	struct plugin_call *c = state;

	(void)st;
	c->stream = NULL;
	loop_unpost(c->plugin->loop, &c->taken_post);
	c->taken = NULL;
	if (c->work && !c->work->keep)
		plugin_cancel(c->work);
	else if (!c->work && c->closed)
		c->closed(c->closed_arg);
	call_release(c);
}

static const struct grpc_handler call_handler = { on_call_open, on_call_message, on_call_half_close, on_call_closed };

/* ---- the plugin */

static void *worker_begin(void *arg)
{
	const struct plugin_conf *conf = &((struct plugin *)arg)->conf;

	return conf->begin ? conf->begin(conf->app) : NULL;
}

static void worker_end_nothing(void *state) { (void)state; }

int plugin_new(struct loop *loop, const struct plugin_conf *conf, struct plugin **ret, struct err *err)
{
	_cleanup_(plugin_freep) struct plugin *p = mem_new(struct plugin);
	const struct workers_conf wc = { .loop = loop,
					 .threads = conf->threads,
					 .slow_max = conf->slow_max,
					 .queue_max = QUEUE_MAX,
					 .stack = STACK,
					 .idle_ms = conf->idle_ms,
					 .begin = worker_begin,
					 .end = conf->end ? conf->end : worker_end_nothing,
					 .arg = p };
	int r;

	p->conf = *conf;
	p->loop = loop;
	list_init(&p->works);
	r = workers_new(&wc, &p->workers, err);
	if (r < 0)
		return r;
	r = grpc_server_new(loop, conf->path, NULL, &call_handler, p, &p->server, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

bool plugin_stopping(const struct plugin *p) { return p->stopping; }

void plugin_stop(struct plugin *p) { p->stopping = true; }

void *plugin_of(const struct plugin *p) { return p->conf.app; }

struct workers *plugin_workers(struct plugin *p) { return p->workers; }

/* Works of calls, and what others have given to the workers themselves. */
static bool plugin_at_work(const struct plugin *p) { return !list_empty(&p->works) || workers_busy(p->workers); }

static bool plugin_is_busy(const struct plugin *p) { return p->conf.busy && p->conf.busy(p->conf.app); }

bool plugin_draining(const struct plugin *p) { return p->draining; }

bool plugin_drain(struct plugin *p, int64_t ms)
{
	const struct ctx limit = ctx_within(NULL, ms);
	struct ctx flush;

	p->draining = true;
	list_for_each(it, &p->works) {
		struct plugin_work *w = container_of(it, struct plugin_work, node);

		if (!w->undo)
			plugin_cancel(w);
	}
	while ((plugin_at_work(p) || plugin_is_busy(p)) && loop_turn(p->loop, &limit, NULL) >= 0)
		;
	grpc_server_shutdown(p->server);
	flush = ctx_within(NULL, FLUSH_TURN_MS);
	while (grpc_server_connections(p->server) && loop_turn(p->loop, &flush, NULL) >= 0)
		;
	return !plugin_at_work(p);
}

/* Only those are left that were refused, and the loop, on which others would begin more, is not turned for them. */
static void works_end(struct plugin *p)
{
	while (!list_empty(&p->works)) {
		struct plugin_work *w = container_of(p->works.next, struct plugin_work, node);

		loop_unpost(p->loop, &w->refused);
		on_work_refused(w);
	}
}

/* Works first, so that their callers still hear what has become of them. Whoever is told here, of a work or of a call, may begin
 * more: that is refused. */
void plugin_free(struct plugin *p)
{
	if (!p)
		return;
	workers_free(TAKE_PTR(p->workers));
	works_end(p);
	grpc_server_free(p->server);
	works_end(p);
	free(p);
}
