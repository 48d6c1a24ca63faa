/* The step "image": the one that is here, or fetched by davit-image. Where several tasks want the same, one of them fetches it. */
#include "job-steps.h"
#include "job-order.h"
#include "clock.h"
#include "mem.h"
#include "platform.h"
#include "ref.h"
#include "set-state.h"
#include <signal.h>
#include <string.h>

static bool looks_first(const struct run_task *t) { return t->task->pull != PULL_ALWAYS && !image_is_id(t->task->image); }

static void image_ask(struct run_task *t, const struct ctx *ctx)
{
	t->look = image_look_begin(run_ctrd(t->run), t->image_name, ctx);
}

bool image_wanted(const void *state) { return task_is_new(state) && task_has_image(((const struct run_task *)state)->task); }

static bool same_words(const char *x, const char *y) { return x ? y && !strcmp(x, y) : !y; }

/* Of the same name, for the same platform and snapshotter. */
static bool same_image(const struct run_task *a, const struct run_task *b)
{
	return same_words(a->task->image, b->task->image) && same_words(a->task->platform, b->task->platform) &&
	       same_words(a->run->job->snapshotter, b->run->job->snapshotter);
}

/* Of all that start together, the first that wants the same in the same way. */
static struct run_task *image_first(struct run_task *t)
{
	size_t n;
	struct run *runs = run_peers(t->run, &n);

	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < runs[k].n_tasks; i++)
			if (runs[k].tasks[i].task->pull == t->task->pull && same_image(&runs[k].tasks[i], t))
				return &runs[k].tasks[i];
	return t;
}

int image_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;

	(void)err;
	t->image_by = image_first(t);
	if (t->image_by != t)
		return GRAPH_LONG;
	if (looks_first(t))
		image_ask(t, ctx);
	return 0;
}

/* Does @o fetch what @t wants? Only a pull gives what is to be pulled always. */
static bool image_fetches_for(const struct run_task *o, const struct run_task *t)
{
	return o->fetches && (o->pulls || t->task->pull != PULL_ALWAYS) && same_image(o, t);
}

/* The task that fetches the image for @t too, whichever of them came to it first; NULL: none does. */
static const struct run_task *image_fetcher(const struct run_task *t)
{
	size_t n;
	const struct run *runs = run_peers(t->run, &n);

	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < runs[k].n_tasks; i++)
			if (image_fetches_for(&runs[k].tasks[i], t))
				return &runs[k].tasks[i];
	return NULL;
}

bool image_ready(const void *state, unsigned number)
{
	const struct run_task *t = state;

	(void)number;
	if (t->image_by != t)
		return t->run->snapshotter && t->image_by->has_image;
	if (t->helper)
		return child_ended(t->helper);
	if (t->image_part == IMAGE_AWAIT)
		return image_fetcher(t)->has_image;
	return t->run->snapshotter && (!t->look || image_look_ready(t->look));
}

/* As far as it comes without waiting; then 1. */
static int image_go_on(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	int r = image_look_go_on(t->look, run_ctrd(t->run), t->task->platform, t->run->snapshotter, ctx, &t->found, err);

	if (r > 0)
		return GRAPH_MORE;
	image_look_free(TAKE_PTR(t->look));
	t->has_image = r == 0;
	return r;
}

int run_image(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	int r;

	if (!t->look)
		image_ask(t, ctx);
	do
		r = image_go_on(t, ctx, err);
	while (r > 0);
	return r;
}

/* Not here under that name. It may be an ID, or a digest that was pulled by its tag; else this makes no call. */
static int image_elsewhere(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image found = { 0 };
	int r;

	if (!image_may_differ(t->task->image))
		return -ERR_NOT_FOUND;
	err_clear(err);
	r = image_find(run_ctrd(t->run), t->task->image, ctx, &found, err);
	if (r < 0 || strcmp(found.name, t->image_name) == 0)
		return r < 0 ? r : -ERR_NOT_FOUND;
	free(t->image_name);
	t->image_name = TAKE_PTR(found.name);
	return run_image(t, ctx, err);
}

/* By the name that was given: the one that it was found under may have moved on. */
static int image_name_again(struct run_task *t, struct err *err)
{
	_cleanup_(ref_done) struct ref ref = { 0 };
	int r;

	if (image_is_id(t->task->image))
		return err_hint(err,
				err_set(err, ERR_NOT_FOUND, "image %s: not present, and no registry knows IDs", t->task->image),
				"davit images lists those there are");
	r = ref_parse(t->task->image, &ref, err);
	if (r < 0)
		return r;
	free(t->image_name);
	t->image_name = TAKE_PTR(ref.name);
	return 0;
}

/* May other pulls print beside this one? */
static bool fetches_beside(const struct run_task *t)
{
	size_t n;

	(void)run_peers(t->run, &n);
	return n > 1 || t->run->n_tasks > 1;
}

enum { PULL_END_MS = 5000 /* between the word that it ends and its end */ };

static void image_on_late(void *arg)
{
	struct run_task *t = arg;

	if (!t->helper)
		return;
	child_kill(t->helper, t->pull_late ? SIGKILL : SIGINT);
	t->pull_late = true;
	timer_set(&t->pull_timer, clock_mono() + PULL_END_MS * NSEC_PER_MSEC);
}

static void image_limit(struct run_task *t)
{
	if (!t->task->pull_timeout)
		return;
	timer_init(&t->pull_timer, t->core->loop, image_on_late, t);
	timer_set(&t->pull_timer, clock_mono() + t->task->pull_timeout * NSEC_PER_SEC);
}

static int image_help(struct run_task *t, enum image_part part, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };
	const struct auth *auth = part == IMAGE_PULL ? t->task->auth : NULL;
	const struct image_helper how = {
		.address = t->core->address,
		.ns = t->core->conf.ns,
		.snapshotter = t->run->snapshotter,
		.platform = t->task->platform,
		.quiet = t->run->opts->quiet,
		.debug = t->core->conf.debug,
		.plain_progress = fetches_beside(t),
		.authfile = auth ? auth->file : NULL,
		.username = auth ? auth->username : NULL,
		.password = auth ? auth->password : NULL,
	};
	int r;

	strv_push(&args, t->image_name);
	r = image_helper_begin(t->core->loop, &how, part == IMAGE_PULL ? "pull" : "unpack", &args, &t->helper, err);
	t->image_part = part;
	t->fetches = true;
	t->pulls = part == IMAGE_PULL;
	if (r >= 0 && t->pulls)
		image_limit(t);
	return r < 0 ? r : GRAPH_LONG; /* davit-image watches over its progress */
}

static int image_pull(struct run_task *t, struct err *err)
{
	int r;

	err_clear(err);
	if (t->task->pull == PULL_NEVER)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "image %s: not present, and --pull is never", t->task->image),
				"davit pull %s", t->task->image);
	r = image_name_again(t, err);
	return r < 0 ? r : image_help(t, IMAGE_PULL, err);
}

/* Here but not unpacked, or not here at all. */
static int image_fetch(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	struct ctrd_image present = { 0 };
	int r;

	err_clear(err);
	if (image_fetcher(t)) {
		t->image_part = IMAGE_AWAIT;
		return GRAPH_LONG;
	}
	r = t->task->pull == PULL_ALWAYS ? -ERR_NOT_FOUND : images_get(run_ctrd(t->run), t->image_name, ctx, &present, err);
	ctrd_image_done(&present);
	if (r >= 0)
		return image_help(t, IMAGE_UNPACK, err);
	return r == -ERR_NOT_FOUND ? image_pull(t, err) : r;
}

/* What is here under the name may have been made for another platform than the one asked for. */
static int image_check_platform(const struct run_task *t, struct err *err)
{
	struct platform want, have;
	char text[PLATFORM_TEXT];
	int r = platform_parse(t->task->platform, &want, err);

	if (r < 0)
		return r;
	platform_set(&have, t->image->config.os, t->image->config.architecture, t->image->config.variant);
	if (!t->task->platform || platform_match(&want, &have) >= 0)
		return 0;
	r = err_set(err, ERR_NOT_FOUND, "image %s: is of platform %s, not %s", t->task->image, platform_text(&have, text),
		    t->task->platform);
	return err_hint(err, r, "davit run --pull always --platform %s", t->task->platform);
}

static int image_look(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	int r = looks_first(t) ? image_go_on(t, ctx, err) : -ERR_NOT_FOUND;

	if (t->task->pull != PULL_ALWAYS && r == -ERR_NOT_FOUND)
		r = image_elsewhere(t, ctx, err);
	return r == -ERR_NOT_FOUND ? image_fetch(t, ctx, err) : r;
}

/* What was waited for has come: the answer of davit-image, or another task's image. */
static int image_come(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	_cleanup_json_ json *result = NULL;
	const bool unpacks = t->image_part == IMAGE_UNPACK;
	int r = t->helper ? image_helper_end(TAKE_PTR(t->helper), ctx, &result, err) : 0;

	timer_done(&t->pull_timer);
	if (r < 0 && t->pull_late) {
		err_clear(err);
		r = err_set(err, ERR_DEADLINE, "image %s: not fetched within %lld s, its pull-timeout", t->task->image,
			    (long long)t->task->pull_timeout);
		return err_hint(err, r, "what has come is kept for the next try");
	}

	if (r == -ERR_NOT_FOUND && unpacks && t->task->pull != PULL_NEVER)
		return image_pull(t, err);
	if (r < 0)
		return r;
	t->image_part = IMAGE_AGAIN;
	image_ask(t, ctx);
	return GRAPH_MORE;
}

/* From here on the job says itself how its health is asked. */
static void image_found(struct run_task *t)
{
	if (!t->record && !t->run->opts->unwatched)
		image_config_check(&t->image->config, t->task);
	run_look_early(t);
}

static int image_shared(struct run_task *t)
{
	t->image = t->image_by->image;
	t->has_image = true;
	image_found(t);
	return 0;
}

int image_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	int r;

	if (t->image_by != t)
		return image_shared(t);
	if (t->image_part == IMAGE_LOOK)
		r = image_look(t, ctx, err);
	else if (t->image_part == IMAGE_AGAIN)
		r = image_go_on(t, ctx, err);
	else
		r = image_come(t, ctx, err);
	if (r == 0) /* found under a tag, which may have moved since */
		r = image_check_name(t->task->image, t->image->digest, err);
	if (r == 0)
		r = image_check_platform(t, err);
	if (r == 0)
		image_found(t);
	return r;
}

/* All at once: each ends while the others do. */
static void stop_pulls(struct run *run)
{
	size_t n;
	struct run *runs = run_peers(run, &n);

	for (size_t k = 0; k < n && !runs[0].pulls_stopped; k++)
		for (size_t i = 0; i < runs[k].n_tasks; i++)
			image_helper_stop_begin(runs[k].tasks[i].helper);
	runs[0].pulls_stopped = true;
}

void image_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;

	(void)ctx;
	stop_pulls(t->run);
	timer_done(&t->pull_timer);
	image_helper_stop_end(TAKE_PTR(t->helper));
	image_look_free(TAKE_PTR(t->look));
}

void image_plan(const void *state, struct strv *out)
{
	const struct run_task *t = state;
	static const char *const when[] = { "pulled when missing", "pulled always", "never pulled" };

	strv_pushf(out, "image: %s, %s", t->image_name, when[t->task->pull]);
}
