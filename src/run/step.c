#include "step.h"
#include "clock.h"
#include "log.h"
#include <assert.h>

static bool wanted(const struct step *s, const void *state) { return !s->wanted || s->wanted(state); }

/* The steps that @i must still wait for. */
static unsigned missing(const struct step_run *r, size_t i)
{
	const struct step *s = &r->steps[i];
	unsigned lacks = s->needs & ~r->ended;

	if (!lacks && s->needs_also)
		lacks = s->needs_also(r->state) & ~r->ended;
	return lacks;
}

static void mark_ended(struct step_run *r, size_t i)
{
	r->ended |= STEP(i);
	r->time[i].ended = clock_mono();
	log_debug("step %s: done after %.1f ms", r->steps[i].name, (double)(r->time[i].ended - r->time[i].began) / NSEC_PER_MSEC);
}

static int begin(struct step_run *r, size_t i, const struct ctx *ctx, struct err *err)
{
	const struct step *s = &r->steps[i];
	int res = 0;

	r->begun |= STEP(i);
	r->time[i].began = clock_mono();
	log_debug("step %s: begins", s->name);
	if (s->begin) {
		struct ctx own = ctx_within(ctx, r->step_ms);

		res = s->begin(r->state, &own, err);
	}
	if (res >= 0 && !s->end)
		mark_ended(r, i);
	return res;
}

/* Begin whatever has all it needs; a step that ends by beginning may set free another. */
static int begin_ready(struct step_run *r, const struct ctx *ctx, struct err *err)
{
	bool again;

	do {
		again = false;
		for (size_t i = 0; i < r->n; i++) {
			int res;

			if ((r->begun & STEP(i)) || missing(r, i))
				continue;
			if (!wanted(&r->steps[i], r->state)) {
				r->begun |= STEP(i);
				r->ended |= STEP(i);
				again = true;
				continue;
			}
			res = begin(r, i, ctx, err);
			if (res < 0)
				return res;
			again |= (r->ended & STEP(i)) != 0;
		}
	} while (again);
	return 0;
}

/* Wait for step @i, and before it for whatever it needs, wherever that stands in the table. */
static int end_step(struct step_run *r, size_t i, const struct ctx *ctx, struct err *err)
{
	int res = begin_ready(r, ctx, err);
	struct ctx own;

	for (unsigned lacks; res >= 0 && !(r->begun & STEP(i)) && (lacks = missing(r, i)) != 0;) {
		res = end_step(r, (size_t)__builtin_ctz(lacks), ctx, err);
		if (res >= 0)
			res = begin_ready(r, ctx, err);
	}
	if (res < 0 || (r->ended & STEP(i)))
		return res;
	assert(r->begun & STEP(i)); /* else the table goes round in a circle */
	own = ctx_within(ctx, r->step_ms);
	res = r->steps[i].end(r->state, &own, err);
	if (res >= 0)
		mark_ended(r, i);
	return res;
}

static int run_all(struct step_run *r, const struct ctx *ctx, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		int res = ctx_check(ctx, err);

		if (res >= 0)
			res = end_step(r, i, ctx, err);
		if (res < 0)
			return res;
	}
	return 0;
}

int step_run(struct step_run *r, const struct ctx *ctx, int64_t step_ms, int64_t undo_ms, struct err *err)
{
	int res;

	assert(r->n <= STEPS_MAX);
	r->step_ms = step_ms;
	res = run_all(r, ctx, err);
	if (res < 0) {
		struct ctx undo_ctx = ctx_within(NULL, undo_ms);

		step_undo(r, &undo_ctx);
	}
	return res;
}

void step_undo(struct step_run *r, const struct ctx *ctx)
{
	for (size_t i = r->n; i-- > 0;)
		if ((r->begun & STEP(i)) && r->steps[i].undo && wanted(&r->steps[i], r->state)) {
			log_debug("step %s: taken back", r->steps[i].name);
			r->steps[i].undo(r->state, ctx);
		}
	r->begun = r->ended = 0;
}

void step_plan(const struct step *steps, size_t n, const void *state, struct strv *out)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i].plan && wanted(&steps[i], state))
			steps[i].plan(state, out);
}
