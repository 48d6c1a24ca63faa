/* Theory of operation: a pull is a child process and the list of those who wait for it; its JSON lines on standard error are read
 * once a second, for what people are told, and as the sign of life that pull_activity_timeout is about. It is one of at most
 * PULLS_MAX that run; others are queued. It leaves images->pulls as soon as its end is decided, so that what is wanted then begins
 * anew.
 *
 * The collection is one procedure in a worker: it lists images with our label and the containers of the namespace, and removes the
 * names that the loop says are overdue, unless they are in use again. What it finds unused gets a time here, on the loop; a timer
 * stands at the earliest of them. */
#include "task-images.h"
#include "child.h"
#include "clock.h"
#include "containers.h"
#include "desk.h"
#include "image.h"
#include "images.h"
#include "image-progress.h"
#include "labels.h"
#include "log.h"
#include "err-rename.h"
#include "mem.h"
#include "ref.h"
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { PULLS_MAX = 8, LOOK_MS = 1000, EVENT_MS = 5000, PULL_END_MS = 5000, SWEEP_MS = 60000, AGAIN_MS = 30000, SOON_MS = 500 };

#define MARK IMAGE_MADE_FOR "=" IMAGE_MADE_FOR_NOMAD

struct image_pull {
	struct list_node node; /* of images->pulls, or of images->ending */
	struct task_images *images;
	struct driver_conf *conf;
	char *name, *platform, *snapshotter, *username, *password, *auth_file, *helper, *load_name;
	int load_fd; /* -1: it is pulled */
	int auth_fd; /* -1: auth_file is opened by its name */
	int unkept;  /* errno: why there is no copy of its archive, without which it is not pulled either */
	bool soft_fail;
	struct child *child; /* NULL: queued */
	struct list_node waits;
	struct timer look; /* the next look at what it says; once it is to end: when it is killed */
	struct image_progress progress;
	int64_t heard, told; /* when it said something last, and we did */
	bool anonymous;      /* the second try, as nobody */
	bool silent;         /* it is ended because it said nothing */
	bool over;           /* its waits are being told */
};

/* An image that nobody uses, and since when. */
struct image_idle {
	struct list_node node;
	char *name;
	int64_t since;
	bool seen; /* by the look that has just ended */
};

/* The collection's procedure: what it is given and what it finds. While it is busy, it is the worker's. */
struct image_sweep {
	struct plugin_work work;
	bool busy;
	struct driver_conf *conf;
	struct strv overdue, unused, removed;
};

struct task_images {
	struct loop *loop;
	struct plugin *plugin;
	struct driver_conf *conf;
	bool again; /* somebody wants a look while one is under way */
	struct list_node pulls, ending, holds, idle;
	struct timer next; /* of the collection */
	struct image_sweep sweep;
};

/* pulls */

#define HELD_FILE "/proc/self/fd/3" /* where image_helper.out_fd is in davit-image */

static bool same_text(const char *a, const char *b) { return a ? b && !strcmp(a, b) : !b; }

static struct driver_conf *want_conf(const struct task_images *im, const struct image_want *w)
{
	return w->conf ? w->conf : im->conf;
}

/* As nobody it makes no difference. */
static bool want_is_soft(const struct image_want *w) { return w->auth_soft_fail && (w->username || w->auth_file || w->helper); }

static bool pull_suits(const struct image_pull *p, const struct image_want *w)
{
	const struct driver_conf *conf = want_conf(p->images, w);

	return p->load_fd < 0 && !p->unkept && w->load_fd <= 0 && same_text(p->conf->address, conf->address) &&
	       same_text(p->conf->ns, conf->ns) && same_text(p->name, w->name) && same_text(p->platform, w->platform) &&
	       same_text(p->snapshotter, w->snapshotter) && same_text(p->username, w->username) &&
	       same_text(p->password, w->password) && same_text(p->auth_file, w->auth_file) && same_text(p->helper, w->helper) &&
	       p->soft_fail == want_is_soft(w);
}

static struct image_pull *pull_find(struct task_images *im, const struct image_want *w)
{
	list_for_each(it, &im->pulls) {
		struct image_pull *p = container_of(it, struct image_pull, node);

		if (pull_suits(p, w))
			return p;
	}
	return NULL;
}

static int pull_keep(struct image_pull *p, int fd)
{
	const int kept = fd > 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 5) : -1;

	if (fd > 0 && kept < 0)
		p->unkept = errno;
	return kept;
}

static struct image_pull *pull_new(struct task_images *im, const struct image_want *w)
{
	struct image_pull *p = mem_new(struct image_pull);

	p->images = im;
	p->conf = driver_conf_ref(want_conf(im, w));
	p->name = mem_strdup(w->name);
	p->platform = mem_strdup(w->platform);
	p->snapshotter = mem_strdup(w->snapshotter);
	p->username = mem_strdup(w->username);
	p->password = mem_strdup(w->password);
	p->auth_file = mem_strdup(w->auth_file);
	p->helper = mem_strdup(w->helper);
	p->load_name = mem_strdup(w->load_name);
	p->load_fd = pull_keep(p, w->load_fd);
	p->auth_fd = pull_keep(p, w->auth_fd);
	p->soft_fail = want_is_soft(w);
	list_init(&p->waits);
	list_push(&im->pulls, &p->node);
	return p;
}

static void pull_free(struct image_pull *p)
{
	list_unlink(&p->node);
	timer_done(&p->look);
	child_free(p->child);
	closep(&p->load_fd);
	closep(&p->auth_fd);
	driver_conf_unref(p->conf);
	if (p->password)
		explicit_bzero(p->password, strlen(p->password));
	free(p->name);
	free(p->platform);
	free(p->snapshotter);
	free(p->username);
	free(p->password);
	free(p->auth_file);
	free(p->helper);
	free(p->load_name);
	image_progress_done(&p->progress);
	free(p);
}

static void pull_say(struct image_pull *p, const char *message)
{
	_cleanup_dict_ struct dict annotations = { 0 };

	dict_set(&annotations, "image", ref_familiar(p->name));
	list_for_each(it, &p->waits) {
		const struct image_wait *w = container_of(it, struct image_wait, node);

		if (w->event)
			w->event(w->arg, message, &annotations);
	}
	p->told = clock_mono();
}

static void wait_leave(struct image_wait *w)
{
	list_unlink(&w->node);
	timer_done(&w->timer);
	w->pull = NULL;
}

/* Each may end others while it is told. */
static void pull_tell(struct image_pull *p, int r, const struct err *err)
{
	while (!list_empty(&p->waits)) {
		struct image_wait *w = container_of(p->waits.next, struct image_wait, node);

		wait_leave(w);
		w->done(w->arg, r, err);
	}
}

static void pulls_go_on(struct task_images *im);

/* It is told to end, is waited for beside everything else, and killed when it does not. */
static void pull_stop(struct image_pull *p)
{
	struct task_images *im = p->images;

	list_unlink(&p->node);
	if (!p->child) {
		pull_free(p);
		return;
	}
	list_push(&im->ending, &p->node);
	child_kill(p->child, SIGINT);
	timer_set(&p->look, clock_mono() + PULL_END_MS * NSEC_PER_MSEC);
}

/* The job's name for it, and not that of a descriptor. */
static int load_error(const struct image_pull *p, int r, struct err *err)
{
	const size_t n = strlen(HELD_FILE ": ");

	if (!strncmp(err->msg, HELD_FILE ": ", n))
		memmove(err->msg, err->msg + n, strlen(err->msg + n) + 1);
	err_rename(err, HELD_FILE, p->load_name);
	return err_wrap(err, r, "archive %s", p->load_name);
}

/* What Docker's users read in the place of a registry's 401, 403 and 404, which do not tell one from the other. */
static int pull_error(int r, struct err *err)
{
	struct err cause = *err;

	if (r != -ERR_NOT_FOUND && r != -ERR_PERMISSION && r != -ERR_UNAUTHENTICATED)
		return r;
	err_clear(err);
	(void)err_set(err, cause.code, "pull access denied, repository does not exist or may require authorization: %s", cause.msg);
	return err_hint(err, r, "the task's option auth, else the plugin's, says who we are there");
}

static bool pull_as_nobody(struct image_pull *p, int r)
{
	return p->soft_fail && !p->anonymous && p->load_fd < 0 && r < 0 && !image_may_come(r);
}

static void pull_begin(struct image_pull *p);

static void pull_over(struct image_pull *p, int r, struct err *err)
{
	struct task_images *im = p->images;

	if (r < 0 && p->auth_fd >= 0 && p->load_fd < 0)
		err_rename(err, HELD_FILE, p->auth_file);
	if (pull_as_nobody(p, r)) {
		log_warn("image %s: %s; once more without credentials (auth_soft_fail)", ref_familiar(p->name), err->msg);
		p->anonymous = true;
		pull_begin(p);
		return;
	}
	if (r < 0)
		r = p->load_fd >= 0 ? load_error(p, r, err) : pull_error(r, err);
	list_unlink(&p->node);
	p->over = true;
	pull_tell(p, r, err);
	pull_free(p);
	pulls_go_on(im);
}

static int pull_silent(struct image_pull *p, struct err *err)
{
	int r = err_set(err, ERR_DEADLINE, "image %s: nothing came for %" PRId64 " s", ref_familiar(p->name),
			p->conf->pull_activity_timeout / NSEC_PER_SEC);

	return err_hint(err, r, "the plugin's pull_activity_timeout is the limit; what has come is kept for the next try");
}

static void pull_on_ended(void *arg)
{
	struct image_pull *p = arg;
	struct task_images *im = p->images;
	_cleanup_json_ json *result = NULL;
	struct err err = ERR_INIT;
	int r = image_helper_end(TAKE_PTR(p->child), NULL, &result, &err);

	if (list_empty(&p->waits) && !p->silent) {
		pull_free(p);
		pulls_go_on(im);
		return;
	}
	if (r < 0 && p->silent) {
		err_clear(&err);
		r = pull_silent(p, &err);
	}
	pull_over(p, r, &err);
}

static int pull_launch(struct image_pull *p, struct err *err)
{
	const struct driver_conf *conf = p->conf;
	_cleanup_strv_ struct strv args = { 0 };
	const struct image_helper how = {
		.address = conf->address,
		.ns = conf->ns,
		.snapshotter = p->snapshotter,
		.platform = p->platform,
		.authfile = p->anonymous || !p->auth_file ? NULL
			    : p->auth_fd >= 0             ? HELD_FILE
							  : p->auth_file,
		.no_authfile = p->anonymous || !p->auth_file,
		.credential_helper = p->anonymous ? NULL : p->helper,
		.username = p->anonymous ? NULL : p->username,
		.password = p->anonymous ? NULL : p->password,
		.mark = MARK,
		.keep_err = true,
		.ended = pull_on_ended,
		.arg = p,
		.json_progress = true,
		.debug = log_wants(LOG_DEBUG),
		.out_fd = p->load_fd >= 0 ? p->load_fd : p->auth_fd,
	};

	if (p->unkept)
		return err_sys(err, p->unkept, "%s %s", p->load_name ? "archive" : "credentials",
			       p->load_name ? p->load_name : p->auth_file);
	if (p->load_fd < 0) {
		strv_push(&args, p->name);
		return image_helper_begin(p->images->loop, &how, "pull", &args, &p->child, err);
	}
	strv_push(&args, "--only");
	strv_push(&args, p->name);
	strv_push(&args, "--input");
	strv_push(&args, HELD_FILE);
	return image_helper_begin(p->images->loop, &how, "load", &args, &p->child, err);
}

static void pull_look(struct image_pull *p)
{
	const int64_t now = clock_mono(), silence = p->conf->pull_activity_timeout;
	char text[IMAGE_PROGRESS_TEXT];

	if (image_progress_read(&p->progress, child_err(p->child)))
		p->heard = now;
	if (silence && p->load_fd < 0 && now - p->heard >= silence) {
		p->silent = true;
		pull_stop(p);
		return;
	}
	if (now - p->told >= EVENT_MS * NSEC_PER_MSEC && image_progress_text(&p->progress, text))
		pull_say(p, text);
	timer_set(&p->look, now + LOOK_MS * NSEC_PER_MSEC);
}

static void pull_on_look(void *arg)
{
	struct image_pull *p = arg;

	if (!p->child) /* it could not be started: told in a turn of its own */
		pulls_go_on(p->images);
	else if (p->silent || list_empty(&p->waits))
		child_kill(p->child, SIGKILL);
	else
		pull_look(p);
}

static void pull_begin(struct image_pull *p)
{
	struct err err = ERR_INIT;
	int r = pull_launch(p, &err);

	if (r < 0) {
		p->soft_fail = false;
		pull_over(p, r, &err);
		return;
	}
	p->heard = clock_mono();
	timer_set(&p->look, p->heard + LOOK_MS * NSEC_PER_MSEC);
}

/* As many as may run at once; the first that waits is the next. */
static void pulls_go_on(struct task_images *im)
{
	for (;;) {
		struct image_pull *next = NULL;
		unsigned n = 0;

		list_for_each(it, &im->pulls) {
			struct image_pull *p = container_of(it, struct image_pull, node);

			n += p->child != NULL;
			next = p->child || next ? next : p;
		}
		if (!next || n >= PULLS_MAX)
			return;
		pull_begin(next);
	}
}

static void wait_on_late(void *arg)
{
	struct image_wait *w = arg;
	struct image_pull *p = w->pull;
	const int64_t seconds = w->timeout_ns / NSEC_PER_SEC;
	struct err err = ERR_INIT;
	int r = err_set(&err, ERR_DEADLINE, "image %s: not there within %" PRId64 " s", ref_familiar(p->name), seconds);

	(void)err_hint(&err, r, "image_pull_timeout is the limit; what has come is kept for the next try");
	wait_leave(w);
	if (list_empty(&p->waits))
		pull_stop(p);
	w->done(w->arg, r, &err);
}

void task_images_want(struct task_images *im, const struct image_want *want, struct image_wait *w)
{
	struct image_pull *p = pull_find(im, want);
	const bool fresh = !p;

	if (fresh) {
		p = pull_new(im, want);
		timer_init(&p->look, im->loop, pull_on_look, p);
	}
	w->pull = p;
	w->timeout_ns = want->timeout_ns;
	list_push(&p->waits, &w->node);
	timer_init(&w->timer, im->loop, wait_on_late, w);
	timer_set(&w->timer, want->timeout_ns ? clock_mono() + want->timeout_ns : 0);
	if (w->event) {
		_cleanup_dict_ struct dict annotations = { 0 };

		dict_set(&annotations, "image", ref_familiar(p->name));
		w->event(w->arg, want->load_fd <= 0 ? "Downloading image" : "Loading image", &annotations);
	}
	if (fresh) {
		p->told = clock_mono();
		timer_set(&p->look, 1); /* in a turn to come: nobody is told before this returns */
	}
}

void image_wait_end(struct image_wait *w)
{
	struct image_pull *p = w->pull;

	if (!p)
		return;
	wait_leave(w);
	if (list_empty(&p->waits) && !p->over)
		pull_stop(p);
}

bool image_may_come(int r)
{
	return r == -ERR_UNAVAILABLE || r == -ERR_DEADLINE || r == -ERR_EXHAUSTED || r == -ERR_ABORTED || r == -ERR_CANCELLED ||
	       r == -ERR_INTERNAL || r == -ERR_UNKNOWN || r == -ERR_DATA_LOSS;
}

/* the collection */

void task_images_hold(struct task_images *im, const char *name, struct image_hold *h)
{
	h->name = mem_strdup(name);
	list_push(&im->holds, &h->node);
}

void image_hold_done(struct image_hold *h)
{
	list_unlink(&h->node);
	free(h->name);
	h->name = NULL;
}

static bool image_is_held(const struct task_images *im, const char *name)
{
	list_for_each(it, &im->holds)
		if (!strcmp(container_of(it, struct image_hold, node)->name, name))
			return true;
	list_for_each(it, &im->pulls)
		if (!strcmp(container_of(it, struct image_pull, node)->name, name))
			return true;
	return false;
}

static void sweep_reset(struct image_sweep *s)
{
	driver_conf_unref(TAKE_PTR(s->conf));
	strv_done(&s->overdue);
	strv_done(&s->unused);
	strv_done(&s->removed);
}

static void sweep_one(struct image_sweep *s, struct core *core, const struct ctrd_image *i, const struct ctrd_containers *all,
		      const struct ctx *ctx)
{
	struct err err = ERR_INIT;

	for (size_t k = 0; k < all->n; k++)
		if (all->v[k].image && !strcmp(all->v[k].image, i->name))
			return;
	if (!strv_has(&s->overdue, i->name)) {
		strv_push(&s->unused, i->name);
		return;
	}
	if (images_delete(core->ctrd, i->name, false, ctx, &err) < 0 && err.code != ERR_NOT_FOUND) {
		log_warn("image %s: not removed: %s", ref_familiar(i->name), err.msg);
		strv_push(&s->unused, i->name);
		return;
	}
	strv_push(&s->removed, i->name);
}

static int sweep_all(struct image_sweep *s, struct core *core, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_images_done) struct ctrd_images images = { 0 };
	_cleanup_(ctrd_containers_done) struct ctrd_containers containers = { 0 };
	int r = images_list(core->ctrd, "labels.\"" IMAGE_MADE_FOR "\"==\"" IMAGE_MADE_FOR_NOMAD "\"", ctx, &images, err);

	if (r == 0 && images.n)
		r = containers_list_lean(core->ctrd, NULL, ctx, &containers, err);
	for (size_t i = 0; r == 0 && i < images.n; i++)
		sweep_one(s, core, &images.v[i], &containers, ctx);
	return r;
}

/* In a worker. */
static int sweep_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct image_sweep *s = &((struct task_images *)arg)->sweep; /* the rest is the loop's */
	const struct ctx within = ctx_within(ctx, SWEEP_MS);
	struct core *core;
	int r = desk_core(state, s->conf, &core, err);

	return r < 0 ? r : sweep_all(s, core, &within, err);
}

static struct image_idle *idle_find(struct task_images *im, const char *name)
{
	list_for_each(it, &im->idle)
		if (!strcmp(container_of(it, struct image_idle, node)->name, name))
			return container_of(it, struct image_idle, node);
	return NULL;
}

static void idle_free(struct image_idle *i)
{
	list_unlink(&i->node);
	free(i->name);
	free(i);
}

static void idle_note(struct task_images *im, const char *name)
{
	struct image_idle *i = idle_find(im, name);

	if (!i) {
		i = mem_new(struct image_idle);
		i->name = mem_strdup(name);
		i->since = clock_mono();
		list_push(&im->idle, &i->node);
	}
	if (image_is_held(im, name))
		i->since = clock_mono();
	i->seen = true;
}

/* What was not seen unused is in use, or gone. The earliest that is to go is the next look. */
static int64_t idle_settle(struct task_images *im)
{
	int64_t next = 0;

	list_for_each(it, &im->idle) {
		struct image_idle *i = container_of(it, struct image_idle, node);

		if (!i->seen) {
			idle_free(i);
			continue;
		}
		i->seen = false;
		if (!next || i->since < next)
			next = i->since;
	}
	return next ? next + im->conf->gc.image_delay : 0;
}

static void sweep_plan(struct task_images *im, int64_t at)
{
	if (at && (!im->next.at || at < im->next.at))
		timer_set(&im->next, at);
}

static void sweep_settle(struct task_images *im)
{
	const struct image_sweep *s = &im->sweep;
	const int64_t now = clock_mono();
	int64_t next;

	for (size_t i = 0; i < s->removed.n; i++)
		log_info("image %s: removed, no task has used it for %" PRId64 " s (gc.image_delay)", ref_familiar(s->removed.v[i]),
			 im->conf->gc.image_delay / NSEC_PER_SEC);
	for (size_t i = 0; i < s->unused.n; i++)
		idle_note(im, s->unused.v[i]);
	next = idle_settle(im);
	sweep_plan(im, next && next <= now ? now + LOOK_MS * NSEC_PER_MSEC : next);
}

static void sweep_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct task_images *im = arg;

	(void)call;
	im->sweep.busy = false;
	if (r < 0) {
		log_debug("images: %s", err->msg);
		sweep_plan(im, clock_mono() + AGAIN_MS * NSEC_PER_MSEC);
	} else {
		sweep_settle(im);
	}
	sweep_reset(&im->sweep);
	if (im->again)
		task_images_look(im);
}

static void sweep_begin(void *arg)
{
	struct task_images *im = arg;
	struct image_sweep *s = &im->sweep;
	const int64_t now = clock_mono();

	im->again = s->busy;
	if (s->busy)
		return;
	list_for_each(it, &im->idle) {
		const struct image_idle *i = container_of(it, struct image_idle, node);

		if (now - i->since >= im->conf->gc.image_delay && !image_is_held(im, i->name))
			strv_push(&s->overdue, i->name);
	}
	s->conf = driver_conf_ref(im->conf);
	s->work = (struct plugin_work){ .run = sweep_run, .done = sweep_done, .arg = im };
	s->busy = true;
	plugin_background(im->plugin, &s->work);
}

void task_images_look(struct task_images *im)
{
	if (im->plugin && im->conf->gc.image)
		sweep_plan(im, clock_mono() + SOON_MS * NSEC_PER_MSEC);
}

/* who we are */

/* As Docker's users write it: "https://index.docker.io/v1/" is Docker's own registry. */
static bool auth_is_for(const struct conf_auth *a, const char *host)
{
	const char *at = a->server, *scheme = at ? strstr(at, "://") : NULL;
	size_t n;

	if (!at || !*at)
		return true;
	at = scheme ? scheme + 3 : at;
	n = strcspn(at, "/");
	if (!strcmp(host, "docker.io") && n > 10 && !strncmp(at + n - 10, ".docker.io", 10))
		return true;
	return strlen(host) == n && !strncmp(at, host, n);
}

static bool auth_says(const struct conf_auth *a, const char *host)
{
	return a && (a->username || a->config || a->helper) && auth_is_for(a, host);
}

void image_want_login(struct image_want *w, const char *host, const struct conf_auth *task, const struct conf_auth *plugin)
{
	const struct conf_auth *by = auth_says(task, host) ? task : auth_says(plugin, host) ? plugin : NULL;

	if (!by)
		return;
	w->username = by->username;
	w->password = by->username ? by->password : NULL;
	w->auth_file = by->config;
	w->helper = by->helper;
}

/* all of it */

struct task_images *task_images_new(struct loop *loop, struct driver_conf *conf)
{
	struct task_images *im = mem_new(struct task_images);

	im->loop = loop;
	im->conf = driver_conf_ref(conf);
	list_init(&im->pulls);
	list_init(&im->ending);
	list_init(&im->holds);
	list_init(&im->idle);
	timer_init(&im->next, loop, sweep_begin, im);
	return im;
}

void task_images_configure(struct task_images *im, struct plugin *plugin, struct driver_conf *conf)
{
	im->plugin = plugin;
	driver_conf_unref(im->conf);
	im->conf = driver_conf_ref(conf);
	timer_set(&im->next, 0);
	task_images_look(im);
}

static void pulls_drop(struct list_node *pulls)
{
	while (!list_empty(pulls)) {
		struct image_pull *p = container_of(pulls->next, struct image_pull, node);

		while (!list_empty(&p->waits))
			wait_leave(container_of(p->waits.next, struct image_wait, node));
		pull_free(p);
	}
}

void task_images_free(struct task_images *im)
{
	if (!im)
		return;
	pulls_drop(&im->pulls);
	pulls_drop(&im->ending);
	while (!list_empty(&im->idle))
		idle_free(container_of(im->idle.next, struct image_idle, node));
	timer_done(&im->next);
	sweep_reset(&im->sweep);
	driver_conf_unref(im->conf);
	free(im);
}
