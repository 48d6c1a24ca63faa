/* Content.Write is one stream each way: STAT opens the ingest and says how far it has come, WRITEs append at an offset,
 * COMMIT ends it. WRITEs are not waited for; their answers are taken as they come, so that a failure shows at the next
 * write. Facts: reference containerd.md A.4 and 0.7. */
#include "call.h"
#include "clock.h"
#include "content.h"
#include "ctrd-struct.h"
#include "mem.h"
#include "content.pb-c.h"
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_MAX = 1 << 20, /* of one message; containerd takes up to 16 MiB */
	UNSENT_MAX = 4 << 20,
	LOCKED_MIN_MS = 16,
	LOCKED_MAX_MS = 2000,
	COMMIT_PATIENCE = 10, /* times the usual: containerd reads an ingest that was resumed again */
};

static const struct method write_ = {
	"/containerd.services.content.v1.Content/Write",
	&content__write_response__descriptor,
	"ingest",
};

struct content_writer {
	struct ctrd_call *call;
	char *ref;
	int64_t patience_ms;
	int64_t offset; /* of the next write */
	int64_t seen;   /* what containerd has acknowledged */
	char *digest;   /* of the acknowledged bytes */
	bool ended;
};

void content_writer_free(struct content_writer *w)
{
	if (!w)
		return;
	ctrd_call_free(w->call);
	free(w->ref);
	free(w->digest);
	free(w);
}

/* Take one answer, within @times the usual patience: 1; 0 when containerd closed the stream. */
static int answer(struct content_writer *w, int times, const struct ctx *ctx, Content__Action *ret_action, struct err *err)
{
	const struct ctx within = ctx_within(ctx, times * w->patience_ms);
	_cleanup_reply_ struct reply reply = { 0 };
	const Content__WriteResponse *m;
	int r = call_next(w->call, &within, &reply, err);

	if (r <= 0) {
		w->ended = true;
		return r;
	}
	m = (const void *)reply.msg;
	w->seen = m->offset;
	free(w->digest);
	w->digest = text_unpack(m->digest);
	*ret_action = m->action;
	return 1;
}

static int closed_early(struct content_writer *w, struct err *err)
{
	return err_set(err, ERR_ABORTED, "ingest %s: containerd closed the stream", w->ref);
}

static int try_open(struct ctrd *c, const char *ref, int64_t total, const char *expected, const struct ctx *ctx,
		    struct content_writer **ret, struct err *err)
{
	_cleanup_(content_writer_freep) struct content_writer *w = mem_new(struct content_writer);
	Content__WriteRequest req = CONTENT__WRITE_REQUEST__INIT;
	const struct ctx endless = ctx_endless(ctx);
	Content__Action action;
	int r;

	req.action = CONTENT__ACTION__STAT;
	req.ref = borrow(ref);
	req.total = total;
	req.expected = borrow(expected);
	w->patience_ms = c->conn->patience_ms;
	w->ref = mem_strdup(ref);
	w->call = call_open(c, &write_, ref, &endless);
	call_send(w->call, &req.base, false);
	r = answer(w, 1, ctx, &action, err);
	if (r < 0)
		return r;
	if (r == 0)
		return closed_early(w, err);
	if (w->seen < 0)
		return err_set(err, ERR_DATA_LOSS, "ingest %s: containerd says it has %lld bytes", ref, (long long)w->seen);
	w->offset = w->seen;
	*ret = TAKE_PTR(w);
	return 0;
}

/* Nobody tells when a lock is released. The loop turns meanwhile, so whatever else was started goes on. */
static int lock_wait_ms(struct loop *l, int64_t ms, const struct ctx *ctx, struct err *err)
{
	struct ctx nap = ctx_within(ctx, ms);
	struct err why = ERR_INIT;
	int r;

	do
		r = loop_turn(l, &nap, &why);
	while (r == 0);
	if (r != -ERR_DEADLINE) {
		if (err)
			*err = why;
		return r;
	}
	return ctx_check(ctx, err);
}

/* Between half of @ms and all of it, so that two writers do not meet again and again. */
static int64_t jittered(int64_t ms) { return ms / 2 + clock_mono() / 1000 % (ms / 2 + 1); }

int content_writer_try(struct ctrd *c, const char *ref, int64_t total, const char *expected, const struct ctx *ctx,
		       struct content_writer **ret, int64_t *ret_offset, struct err *err)
{
	struct err why = ERR_INIT;
	int r = try_open(c, ref, total, expected, ctx, ret, &why);

	if (r == -ERR_EXISTS)
		return 1;
	if (r < 0 && err)
		*err = why;
	if (r == 0 && ret_offset)
		*ret_offset = (*ret)->offset;
	return r;
}

int content_writer_open(struct ctrd *c, const char *ref, int64_t total, const char *expected, const struct ctx *ctx,
			struct content_writer **ret, int64_t *ret_offset, struct err *err)
{
	struct err why;
	int r;

	for (int64_t ms = LOCKED_MIN_MS;; ms = 2 * ms < LOCKED_MAX_MS ? 2 * ms : LOCKED_MAX_MS) {
		why = (struct err)ERR_INIT;
		r = content_writer_try(c, ref, total, expected, ctx, ret, ret_offset, &why);
		if (r != -ERR_UNAVAILABLE || !ctrd_alive(c))
			break;
		if (lock_wait_ms(ctrd_loop(c), jittered(ms), ctx, NULL) < 0) {
			why.code = ctx_check(ctx, NULL) == -ERR_CANCELLED ? ERR_CANCELLED : ERR_DEADLINE;
			r = -(int)why.code; /* with the text that says what it waited for */
			break;
		}
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

/* Take the answers that are there. */
static int take_answers(struct content_writer *w, const struct ctx *ctx, struct err *err)
{
	Content__Action action;

	while (call_said(w->call)) {
		int r = w->ended ? 0 : answer(w, 1, ctx, &action, err);

		if (r < 0)
			return r;
		if (r == 0)
			return closed_early(w, err);
	}
	return 0;
}

static void send_data(struct content_writer *w, const void *p, size_t n)
{
	Content__WriteRequest req = CONTENT__WRITE_REQUEST__INIT;

	req.action = CONTENT__ACTION__WRITE;
	req.offset = w->offset;
	req.data = (ProtobufCBinaryData){ .len = n, .data = (uint8_t *)(uintptr_t)p };
	call_send(w->call, &req.base, false);
	w->offset += (int64_t)n;
}

int content_writer_truncate(struct content_writer *w, const struct ctx *ctx, struct err *err)
{
	int r = take_answers(w, ctx, err);

	if (r < 0)
		return r;
	w->offset = 0;
	send_data(w, NULL, 0); /* offset 0 means "from the start": containerd truncates */
	return 0;
}

int content_writer_write(struct content_writer *w, const void *p, size_t n, const struct ctx *ctx, struct err *err)
{
	for (size_t at = 0, len; at < n; at += len) {
		const struct ctx within = ctx_within(ctx, w->patience_ms);
		int r = take_answers(w, ctx, err);

		if (r < 0)
			return r;
		len = n - at < CHUNK_MAX ? n - at : CHUNK_MAX;
		send_data(w, (const char *)p + at, len);
		r = grpc_drain(call_grpc(w->call), UNSENT_MAX, &within, err);
		if (r < 0)
			return call_wrap(w->call, r, err);
	}
	return 0;
}

/* The answers up to the end of the stream. 0, or what containerd said instead of committing. */
static int await_commit(struct content_writer *w, const struct ctx *ctx, struct err *err)
{
	bool committed = false;
	Content__Action action;
	int r;

	while ((r = answer(w, COMMIT_PATIENCE, ctx, &action, err)) > 0)
		committed = committed || action == CONTENT__ACTION__COMMIT; /* comes twice */
	if (r == 0 && !committed)
		return closed_early(w, err);
	return r;
}

int content_writer_commit(struct content_writer *w, int64_t total, const char *expected, const struct dict *labels,
			  const struct ctx *ctx, char **ret_digest, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	Content__WriteRequest req = CONTENT__WRITE_REQUEST__INIT;
	struct err why = ERR_INIT;
	int r;

	req.action = CONTENT__ACTION__COMMIT;
	req.ref = w->ref;
	req.total = total;
	req.offset = w->offset;
	req.expected = borrow(expected);
	req.labels = entries_pack(&a, labels, &req.n_labels);
	call_send(w->call, &req.base, true);
	r = await_commit(w, ctx, &why);
	if (r < 0 && r != -ERR_EXISTS) {
		if (err)
			*err = why;
		return r;
	}
	if (ret_digest && !expected && (!w->digest || w->seen != w->offset))
		return err_set(err, ERR_DATA_LOSS, "ingest %s: containerd did not say the digest", w->ref);
	if (ret_digest)
		*ret_digest = mem_strdup(expected ? expected : w->digest);
	return 0;
}
