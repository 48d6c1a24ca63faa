#include "diff.h"
#include "call.h"
#include "diff.pb-c.h"

static const struct method apply = {
	"/containerd.services.diff.v1.Diff/Apply",
	&diff__apply_response__descriptor,
	"layer",
};

struct ctrd_call *diff_apply_begin(struct ctrd *c, const struct ctrd_descriptor *layer, const struct ctrd_mounts *mounts,
				   const struct ctx *ctx)
{
	_cleanup_arena_ struct arena a = { 0 };
	Diff__ApplyRequest req = DIFF__APPLY_REQUEST__INIT;
	const struct ctx endless = ctx_endless(ctx);

	req.diff = descriptor_pack(&a, layer);
	req.n_mounts = mounts->n;
	req.mounts = mounts_pack(&a, mounts);
	return call_begin(c, &apply, layer->digest, &req.base, &endless);
}

int diff_apply_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_descriptor *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor applied = { 0 };
	int r = call_end(call, ctx, &reply, err);

	if (r == 0)
		r = descriptor_unpack(((const Diff__ApplyResponse *)(const void *)reply.msg)->applied, &applied, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(applied);
	return 0;
}

int diff_apply(struct ctrd *c, const struct ctrd_descriptor *layer, const struct ctrd_mounts *mounts, const struct ctx *ctx,
	       struct ctrd_descriptor *ret, struct err *err)
{
	return diff_apply_end(diff_apply_begin(c, layer, mounts, ctx), ctx, ret, err);
}

static const struct method make = {
	"/containerd.services.diff.v1.Diff/Diff",
	&diff__diff_response__descriptor,
	"changes",
};

int diff_make(struct ctrd *c, const struct ctrd_mounts *left, const struct ctrd_mounts *right, const char *media_type,
	      const struct ctx *ctx, struct ctrd_descriptor *ret, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor made = { 0 };
	Diff__DiffRequest req = DIFF__DIFF_REQUEST__INIT;
	const struct ctx endless = ctx_endless(ctx);
	int r;

	req.n_left = left->n;
	req.left = mounts_pack(&a, left);
	req.n_right = right->n;
	req.right = mounts_pack(&a, right);
	req.media_type = borrow(media_type);
	r = call_end(call_begin(c, &make, NULL, &req.base, &endless), ctx, &reply, err);
	if (r == 0)
		r = descriptor_unpack(((const Diff__DiffResponse *)(const void *)reply.msg)->diff, &made, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(made);
	return 0;
}
