#include "ctx.h"
#include "clock.h"
#include <limits.h>

struct ctx ctx_within(const struct ctx *parent, int64_t ms)
{
	struct ctx c = { 0 };
	int64_t ns;

	if (__builtin_mul_overflow(ms, NSEC_PER_MSEC, &ns) || __builtin_add_overflow(clock_mono(), ns, &c.deadline))
		c.deadline = INT64_MAX;
	if (!parent)
		return c;
	c.cancel = parent->cancel;
	if (parent->deadline && parent->deadline < c.deadline)
		c.deadline = parent->deadline;
	return c;
}

struct ctx ctx_endless(const struct ctx *parent)
{
	struct ctx c = parent ? *parent : ctx_none();

	if (!c.deadline)
		c.deadline = INT64_MAX;
	return c;
}

struct ctx ctx_uncancelled(const struct ctx *parent) { return (struct ctx){ .deadline = parent ? parent->deadline : 0 }; }

int ctx_check(const struct ctx *ctx, struct err *err)
{
	if (!ctx)
		return 0;
	if (ctx->cancel && ctx->cancel->on)
		return err_set(err, ERR_CANCELLED, "interrupted");
	if (ctx->deadline && clock_mono() >= ctx->deadline)
		return err_set(err, ERR_DEADLINE, "timed out");
	return 0;
}

int64_t ctx_left(const struct ctx *ctx)
{
	int64_t left;

	if (!ctx || !ctx->deadline)
		return 0;
	left = ctx->deadline - clock_mono();
	return left > 0 ? left : 1;
}

int ctx_poll_ms(const struct ctx *ctx)
{
	int64_t ms;

	if (!ctx || !ctx->deadline)
		return -1;
	ms = (ctx_left(ctx) + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
