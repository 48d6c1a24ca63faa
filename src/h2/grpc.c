#include "grpc.h"
#include "clock.h"
#include "conn.h"
#include "socket.h"
#include "h2-client.h"
#include "mem.h"

struct grpc {
	struct loop *loop;
	struct conn *conn; /* NULL: of one that was never opened */
	struct h2_client *engine;
	struct timer timer; /* until the peer has greeted */
	int64_t greeting_ms;
	struct list_node ended; /* calls whose owners are to be told */
	struct timer teller;    /* runs as soon as there is one */
};

struct grpc_call {
	struct grpc *grpc;
	struct h2_call *call;
	struct timer deadline; /* on no loop: it has none */
	struct list_node ended;
	void (*fn)(void *arg);
	void *arg;
};

/* Whatever may have ended a call ends with this. */
static void tell_soon(struct grpc *g)
{
	if (!list_empty(&g->ended) && !g->teller.at)
		timer_set(&g->teller, 1);
}

/* A function may end this connection, and any call: those still to be told of are then out of @now. What ends meanwhile, a call
 * begun on a connection that is gone for one, has its turn in the next one. */
static void tell_owners(void *arg)
{
	struct grpc *g = arg;
	struct list_node now;

	list_init(&now);
	list_move_all(&now, &g->ended);
	while (!list_empty(&now)) {
		struct grpc_call *call = container_of(now.next, struct grpc_call, ended);

		list_unlink(&call->ended);
		call->fn(call->arg);
	}
}

static ssize_t on_grpc_client_input(void *arg, const void *p, size_t n, struct err *err)
{
	struct grpc *g = arg;
	int r = h2_client_input(g->engine, p, n, err);

	if (h2_client_greeted(g->engine)) /* nothing is to wake who only waits */
		timer_done(&g->timer);
	tell_soon(g);
	return r < 0 ? r : (ssize_t)n;
}

static int on_grpc_client_output(void *arg, struct buf *out, struct err *err)
{
	struct grpc *g = arg;
	int r = h2_client_output(g->engine, out, err);

	tell_soon(g);
	return r;
}

static void on_grpc_client_closed(void *arg, const struct err *why)
{
	struct grpc *g = arg;

	h2_client_close(g->engine, why);
	tell_soon(g);
}

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
	tell_soon(g);
	conn_abort(g->conn);
}

static void await_greeting(struct grpc *g)
{
	if (!g->conn || g->timer.loop || h2_client_greeted(g->engine))
		return;
	timer_init(&g->timer, g->loop, on_silence, g);
	timer_set(&g->timer, clock_mono() + g->greeting_ms * NSEC_PER_MSEC);
}

void grpc_set_greeting(struct grpc *g, int64_t ms) { g->greeting_ms = ms; }

static void kick_conn(struct grpc *g)
{
	if (g->conn && h2_client_pending(g->engine))
		conn_kick(g->conn);
}

static struct grpc *grpc_make(struct loop *loop)
{
	struct grpc *g = mem_new(struct grpc);

	g->loop = loop;
	g->engine = h2_client_new();
	g->greeting_ms = GRPC_GREETING_MS;
	list_init(&g->ended);
	timer_init(&g->teller, loop, tell_owners, g);
	return g;
}

struct grpc *grpc_unopened(struct loop *loop)
{
	struct grpc *g = grpc_make(loop);
	struct err why = ERR_INIT;

	(void)err_set(&why, ERR_UNAVAILABLE, "no connection yet");
	h2_client_close(g->engine, &why);
	return g;
}

int grpc_open(struct loop *loop, const char *path, struct grpc **ret, struct err *err)
{
	struct grpc *g;
	int fd, r;

	r = socket_dial(path, &fd, err);
	if (r < 0)
		return r;
	g = grpc_make(loop);
	g->conn = conn_new(loop, fd, path, &grpc_client_ops, g);
	conn_flush(g->conn); /* the preface: a containerd that ends waits for that of each connection, and for no more */
	*ret = g;
	return 0;
}

void grpc_free(struct grpc *g)
{
	if (!g)
		return;
	timer_done(&g->timer);
	timer_done(&g->teller);
	conn_free(g->conn);
	h2_client_free(g->engine);
	free(g);
}

bool grpc_alive(const struct grpc *g) { return h2_client_open(g->engine); }
pid_t grpc_peer(const struct grpc *g) { return g->conn && grpc_alive(g) ? conn_peer(g->conn) : 0; }

static void on_call_deadline(void *arg)
{
	struct grpc_call *call = arg;
	struct err why = ERR_INIT;

	(void)err_set(&why, ERR_DEADLINE, "timed out");
	h2_call_fail(call->call, &why);
	tell_soon(call->grpc);
	kick_conn(call->grpc);
}

struct grpc_call *grpc_start(struct grpc *g, const char *method, const struct dict *md, const struct ctx *ctx)
{
	struct grpc_call *call = mem_new(struct grpc_call);
	bool timed = ctx->deadline && ctx->deadline != INT64_MAX;

	call->grpc = g;
	call->call = h2_call_new(g->engine, method, md, timed ? ctx_left(ctx) : 0);
	if (timed) {
		timer_init(&call->deadline, g->loop, on_call_deadline, call);
		timer_set(&call->deadline, ctx->deadline);
	}
	await_greeting(g);
	kick_conn(g);
	return call;
}

void grpc_notify(struct grpc_call *call, void (*fn)(void *arg), void *arg)
{
	call->fn = fn;
	call->arg = arg;
	list_unlink(&call->ended);
	h2_call_tell(call->call, fn ? &call->grpc->ended : NULL, fn ? &call->ended : NULL);
	tell_soon(call->grpc);
}

void grpc_send(struct grpc_call *call, const void *msg, size_t len, bool last)
{
	h2_call_send(call->call, msg, len);
	if (last)
		h2_call_half_close(call->call);
	tell_soon(call->grpc);
	kick_conn(call->grpc);
}

void grpc_send_end(struct grpc_call *call)
{
	h2_call_half_close(call->call);
	kick_conn(call->grpc);
}

size_t grpc_unsent(const struct grpc_call *call) { return h2_call_unsent(call->call); }

bool grpc_ready(const struct grpc_call *call) { return h2_call_ready(call->call); }
bool grpc_ended(const struct grpc_call *call) { return h2_call_ended(call->call); }

const char *grpc_details(const struct grpc_call *call) { return h2_call_details(call->call); }

int grpc_drain(struct grpc_call *call, size_t below, const struct ctx *ctx, struct err *err)
{
	int r = 0;

	for (;;) {
		conn_flush(call->grpc->conn);
		if (h2_call_ended(call->call) || h2_call_unsent(call->call) < below)
			return 0;
		r = loop_turn(call->grpc->loop, ctx, err);
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
		r = loop_turn(call->grpc->loop, ctx, err);
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
	list_unlink(&call->ended);
	timer_done(&call->deadline);
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
