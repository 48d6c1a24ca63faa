#include "content.h"
#include "ctrd-struct.h"
#include "call.h"
#include "mem.h"
#include "content.pb-c.h"

#define SERVICE "/containerd.services.content.v1.Content/"
static const struct method info = { SERVICE "Info", &content__info_response__descriptor, "blob" },
			   read_ = { SERVICE "Read", &content__read_response__descriptor, "blob" },
			   update = { SERVICE "Update", NULL, "blob" }, delete = { SERVICE "Delete", NULL, "blob" },
			   abort_ = { SERVICE "Abort", NULL, "ingest" };

void ctrd_content_done(struct ctrd_content *c)
{
	free(c->digest);
	dict_done(&c->labels);
	*c = (struct ctrd_content){ 0 };
}

struct ctrd_call *content_info_begin(struct ctrd *c, const char *digest, const struct ctx *ctx)
{
	Content__InfoRequest req = CONTENT__INFO_REQUEST__INIT;

	req.digest = borrow(digest);
	return call_begin(c, &info, digest, &req.base, ctx);
}

int content_info_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_content *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_(ctrd_content_done) struct ctrd_content content = { 0 };
	const Content__InfoResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	if (!m->info)
		return err_set(err, ERR_DATA_LOSS, "containerd sent no blob");
	content.digest = mem_strdup(m->info->digest);
	content.size = m->info->size;
	r = entries_unpack(m->info->labels, m->info->n_labels, &content.labels, err);
	if (r < 0)
		return err_wrap(err, r, "blob %s", m->info->digest);
	*ret = TAKE_STRUCT(content);
	return 0;
}

int content_info(struct ctrd *c, const char *digest, const struct ctx *ctx, struct ctrd_content *ret, struct err *err)
{
	return content_info_end(content_info_begin(c, digest, ctx), ctx, ret, err);
}

struct ctrd_call *content_read_begin(struct ctrd *c, const char *digest, const struct ctx *ctx)
{
	Content__ReadRequest req = CONTENT__READ_REQUEST__INIT;

	req.digest = borrow(digest);
	return call_begin(c, &read_, digest, &req.base, ctx);
}

/* Every message of a Read to @got; each within @patience_ms (0: all of them within @ctx). */
static int read_each(struct ctrd_call *call, const struct ctx *ctx, int64_t patience_ms,
		     int (*got)(void *arg, const void *p, size_t n, struct err *err), void *arg, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	int r;

	for (;;) {
		const struct ctx within = patience_ms ? ctx_within(ctx, patience_ms) : *ctx;
		const Content__ReadResponse *m;

		r = call_next(call, &within, &reply, err);
		if (r <= 0)
			return r;
		m = (const void *)reply.msg;
		r = m->data.len ? got(arg, m->data.data, m->data.len, err) : 0;
		if (r < 0)
			return r;
	}
}

struct gather {
	struct buf *out;
	size_t len, max;
	struct ctrd_call *call;
};

static int gather(void *arg, const void *p, size_t n, struct err *err)
{
	struct gather *g = arg;

	if (n > g->max - g->len)
		return call_wrap(g->call, err_set(err, ERR_EXHAUSTED, "longer than the %zu bytes that are taken", g->max), err);
	buf_add(g->out, p, n);
	g->len += n;
	return 0;
}

int content_read_end(struct ctrd_call *begun, const struct ctx *ctx, size_t max, struct buf *ret, struct err *err)
{
	_cleanup_(ctrd_call_freep) struct ctrd_call *call = begun;
	struct gather g = { .out = ret, .max = max, .call = call };
	size_t before = ret->len;
	int r = read_each(call, ctx, 0, gather, &g, err);

	if (r < 0)
		buf_cut(ret, before);
	return r;
}

int content_read(struct ctrd *c, const char *digest, size_t max, const struct ctx *ctx, struct buf *ret, struct err *err)
{
	return content_read_end(content_read_begin(c, digest, ctx), ctx, max, ret, err);
}

int content_stream(struct ctrd *c, const char *digest, const struct ctx *ctx,
		   int (*got)(void *arg, const void *p, size_t n, struct err *err), void *arg, struct err *err)
{
	const struct ctx endless = ctx_endless(ctx);
	_cleanup_(ctrd_call_freep) struct ctrd_call *call = content_read_begin(c, digest, &endless);

	return read_each(call, ctx, c->conn->patience_ms, got, arg, err);
}

struct ctrd_call *content_stream_begin(struct ctrd *c, const char *digest, int64_t offset, const struct ctx *ctx)
{
	const struct ctx endless = ctx_endless(ctx);
	Content__ReadRequest req = CONTENT__READ_REQUEST__INIT;

	req.digest = borrow(digest);
	req.offset = offset;
	return call_begin(c, &read_, digest, &req.base, &endless);
}

bool content_stream_ready(const struct ctrd_call *call) { return call_said(call); }

int content_stream_next(struct ctrd_call *call, const struct ctx *ctx, struct buf *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Content__ReadResponse *m;
	int r = call_next(call, ctx, &reply, err);

	if (r <= 0)
		return r;
	m = (const void *)reply.msg;
	buf_add(ret, m->data.data, m->data.len);
	return 1;
}

int content_set_labels(struct ctrd *c, const char *digest, const struct dict *labels, const struct ctx *ctx, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	Content__Info content = CONTENT__INFO__INIT;
	Content__UpdateRequest req = CONTENT__UPDATE_REQUEST__INIT;

	if (!labels->n) /* an empty mask would replace every label */
		return 0;
	content.digest = borrow(digest);
	content.labels = entries_pack(&a, labels, &content.n_labels);
	req.info = &content;
	req.update_mask = labels_mask(&a, labels);
	return call_end_empty(call_begin(c, &update, digest, &req.base, ctx), ctx, err);
}

int content_delete(struct ctrd *c, const char *digest, const struct ctx *ctx, struct err *err)
{
	Content__DeleteRequest req = CONTENT__DELETE_REQUEST__INIT;

	req.digest = borrow(digest);
	return call_end_empty(call_begin(c, &delete, digest, &req.base, ctx), ctx, err);
}

int content_abort(struct ctrd *c, const char *ref, const struct ctx *ctx, struct err *err)
{
	Content__AbortRequest req = CONTENT__ABORT_REQUEST__INIT;

	req.ref = borrow(ref);
	return call_end_absent(call_begin(c, &abort_, ref, &req.base, ctx), ctx, err);
}
