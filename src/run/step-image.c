/* The step "image": the one that is here, or fetched by davit-image. */
#include "job-steps.h"
#include "mem.h"
#include "platform.h"
#include "ref.h"
#include <string.h>

/* image */

int image_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	(void)err;
	if (run->task->pull != PULL_ALWAYS && !image_is_id(run->task->image))
		run->call[S_IMAGE] = image_get_begin(run_ctrd(run), run->image_name, ctx);
	return 0;
}

int run_image(struct run *run, const struct ctx *ctx, struct err *err)
{
	struct ctrd_call *call =
		run->call[S_IMAGE] ? TAKE_PTR(run->call[S_IMAGE]) : image_get_begin(run_ctrd(run), run->image_name, ctx);

	return image_get_end(run_ctrd(run), call, run->image_name, run->task->platform, run->snapshotter, ctx, &run->image, err);
}

/* Not here under that name. It may be an ID, or a digest that was pulled by its tag; else this makes no call. */
static int image_elsewhere(struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image found = { 0 };
	int r;

	if (!image_may_differ(run->task->image))
		return -ERR_NOT_FOUND;
	err_clear(err);
	r = image_find(run_ctrd(run), run->task->image, ctx, &found, err);
	if (r < 0 || strcmp(found.name, run->image_name) == 0)
		return r < 0 ? r : -ERR_NOT_FOUND;
	free(run->image_name);
	run->image_name = TAKE_PTR(found.name);
	return run_image(run, ctx, err);
}

/* By the name that was given: the one that it was found under may have moved on. */
static int image_name_again(struct run *run, struct err *err)
{
	_cleanup_(ref_done) struct ref ref = { 0 };
	int r;

	if (image_is_id(run->task->image))
		return err_hint(err,
				err_set(err, ERR_NOT_FOUND, "image %s: not present, and no registry knows IDs", run->task->image),
				"davit images lists those there are");
	r = ref_parse(run->task->image, &ref, err);
	if (r < 0)
		return r;
	free(run->image_name);
	run->image_name = TAKE_PTR(ref.name);
	return 0;
}

static int image_help(struct run *run, const char *verb, const struct ctx *ctx, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };
	_cleanup_json_ json *result = NULL;
	const struct image_helper how = {
		.address = run->core->address,
		.ns = run->core->conf.ns,
		.snapshotter = run->snapshotter,
		.platform = run->task->platform,
		.quiet = run->opts->quiet,
		.debug = run->core->conf.debug,
	};

	strv_push(&args, run->image_name);
	return image_helper_run(run->core->loop, &how, verb, &args, ctx, &result, err);
}

/* Here but not unpacked, or not here at all. */
static int image_fetch(struct run *run, const struct ctx *ctx, struct err *err)
{
	struct ctx waits = { .cancel = ctx->cancel }; /* a pull takes what it takes; davit-image watches over its progress */
	struct ctrd_image present = { 0 };
	int r = run->task->pull == PULL_ALWAYS ? -ERR_NOT_FOUND : images_get(run_ctrd(run), run->image_name, ctx, &present, err);

	ctrd_image_done(&present);
	if (r >= 0) {
		r = image_help(run, "unpack", &waits, err);
		if (r != -ERR_NOT_FOUND || run->task->pull == PULL_NEVER)
			return r;
	}
	if (r != -ERR_NOT_FOUND)
		return r;
	err_clear(err);
	if (run->task->pull == PULL_NEVER)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "image %s: not present, and --pull is never", run->task->image),
				"davit pull %s", run->task->image);
	r = image_name_again(run, err);
	return r < 0 ? r : image_help(run, "pull", &waits, err);
}

/* What is here under the name may have been made for another platform than the one asked for. */
static int image_check_platform(const struct run *run, struct err *err)
{
	struct platform want, have;
	char text[PLATFORM_TEXT];
	int r = platform_parse(run->task->platform, &want, err);

	if (r < 0)
		return r;
	platform_set(&have, run->image.config.os, run->image.config.architecture, run->image.config.variant);
	if (!run->task->platform || platform_match(&want, &have) >= 0)
		return 0;
	r = err_set(err, ERR_NOT_FOUND, "image %s: is of platform %s, not %s", run->task->image, platform_text(&have, text),
		    run->task->platform);
	return err_hint(err, r, "davit run --pull always --platform %s", run->task->platform);
}

int image_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = -ERR_NOT_FOUND;

	if (run->task->pull != PULL_ALWAYS && !image_is_id(run->task->image))
		r = run_image(run, ctx, err);
	if (run->task->pull != PULL_ALWAYS && r == -ERR_NOT_FOUND)
		r = image_elsewhere(run, ctx, err);
	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		r = image_fetch(run, ctx, err);
		if (r >= 0)
			r = run_image(run, ctx, err);
	}
	if (r >= 0) /* found under a tag, which may have moved since */
		r = image_check_name(run->task->image, run->image.digest, err);
	if (r >= 0)
		r = image_check_platform(run, err);
	if (r >= 0)
		run_look_early(run);
	return r;
}

void image_undo(void *state, const struct ctx *ctx)
{
	(void)ctx;
	run_give_up(state, S_IMAGE);
}

void image_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	static const char *const when[] = { "pulled when missing", "pulled always", "never pulled" };

	strv_pushf(out, "image: %s, %s", run->image_name, when[run->task->pull]);
}
