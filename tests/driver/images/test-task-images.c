/* Pulls beside a stand-in for davit-image, the collection against the fake containerd. */
#include "test.h"
#include "clock.h"
#include "containers.h"
#include "desk.h"
#include "fake.h"
#include "file.h"
#include "task-images.h"
#include "image.h"
#include "images.h"
#include "labels.h"
#include "mem.h"
#include "image-progress.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WITHIN_MS = 120000, WAITS = 40 };

#define OK(call) \
	do { \
		if ((call) < 0) \
			fail_msg("%s: %s", #call, err.msg); \
	} while (0)

struct bed {
	struct loop *loop;
	struct task_images *images;
	struct driver_conf *conf;
	char dir[32], *asked;
};

struct one {
	struct image_wait wait;
	int r, told;
	struct err err;
	char event[200], image[100];
	unsigned events;
};

static void on_done(void *arg, int r, const struct err *err)
{
	struct one *o = arg;

	o->r = r;
	o->told++;
	if (r < 0)
		o->err = *err;
}

static void on_event(void *arg, const char *message, const struct dict *annotations)
{
	struct one *o = arg;

	o->events++;
	(void)snprintf(o->event, sizeof o->event, "%s", message);
	(void)snprintf(o->image, sizeof o->image, "%s", dict_get(annotations, "image"));
}

static struct driver_conf *conf_new(const char *address)
{
	struct driver_conf *c = driver_conf_new();

	free(c->address);
	c->address = mem_strdup(address);
	return c;
}

static int bed_make(void **state)
{
	struct bed *b = mem_new(struct bed);

	(void)snprintf(b->dir, sizeof b->dir, "/tmp/davit-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->asked = mem_printf("%s/asked", b->dir);
	assert_int_equal(setenv("ASKED", b->asked, 1), 0);
	b->loop = loop_new();
	b->conf = conf_new("/nonexistent");
	b->conf->pull_activity_timeout = 0;
	b->images = task_images_new(b->loop, b->conf);
	*state = b;
	return 0;
}

static int bed_end(void **state)
{
	struct bed *b = *state;

	task_images_free(b->images);
	driver_conf_unref(b->conf);
	loop_free(b->loop);
	assert_int_equal(file_remove_tree(b->dir, NULL), 0);
	free(b->asked);
	free(b);
	return 0;
}

static void want(struct bed *b, struct one *o, const struct image_want *w)
{
	*o = (struct one){ .wait = { .done = on_done, .event = on_event, .arg = o } };
	task_images_want(b->images, w, &o->wait);
	assert_int_equal(o->told, 0);
}

static void want_name(struct bed *b, struct one *o, const char *name)
{
	const struct image_want w = { .name = name };

	want(b, o, &w);
}

static int await(struct bed *b, struct one *o)
{
	const struct ctx ctx = ctx_within(NULL, WITHIN_MS);

	while (!o->told)
		assert_int_equal(loop_turn(b->loop, &ctx, NULL), 0);
	assert_int_equal(o->told, 1);
	return o->r;
}

/* Until the calls have @n lines that begin so. */
static void await_asked(struct bed *b, const char *line, unsigned n)
{
	const struct ctx ctx = ctx_within(NULL, WITHIN_MS);

	for (;;) {
		_cleanup_buf_ struct buf text = { 0 };
		unsigned found = 0;

		(void)file_read(b->asked, 1 << 20, &text, NULL);
		for (const char *s = strstr(buf_str(&text), line); s; s = strstr(s + 1, line))
			found++;
		if (found >= n) {
			assert_int_equal(found, n);
			return;
		}
		assert_int_equal(loop_pause(b->loop, 20, &ctx, NULL), 0);
	}
}

static void one_pull_for_many(void **state)
{
	struct bed *b = *state;
	static struct one all[WAITS], other;
	const struct image_want elsewhere = { .name = "r.test/brief:1", .username = "u", .password = "p" };

	for (size_t i = 0; i < WAITS; i++)
		want_name(b, &all[i], "r.test/brief:1");
	want(b, &other, &elsewhere); /* another's credentials are no matter of theirs */
	for (size_t i = 0; i < WAITS; i++)
		assert_int_equal(await(b, &all[i]), 0);
	assert_int_equal(await(b, &other), 0);
	await_asked(b,
		    "pull --address /nonexistent --namespace nomad --mark davit.made-for=nomad --no-authfile --progress json "
		    "r.test/brief:1",
		    1);
	await_asked(b, "--no-authfile --login --progress json r.test/brief:1 {\"username\":\"u\",\"password\":\"p\"}", 1);
	await_asked(b, "pull", 2);
}

/* As many as may be run; the others have their turn. */
/* Of options that another owner has, there is one for each containerd. */
static void each_where_it_is_wanted(void **state)
{
	struct bed *b = *state;
	struct driver_conf *there = conf_new("/elsewhere");
	const struct image_want here = { .name = "r.test/brief:1" }, other = { .conf = there, .name = "r.test/brief:1" };
	struct one o[3];
	struct err err = ERR_INIT;

	want(b, &o[0], &here);
	want(b, &o[1], &other);
	want(b, &o[2], &other);
	driver_conf_unref(there);
	for (size_t i = 0; i < 3; i++)
		OK(await(b, &o[i]));
	await_asked(b, "pull --address /nonexistent ", 1);
	await_asked(b, "pull --address /elsewhere ", 1);
}

static void queues(void **state)
{
	struct bed *b = *state;
	static struct one all[WAITS];

	for (size_t i = 0; i < WAITS; i++) {
		_cleanup_free_ char *name = mem_printf("r.test/quick:%zu", i);

		want_name(b, &all[i], name);
	}
	for (size_t i = 0; i < WAITS; i++)
		assert_int_equal(await(b, &all[i]), 0);
	await_asked(b, "pull", WAITS);
}

static void errors_are_told(void **state)
{
	static const struct {
		const char *name;
		int r;
		bool may_come;
		const char *words;
	} rows[] = {
		{ "r.test/denied:1", -ERR_UNAUTHENTICATED, false,
		  "pull access denied, repository does not exist or may require authorization: it wants a login" },
		{ "r.test/absent:1", -ERR_NOT_FOUND, false,
		  "pull access denied, repository does not exist or may require authorization: not found at registry" },
		{ "r.test/down:1", -ERR_UNAVAILABLE, true, "HTTP status 503" },
		{ "r.test/crash:1", -ERR_INTERNAL, true, "davit-image gave no answer: killed by signal 9 (Killed)" },
	};
	struct bed *b = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct one o;

		want_name(b, &o, rows[i].name);
		assert_int_equal(await(b, &o), rows[i].r);
		if (!strstr(o.err.msg, rows[i].words))
			fail_msg("%s: %s", rows[i].name, o.err.msg);
		assert_int_equal(image_may_come(o.r), rows[i].may_come);
	}
}

static void auth_may_be_soft(void **state)
{
	struct bed *b = *state;
	struct image_want w = { .name = "r.test/soft:1", .helper = "x", .auth_file = "/etc/docker.json" };
	struct one o;

	want(b, &o, &w);
	assert_int_equal(await(b, &o), -ERR_UNAUTHENTICATED);
	assert_non_null(strstr(o.err.hint, "option auth"));
	await_asked(b, "--mark davit.made-for=nomad --authfile /etc/docker.json --helper x --progress", 1);
	w.auth_soft_fail = true;
	want(b, &o, &w);
	assert_int_equal(await(b, &o), 0);
	await_asked(b, "pull", 3);
	w.name = "r.test/denied:1"; /* nobody may not, either: twice and no more */
	want(b, &o, &w);
	assert_int_equal(await(b, &o), -ERR_UNAUTHENTICATED);
	await_asked(b, "denied:1", 2);
}

/* Another's is no matter of its own. */
static void softness_is_each_ones(void **state)
{
	struct bed *b = *state;
	const struct image_want soft = { .name = "r.test/soft:1", .helper = "x", .auth_soft_fail = true },
				hard = { .name = "r.test/soft:1", .helper = "x" };
	const struct image_want nobody = { .name = "r.test/brief:1" },
				soft_nobody = { .name = "r.test/brief:1", .auth_soft_fail = true };
	struct one first, second, third, fourth;

	want(b, &first, &soft);
	want(b, &second, &hard);
	want(b, &third, &nobody);
	want(b, &fourth, &soft_nobody);
	assert_int_equal(await(b, &first), 0);
	assert_int_equal(await(b, &second), -ERR_UNAUTHENTICATED);
	assert_int_equal(await(b, &third), 0);
	assert_int_equal(await(b, &fourth), 0);
	await_asked(b, "brief:1", 1);
}

static void time_runs_out(void **state)
{
	struct bed *b = *state;
	const struct image_want brief = { .name = "r.test/slow:1", .timeout_ns = NSEC_PER_SEC };
	struct one o, patient, deaf;

	want(b, &o, &brief);
	want_name(b, &patient, "r.test/slow:1");
	assert_int_equal(await(b, &o), -ERR_DEADLINE);
	assert_string_equal(o.err.msg, "image r.test/slow:1: not there within 1 s");
	assert_non_null(strstr(o.err.hint, "image_pull_timeout"));
	await_asked(b, "pull", 1);
	assert_int_equal(patient.told, 0); /* it has all the time there is */
	image_wait_end(&patient.wait);
	image_wait_end(&patient.wait);
	await_asked(b, "interrupted r.test/slow:1", 1);
	want_name(b, &deaf, "r.test/deaf:1"); /* is killed with what it is of */
	await_asked(b, "pull", 2);
	image_wait_end(&deaf.wait);
	assert_int_equal(patient.told + deaf.told, 0);
}

static void silence_ends_it(void **state)
{
	struct bed *b = *state;
	const int64_t began = clock_mono();
	struct one o, talks;

	b->conf->pull_activity_timeout = 10 * NSEC_PER_SEC; /* more than a busy machine keeps one silent that talks once in 1 s */
	task_images_configure(b->images, NULL, b->conf);
	want_name(b, &talks, "r.test/talks:1");
	want_name(b, &o, "r.test/silent:1");
	assert_int_equal(await(b, &o), -ERR_DEADLINE);
	assert_string_equal(o.err.msg, "image r.test/silent:1: nothing came for 10 s");
	assert_int_equal(await(b, &talks), 0);
	assert_true(talks.events >= 2 && talks.events <= 1 + (clock_mono() - began) / (5 * NSEC_PER_SEC)); /* in 7 s and more */
	assert_string_equal(talks.image, "r.test/talks:1");
	if (strncmp(talks.event, "Pulled 0 of 1 layers (0.", 24) != 0)
		fail_msg("%s", talks.event);
}

static void archives_are_read(void **state)
{
	struct bed *b = *state;
	_cleanup_free_ char *path = mem_printf("%s/x.tar", b->dir);
	struct image_want w = { .name = "docker.io/library/read:1", .load_name = "x.tar" };
	struct one o, again, other;

	w.load_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(w.load_fd, "archive", 7), 7);
	want(b, &o, &w);
	assert_string_equal(o.event, "Loading image");
	want(b, &again, &w);
	w.name = "docker.io/library/another:1"; /* its words name the archive as the job does */
	want(b, &other, &w);
	(void)close(w.load_fd);
	assert_int_equal(await(b, &o), 0);
	assert_int_equal(await(b, &again), 0);
	assert_int_equal(await(b, &other), -ERR_PRECONDITION);
	assert_string_equal(other.err.msg, "archive x.tar: no image of the name docker.io/library/another:1 is in it");
	assert_string_equal(other.err.hint, "docker login");
	await_asked(b,
		    "load --address /nonexistent --namespace nomad --mark davit.made-for=nomad --progress json "
		    "--only docker.io/library/read:1 --input /proc/self/fd/3",
		    2);
}

/* Nor is it pulled by its name then, from whom it may. */
static void an_archive_that_cannot_be_kept(void **state)
{
	struct bed *b = *state;
	struct image_want w = { .name = "r.test/either:1", .load_name = "x.tar", .load_fd = STDERR_FILENO };
	struct rlimit limit, few;
	struct one o, pulled;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = (struct rlimit){ .rlim_cur = 4, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	want(b, &o, &w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_string_equal(o.event, "Loading image");
	want_name(b, &pulled, "r.test/either:1");
	assert_true(await(b, &o) < 0);
	assert_non_null(strstr(o.err.msg, "archive x.tar: "));
	assert_int_equal(await(b, &pulled), 0);
	await_asked(b, "pull", 1);
}

static void ends_with_waits(void **state)
{
	struct bed *b = *state;
	static struct one o, p, q;

	want_name(b, &o, "r.test/slow:1");
	want_name(b, &p, "r.test/slow:2");
	await_asked(b, "pull", 2);
	want_name(b, &q, "r.test/slow:3"); /* not begun */
}

static void on_first_done(void *arg, int r, const struct err *err)
{
	struct one *pair = arg;

	on_done(arg, r, err);
	image_wait_end(&pair[1].wait);
}

/* As when the client goes while it is answered. */
static void one_ends_another(void **state)
{
	struct bed *b = *state;
	static struct one pair[2], later;

	want_name(b, &pair[0], "r.test/brief:1");
	pair[0].wait.done = on_first_done;
	want_name(b, &pair[1], "r.test/brief:1");
	assert_int_equal(await(b, &pair[0]), 0);
	assert_int_equal(pair[1].told, 0);
	want_name(b, &later, "r.test/quick:1");
	assert_int_equal(await(b, &later), 0);
}

static void progress_reads(void **state)
{
	_cleanup_(image_progress_done) struct image_progress p = { 0 };
	_cleanup_buf_ struct buf lines = { 0 };
	char out[IMAGE_PROGRESS_TEXT];

	(void)state;
	assert_false(image_progress_read(&p, &lines));
	buf_adds(&lines,
		 "{\"status\":\"x: pulling\"}\nnoise\n{\"layer\":\"a\",\"status\":\"waiting\",\"offset\":0,\"size\":2000000}\n"
		 "{\"layer\":\"b\",\"status\":\"done\",\"offset\":1500000,\"size\":1500000}\n{\"layer\":\"c\"");
	assert_true(image_progress_read(&p, &lines));
	assert_false(image_progress_read(&p, &lines));
	assert_true(image_progress_text(&p, out));
	assert_string_equal(out, "Pulled 1 of 2 layers (1.5 of 3.5 MB)");
	assert_false(image_progress_text(&p, out));
	buf_adds(&lines, ",\"size\":7}\n");
	assert_true(image_progress_read(&p, &lines));
	assert_true(image_progress_text(&p, out));
	assert_int_equal(lines.len, 0);
	buf_adds(&lines, "{\"layer\":\"a\",\"status\":\"unpacking\",\"offset\":0,\"size\":2000000}\n");
	assert_true(image_progress_read(&p, &lines)); /* a sign of life, and nothing that a task's events should have again */
	assert_false(image_progress_text(&p, out));
	for (int i = 0; i < 70000; i++)
		buf_addc(&lines, 'x');
	assert_true(image_progress_read(&p, &lines));
	assert_int_equal(lines.len, 0);
}

/* the collection */

/* A fake containerd, a plugin whose workers talk to it, and a look at it of our own. */
struct yard {
	struct loop *loop;
	struct fake *fake;
	struct core *core;
	struct driver_conf *conf;
	struct desk *desk; /* for its workers */
	struct plugin *plugin;
	char dir[32], *socket;
};

static int yard_make(void **state)
{
	static const struct plugin_method *const tables[] = { NULL };
	struct yard *y = mem_new(struct yard);
	struct core_conf how = { .ns = "nomad", .run_dir = "/tmp", .data_dir = "/tmp" };
	struct plugin_conf plugin = { .tables = tables, .threads = 2, .begin = desk_worker_begin, .end = desk_worker_end };
	struct err err = ERR_INIT;

	(void)snprintf(y->dir, sizeof y->dir, "/tmp/davit-test-XXXXXX");
	assert_non_null(mkdtemp(y->dir));
	y->socket = mem_printf("%s/plugin", y->dir);
	y->loop = loop_new();
	OK(fake_start(y->loop, &y->fake, &err));
	y->conf = conf_new(fake_address(y->fake));
	how.address = fake_address(y->fake);
	OK(core_open(&how, &y->core, &err));
	plugin.path = y->socket;
	plugin.app = y->desk = desk_new(y->loop);
	OK(plugin_new(y->loop, &plugin, &y->plugin, &err));
	*state = y;
	return 0;
}

static int yard_end(void **state)
{
	struct yard *y = *state;

	plugin_free(y->plugin);
	desk_free(y->desk);
	core_free(y->core);
	driver_conf_unref(y->conf);
	fake_free(y->fake);
	loop_free(y->loop);
	assert_int_equal(file_remove_tree(y->dir, NULL), 0);
	free(y->socket);
	free(y);
	return 0;
}

static bool image_is_there(struct core *core, const char *name)
{
	const struct ctx ctx = ctx_within(NULL, WITHIN_MS);
	_cleanup_(ctrd_image_done) struct ctrd_image i = { 0 };

	return images_get(core->ctrd, name, &ctx, &i, NULL) == 0;
}

static void await_gone(struct loop *loop, struct core *core, const char *name)
{
	const struct ctx ctx = ctx_within(NULL, WITHIN_MS);

	while (image_is_there(core, name))
		assert_int_equal(loop_pause(loop, 50, &ctx, NULL), 0);
}

static void image_mark(struct core *core, const char *name)
{
	const struct ctx ctx = ctx_within(NULL, WITHIN_MS);
	_cleanup_(ctrd_image_done) struct ctrd_image i = { 0 };
	struct err err = ERR_INIT;

	OK(images_get(core->ctrd, name, &ctx, &i, &err));
	dict_set(&i.labels, IMAGE_MADE_FOR, IMAGE_MADE_FOR_NOMAD);
	OK(images_update(core->ctrd, &i, &ctx, &err));
}

static void container_make(struct core *core, const char *id, const char *image)
{
	const struct ctx ctx = ctx_within(NULL, WITHIN_MS);
	struct ctrd_container c = {
		.id = (char *)(uintptr_t)id,
		.image = (char *)(uintptr_t)image,
		.runtime = (char[]){ "r" },
		.snapshotter = (char[]){ "overlayfs" },
		.spec = { .type_url = (char[]){ "spec" }, .value = { .data = (char[]){ "{}" }, .len = 2 } },
	};
	struct err err = ERR_INIT;

	OK(containers_create(core->ctrd, &c, &ctx, &err));
}

/* Others' images stay, and what a container or a start has. */
static void unused_ones_go(void **state)
{
	static const char *const names[] = { "r.test/idle:1", "r.test/used:1", "r.test/held:1", "r.test/others:1" };
	struct yard *y = *state;
	const struct ctx ctx = ctx_within(NULL, WITHIN_MS);
	struct task_images *images;
	struct image_hold hold = { 0 };
	struct err err = ERR_INIT;
	int64_t since;

	for (size_t i = 0; i < 4; i++) {
		OK(fake_seed_image(y->fake, "nomad", names[i], &err));
		if (i < 3)
			image_mark(y->core, names[i]);
	}
	container_make(y->core, "c", names[1]);
	y->conf->gc.image = true;
	y->conf->gc.image_delay = NSEC_PER_SEC;
	since = clock_mono();
	images = task_images_new(y->loop, y->conf);
	task_images_configure(images, y->plugin, y->conf);
	task_images_hold(images, names[2], &hold);
	await_gone(y->loop, y->core, names[0]);
	assert_true(clock_mono() - since >= NSEC_PER_SEC);
	OK(loop_pause(y->loop, 2500, NULL, &err));
	for (size_t i = 1; i < 4; i++)
		assert_true(image_is_there(y->core, names[i]));
	image_hold_done(&hold);
	await_gone(y->loop, y->core, names[2]);
	OK(containers_delete(y->core->ctrd, "c", &ctx, &err));
	task_images_look(images);
	await_gone(y->loop, y->core, names[1]);
	assert_true(image_is_there(y->core, names[3]));
	assert_true(plugin_drain(y->plugin, 5000));
	task_images_free(images);
}

/* Whether the switch is off, or containerd cannot be asked. */
static void or_stay(void **state)
{
	struct yard *y = *state;
	struct task_images *images;
	struct err err = ERR_INIT;

	OK(fake_seed_image(y->fake, "nomad", "r.test/idle:1", &err));
	image_mark(y->core, "r.test/idle:1");
	y->conf->gc.image = false;
	y->conf->gc.image_delay = 1;
	images = task_images_new(y->loop, y->conf);
	task_images_configure(images, y->plugin, y->conf);
	OK(loop_pause(y->loop, 1500, NULL, &err));
	assert_true(image_is_there(y->core, "r.test/idle:1"));
	y->conf->gc.image = true;
	OK(fake_fault(y->fake, &err, "Containers/ListStream:fail"));
	task_images_configure(images, y->plugin, y->conf);
	OK(loop_pause(y->loop, 2500, NULL, &err));
	assert_true(image_is_there(y->core, "r.test/idle:1"));
	OK(fake_reset(y->fake, &err));
	task_images_look(images);
	await_gone(y->loop, y->core, "r.test/idle:1");
	assert_true(plugin_drain(y->plugin, 5000));
	task_images_free(images);
}

static void logs_in_by_order(void **state)
{
	const struct conf_auth none = { 0 }, user = { .username = (char[]){ "u" }, .password = (char[]){ "p" } },
			       file = { .config = (char[]){ "/f" }, .helper = (char[]){ "h" } },
			       helper = { .helper = (char[]){ "h" } };
	const struct conf_auth hub = { .username = (char[]){ "hub" },
				       .password = (char[]){ "p" },
				       .server = (char[]){ "https://index.docker.io/v1/" } };
	const struct conf_auth there = { .username = (char[]){ "there" },
					 .password = (char[]){ "p" },
					 .server = (char[]){ "r.test:5000" } };
	const struct {
		const char *host;
		const struct conf_auth *task, *plugin;
		const char *username, *file, *helper;
	} rows[] = {
		{ "docker.io", &none, &none, NULL, NULL, NULL },    { "docker.io", &user, &file, "u", NULL, NULL },
		{ "docker.io", &file, &user, NULL, "/f", "h" },     { "docker.io", &helper, &file, NULL, NULL, "h" },
		{ "docker.io", &none, &user, "u", NULL, NULL },     { "docker.io", &hub, &user, "hub", NULL, NULL },
		{ "r.test:5000", &hub, &user, "u", NULL, NULL },    { "r.test:5000", &there, &user, "there", NULL, NULL },
		{ "r.test:5001", &there, &none, NULL, NULL, NULL }, { "docker.io", NULL, &hub, "hub", NULL, NULL },
		{ "notdocker.io", &hub, &none, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct image_want w = { 0 };

		image_want_login(&w, rows[i].host, rows[i].task, rows[i].plugin);
		assert_string_equal(w.username ? w.username : "", rows[i].username ? rows[i].username : "");
		assert_string_equal(w.auth_file ? w.auth_file : "", rows[i].file ? rows[i].file : "");
		assert_string_equal(w.helper ? w.helper : "", rows[i].helper ? rows[i].helper : "");
	}
}

#define WITH_YARD(test) cmocka_unit_test_setup_teardown(test, yard_make, yard_end)
#define WITH_BED(test) cmocka_unit_test_setup_teardown(test, bed_make, bed_end)

RUN_TESTS("images", WITH_BED(one_pull_for_many), WITH_BED(each_where_it_is_wanted), WITH_BED(queues), WITH_BED(errors_are_told),
	  WITH_BED(auth_may_be_soft), WITH_BED(time_runs_out), WITH_BED(silence_ends_it), WITH_BED(archives_are_read),
	  WITH_BED(an_archive_that_cannot_be_kept), WITH_BED(softness_is_each_ones), WITH_BED(ends_with_waits),
	  WITH_BED(one_ends_another), cmocka_unit_test(progress_reads), cmocka_unit_test(logs_in_by_order),
	  WITH_YARD(unused_ones_go), WITH_YARD(or_stay))
