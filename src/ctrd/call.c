#include "call.h"
#include "clock.h"
#include "ctrd-struct.h"
#include "log.h"
#include "mem.h"
#include <string.h>

enum { LIST_WEIGHT_MAX = 256 << 20, RECORD_WEIGHT = 512, CALL_PATIENCE = 5 };

struct ctrd_call {
	struct ctrd_line *line; /* NULL: nothing was asked */
	struct grpc_call *grpc;
	struct loop *loop;
	struct timer teller; /* in place of grpc */
	const struct method *method;
	char *id;
	int64_t asked_at; /* clock_mono() */
	struct buf in;    /* the last message, so that a stream reuses its room */
};

void reply_done(struct reply *r)
{
	arena_done(&r->arena);
	r->msg = NULL;
}

struct ctrd_call *call_open(struct ctrd *c, const struct method *m, const char *id, const struct ctx *ctx)
{
	const struct ctx within = ctx_within(ctx, CALL_PATIENCE * c->conn->patience_ms);
	struct ctrd_call *call = mem_new(struct ctrd_call);

	call->method = m;
	call->id = mem_strdup(id);
	call->asked_at = clock_mono();
	log_debug("asks containerd %s%s%s", m->path, id && *id ? ": " : "", id ? id : "");
	call->line = c->conn->line;
	call->line->refs++;
	call->grpc = grpc_start(call->line->grpc, m->path, &c->metadata, ctx && ctx->deadline ? ctx : &within);
	return call;
}

void call_send(struct ctrd_call *call, const ProtobufCMessage *msg, bool last)
{
	_cleanup_buf_ struct buf out = { 0 };

	pb_pack(msg, &out);
	grpc_send(call->grpc, out.data, out.len, last);
}

struct ctrd_call *call_begin(struct ctrd *c, const struct method *m, const char *id, const ProtobufCMessage *req,
			     const struct ctx *ctx)
{
	struct ctrd_call *call = call_open(c, m, id, ctx);

	call_send(call, req, true);
	return call;
}

struct ctrd_call *call_nothing(struct ctrd *c)
{
	struct ctrd_call *call = mem_new(struct ctrd_call);

	call->loop = c->conn->loop;
	return call;
}

void ctrd_call_notify(struct ctrd_call *call, void (*fn)(void *arg), void *arg)
{
	if (call->grpc) {
		grpc_notify(call->grpc, fn, arg);
		return;
	}
	timer_done(&call->teller);
	if (!fn)
		return;
	timer_init(&call->teller, call->loop, fn, arg);
	timer_set(&call->teller, 1);
}

void ctrd_call_free(struct ctrd_call *call)
{
	if (!call)
		return;
	grpc_call_free(call->grpc);
	timer_done(&call->teller);
	ctrd_line_unref(call->line);
	buf_done(&call->in);
	free(call->id);
	free(call);
}

bool ctrd_call_ready(const struct ctrd_call *call) { return !call->grpc || grpc_ended(call->grpc); }
bool call_said(const struct ctrd_call *call) { return !call->grpc || grpc_ready(call->grpc); }

struct grpc_call *call_grpc(struct ctrd_call *call) { return call->grpc; }

int call_wrap(const struct ctrd_call *call, int r, struct err *err)
{
	if (!err || !call->id || !call->method->noun || (*call->id && strstr(err->msg, call->id)))
		return r;
	return err_wrap(err, r, "%s %s", call->method->noun, call->id);
}

static int decode(struct ctrd_call *call, struct reply *ret, struct err *err)
{
	int r;

	if (!call->method->reply || !ret)
		return 0;
	r = pb_unpack(call->method->reply, call->in.data, call->in.len, &ret->arena, &ret->msg, err);
	return r < 0 ? call_wrap(call, r, err) : 0;
}

int call_end(struct ctrd_call *begun, const struct ctx *ctx, struct reply *ret, struct err *err)
{
	_cleanup_(ctrd_call_freep) struct ctrd_call *call = begun;
	int r;

	if (!call->grpc)
		return 0;
	r = grpc_unary_end(call->grpc, ctx, &call->in, err);
	log_debug("containerd %s %s after %.1f ms", r < 0 ? "refused" : "answered", call->method->path,
		  (double)(clock_mono() - call->asked_at) / NSEC_PER_MSEC);
	if (r < 0)
		return call_wrap(call, r, err);
	return decode(call, ret, err);
}

int call_end_empty(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end(call, ctx, NULL, err); }

int call_end_absent(struct ctrd_call *call, const struct ctx *ctx, struct err *err)
{
	struct err why = ERR_INIT;
	int r = call_end(call, ctx, NULL, &why);

	if (r == -ERR_NOT_FOUND)
		return 0;
	if (r < 0 && err)
		*err = why;
	return r;
}

int call_next(struct ctrd_call *call, const struct ctx *ctx, struct reply *ret, struct err *err)
{
	int r = grpc_recv(call->grpc, ctx, &call->in, err);

	if (r < 0)
		return call_wrap(call, r, err);
	if (r == 0)
		return 0;
	reply_done(ret);
	r = decode(call, ret, err);
	return r < 0 ? r : 1;
}

int weight_add(struct weight *w, size_t n, struct err *err)
{
	w->total += n + RECORD_WEIGHT;
	if (w->total > LIST_WEIGHT_MAX)
		return err_set(err, ERR_EXHAUSTED, "the list is longer than %d MiB", LIST_WEIGHT_MAX >> 20);
	return 0;
}
