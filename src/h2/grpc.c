#include "grpc.h"
#include "clock.h"
#include "conn.h"
#include "socket.h"
#include "h2-client.h"
#include "mem.h"

struct grpc {
	struct loop *loop;
	struct conn *conn;
	struct h2_client *engine;
	struct timer *timer; /* until the peer has greeted */
	int64_t greeting_ms;
};

struct grpc_call {
	struct grpc *grpc;
	struct h2_call *call;
	int64_t deadline; /* 0: none */
};

static ssize_t on_grpc_client_input(void *arg, const void *p, size_t n, struct err *err)
{
	int r = h2_client_input(((struct grpc *)arg)->engine, p, n, err);

	return r < 0 ? r : (ssize_t)n;
}

static int on_grpc_client_output(void *arg, struct buf *out, struct err *err)
{
	return h2_client_output(((struct grpc *)arg)->engine, out, err);
}

static void on_grpc_client_closed(void *arg, const struct err *why) { h2_client_close(((struct grpc *)arg)->engine, why); }

static const struct conn_ops grpc_client_ops = { on_grpc_client_input, on_grpc_client_output, on_grpc_client_closed };

/* One that accepts nothing, or is stopped, would be waited for as long as each call allows: often for ever. */
static void on_silence(void *arg)
{
	struct grpc *g = arg;
	struct err why = ERR_INIT;

	if (h2_client_greeted(g->engine))
		return;
	(void)err_set(&why, ERR_UNAVAILABLE, "connection to %s: it does not answer", conn_name(g->conn));
	(void)err_hint(&why, -ERR_UNAVAILABLE, "it may be stopped, or not accept connections: see its log");
	h2_client_close(g->engine, &why);
	conn_abort(g->conn);
}

static void await_greeting(struct grpc *g)
{
	if (g->timer || h2_client_greeted(g->engine))
		return;
	g->timer = loop_timer(g->loop, on_silence, g);
	timer_set(g->timer, clock_mono() + g->greeting_ms * NSEC_PER_MSEC);
}

void grpc_set_greeting(struct grpc *g, int64_t ms) { g->greeting_ms = ms; }

static void kick_conn(struct grpc *g)
{
	if (h2_client_pending(g->engine))
		conn_kick(g->conn);
}

int grpc_open(struct loop *loop, const char *path, struct grpc **ret, struct err *err)
{
	struct grpc *g;
	int fd, r;

	r = socket_dial(path, &fd, err);
	if (r < 0)
		return r;
	g = mem_new(struct grpc);
	g->loop = loop;
	g->engine = h2_client_new();
	g->greeting_ms = GRPC_GREETING_MS;
	g->conn = conn_new(loop, fd, path, &grpc_client_ops, g);
	conn_flush(g->conn); /* the preface: a containerd that ends waits for that of each connection, and for no more */
	*ret = g;
	return 0;
}

void grpc_free(struct grpc *g)
{
	if (!g)
		return;
	timer_free(g->timer);
	conn_free(g->conn);
	h2_client_free(g->engine);
	free(g);
}

bool grpc_alive(const struct grpc *g) { return h2_client_open(g->engine); }

struct grpc_call *grpc_start(struct grpc *g, const char *method, const struct dict *md, const struct ctx *ctx)
{
	struct grpc_call *call = mem_new(struct grpc_call);

	*call = (struct grpc_call){ .grpc = g, .deadline = ctx->deadline == INT64_MAX ? 0 : ctx->deadline };
	call->call = h2_call_new(g->engine, method, md, call->deadline ? ctx_left(ctx) : 0);
	await_greeting(g);
	kick_conn(g);
	return call;
}

void grpc_send(struct grpc_call *call, const void *msg, size_t len, bool last)
{
	h2_call_send(call->call, msg, len);
	if (last)
		h2_call_half_close(call->call);
	kick_conn(call->grpc);
}

void grpc_send_end(struct grpc_call *call)
{
	h2_call_half_close(call->call);
	kick_conn(call->grpc);
}

size_t grpc_unsent(const struct grpc_call *call) { return h2_call_unsent(call->call); }

bool grpc_ready(const struct grpc_call *call) { return h2_call_ready(call->call); }

static void expire_call(struct grpc_call *call)
{
	struct err why = ERR_INIT;

	if (!call->deadline || clock_mono() < call->deadline)
		return;
	(void)err_set(&why, ERR_DEADLINE, "timed out");
	h2_call_fail(call->call, &why);
	kick_conn(call->grpc);
}

/* One turn of the loop within @ctx and the call's own deadline, which ends the call rather than this wait. */
static int turn_for_grpc(struct grpc_call *call, const struct ctx *ctx, struct err *err)
{
	struct ctx both = ctx ? *ctx : ctx_none();
	int r;

	if (call->deadline && (!both.deadline || call->deadline < both.deadline))
		both.deadline = call->deadline;
	r = loop_turn(call->grpc->loop, &both, err);
	if (r != -ERR_DEADLINE)
		return r;
	expire_call(call);
	if (!h2_call_ended(call->call))
		return r;
	if (err)
		*err = (struct err)ERR_INIT;
	return 0;
}

int grpc_drain(struct grpc_call *call, size_t below, const struct ctx *ctx, struct err *err)
{
	int r = 0;

	for (;;) {
		conn_flush(call->grpc->conn);
		if (h2_call_ended(call->call) || h2_call_unsent(call->call) < below)
			return 0;
		r = turn_for_grpc(call, ctx, err);
		if (r < 0)
			return r;
	}
}

int grpc_recv(struct grpc_call *call, const struct ctx *ctx, struct buf *ret, struct err *err)
{
	int r;

	while (!h2_call_ready(call->call)) {
		conn_flush(call->grpc->conn);
		if (h2_call_ready(call->call))
			break;
		r = turn_for_grpc(call, ctx, err);
		if (r < 0)
			return r;
	}
	buf_reset(ret);
	r = h2_call_take(call->call, ret, err);
	kick_conn(call->grpc); /* the credit that this gives back */
	return r;
}

void grpc_call_free(struct grpc_call *call)
{
	if (!call)
		return;
	h2_call_free(call->call);
	kick_conn(call->grpc);
	free(call);
}

int grpc_unary_end(struct grpc_call *call, const struct ctx *ctx, struct buf *ret, struct err *err)
{
	_cleanup_buf_ struct buf more = { 0 }, answer = { 0 };
	int r;

	r = grpc_recv(call, ctx, &answer, err);
	if (r == 0)
		return err_set(err, ERR_INTERNAL, "call ended without an answer");
	if (r < 0)
		return r;
	r = grpc_recv(call, ctx, &more, err);
	if (r > 0)
		return err_set(err, ERR_INTERNAL, "more than one answer to a unary call");
	if (r < 0)
		return r;
	buf_done(ret);
	*ret = answer;
	answer = (struct buf){ 0 };
	return 0;
}
