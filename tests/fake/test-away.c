/* No absence of containerd destroys: whatever it does not answer, refuses or answers with nonsense, and whoever asks, a job that
 * runs keeps its task, record, claim, network namespace and files. */
#include "test.h"
#include "fake.h"
#include "file.h"
#include "job-remove.h"
#include "job-run.h"
#include "log.h"
#include "mem.h"
#include "places.h"
#include "reconcile.h"
#include "remains.h"
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>

#define IMAGE "docker.io/library/x:latest"

enum { ASKING_MS = 250, CALLS_MAX = 60 };

struct stage {
	struct loop *loop;
	struct fake *fake;
	char dir[32], *run, *data, *id;
	bool netns; /* we may make network namespaces */
};

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static struct core *open_core(const struct stage *s, struct err *err)
{
	const struct core_conf conf = { .address = fake_address(s->fake),
					.ns = FAKE_NS,
					.run_dir = s->run,
					.data_dir = s->data,
					.call_ms = ASKING_MS,
					.undo_ms = ASKING_MS,
					.cni = { CNI_PATH_DEFAULT, "/nonexistent", s->data } };
	struct core *core = NULL;

	return core_open(&conf, &core, err) < 0 ? NULL : core;
}

static int run_victim(struct core *c, const struct stage *s, bool remove, const struct ctx *ctx, char **ret_id, struct err *err)
{
	const struct run_opts opts = { .mode = RUN_DETACHED };
	struct job *job = job_new();
	struct run_result res = { 0 };
	int r;

	job->network = mem_strdup(s->netns ? "none" : "host");
	job->name = mem_strdup("victim");
	job->remove = remove;
	job->tasks[0].image = mem_strdup("x");
	job->tasks[0].user = mem_strdup("0:0");
	job->tasks[0].pull = PULL_NEVER;
	job->tasks[0].log = JOB_LOG_NONE;
	r = job_run(c, job, &opts, ctx, &res, err);
	if (r >= 0 && ret_id)
		*ret_id = TAKE_PTR(res.id);
	run_result_done(&res);
	job_free(job);
	return r;
}

/* -- those who ask -------------------------------------------------------------------------------------------------------- */

static void prune(struct core *c, const struct stage *s, const struct ctx *ctx)
{
	struct strv removed = { 0 };

	(void)s;
	(void)job_prune(c, true, true, false, ctx, &removed, NULL);
	strv_done(&removed);
}

static void remove_gently(struct core *c, const struct stage *s, const struct ctx *ctx)
{
	(void)s;
	assert_true(job_remove(c, "victim", false, true, ctx, NULL) < 0);
}

/* As who believes to have seen the end. */
static void after_end(struct core *c, const struct stage *s, const struct ctx *ctx)
{
	_cleanup_(record_done) struct record rec = { 0 };

	if (record_find(c, s->id, ctx, &rec, NULL) >= 0)
		(void)remains_after_end(c, &rec, ctx, NULL);
}

static void settle(struct core *c, const struct stage *s, const struct ctx *ctx)
{
	_cleanup_(record_done) struct record rec = { 0 };

	if (record_find(c, s->id, ctx, &rec, NULL) >= 0)
		(void)remains_settle(c, &rec, ctx, NULL);
}

static void by_name(struct core *c, const struct stage *s, const struct ctx *ctx)
{
	(void)s;
	assert_true(reconcile_name(c, "victim", ctx, NULL) <= 0);
}

static void run_another(struct core *c, const struct stage *s, const struct ctx *ctx)
{
	assert_true(run_victim(c, s, false, ctx, NULL, NULL) < 0);
}

static void start_again(struct core *c, const struct stage *s, const struct ctx *ctx)
{
	const struct run_opts opts = { .mode = RUN_DETACHED };
	struct run_result res = { 0 };

	(void)s;
	(void)job_start(c, "victim", &opts, ctx, &res, NULL);
	run_result_done(&res);
}

static const struct asker {
	const char *name;
	void (*ask)(struct core *, const struct stage *, const struct ctx *);
} askers[] = { { "prune", prune },      { "rm", remove_gently },        { "who saw the end", after_end }, { "settle", settle },
	       { "the name", by_name }, { "another run", run_another }, { "start", start_again } };

/* -- what must stay ------------------------------------------------------------------------------------------------------- */

static void list_tree(const char *path, struct buf *out)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *sub = mem_printf("%s/%s", path, e->d_name);

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		buf_addf(out, "%s\n", sub);
		if (e->d_type == DT_DIR)
			list_tree(sub, out);
	}
	if (d)
		assert_int_equal(closedir(d), 0);
}

static void state_of(const struct stage *s, struct buf *out)
{
	struct err err = ERR_INIT;

	must(fake_dump(s->fake, out, &err), &err);
	list_tree(s->run, out);
	list_tree(s->data, out);
	if (s->netns)
		list_tree("/run/netns", out);
}

/* Each line of @before is still there. */
static void check_kept(const struct stage *s, const struct buf *before, const char *who, const char *fault)
{
	_cleanup_buf_ struct buf now = { 0 };
	_cleanup_strv_ struct strv lines = { 0 }, found = { 0 };

	state_of(s, &now);
	strv_split(&lines, buf_str(before), "\n");
	strv_split(&found, buf_str(&now), "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (!strstr(lines.v[i], " image ") && !strv_has(&found, lines.v[i]))
			fail_msg("%s, %s: gone: %s", who, fault, lines.v[i]);
}

/* How many calls were made. */
static unsigned ask_once(const struct stage *s, const struct asker *a, const char *fault, const struct buf *before)
{
	struct err err = ERR_INIT;
	const struct ctx limit = ctx_within(NULL, ASKING_MS);
	struct core *core;
	unsigned n;

	must(fake_reset(s->fake, &err), &err);
	must(fake_fault(s->fake, &err, "%s", fault), &err);
	core = open_core(s, &err);
	if (core)
		a->ask(core, s, &limit);
	core_free(core);
	n = fake_count(s->fake);
	must(fake_reset(s->fake, &err), &err);
	check_kept(s, before, a->name, fault);
	return n;
}

static void each_call(const struct stage *s, const char *what)
{
	_cleanup_buf_ struct buf before = { 0 };

	state_of(s, &before);
	for (size_t i = 0; i < sizeof askers / sizeof *askers; i++)
		for (unsigned n = 1; n < CALLS_MAX; n++) {
			_cleanup_free_ char *fault = mem_printf("%u:%s", n, what);

			if (ask_once(s, &askers[i], fault, &before) < n)
				break;
		}
}

static void each_asker(const struct stage *s, const char *fault)
{
	_cleanup_buf_ struct buf before = { 0 };

	state_of(s, &before);
	for (size_t i = 0; i < sizeof askers / sizeof *askers; i++)
		ask_once(s, &askers[i], fault, &before);
}

static void each_method(const struct stage *s, const char *what)
{
	static const char *const methods[] = { "Tasks/Get", "Tasks/List", "Containers/Get", "Containers/List", "Leases/List" };

	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		_cleanup_free_ char *fault = mem_printf("%s:%s", methods[i], what);

		each_asker(s, fault);
	}
}

/* A file of each kind that a job has, since its logger is not there. */
static void start_victim(struct stage *s, bool remove)
{
	struct err err = ERR_INIT;
	struct core *core = open_core(s, &err);
	_cleanup_free_ char *dir = NULL, *path = NULL;

	assert_non_null(core);
	free(TAKE_PTR(s->id));
	must(run_victim(core, s, remove, NULL, &s->id, &err), &err);
	dir = places_logs(core, s->id);
	path = places_log(core, s->id);
	must(file_mkdirs_private(dir, &err), &err);
	must(file_write(path, "said\n", 5, 0600, &err), &err);
	core_free(core);
}

/* The proof that the test can fail: with containerd's word all of it goes. */
static void end_victim(struct stage *s)
{
	struct err err = ERR_INIT;
	struct core *core = open_core(s, &err);
	_cleanup_buf_ struct buf now = { 0 };

	must(fake_exit(s->fake, FAKE_NS, s->id, NULL, 0, &err), &err);
	prune(core, s, NULL);
	core_free(core);
	state_of(s, &now);
	if (strstr(buf_str(&now), s->id))
		fail_msg("left: %s", buf_str(&now));
}

static void a_job_that_runs_keeps_all(void **state)
{
	static const char *const faults[] = { "fail", "fail=2", "fail=4", "hang", "drop", "after-fail", "after-drop" };
	struct stage *s = *state;

	for (int remove = 0; remove < 2; remove++) {
		start_victim(s, remove);
		for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
			each_method(s, faults[i]);
			if (strcmp(faults[i], "hang") != 0) /* the methods have had that, and it takes its time */
				each_call(s, faults[i]);
		}
		each_asker(s, "Tasks/Get:raw="); /* a task without a state */
		end_victim(s);
	}
}

/* Our own mounts and network namespaces, where we may make them. */
static bool isolate(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0;
}

static int set_up(void **state)
{
	static struct stage s;
	struct err err = ERR_INIT;

	log_init(LOG_ERROR, false);
	memcpy(s.dir, "/tmp/davit-away-XXXXXX", 23);
	if (!mkdtemp(s.dir))
		return -1;
	s.netns = isolate();
	s.run = mem_printf("%s/run", s.dir);
	s.data = mem_printf("%s/data", s.dir);
	s.loop = loop_new();
	if (fake_start(s.loop, &s.fake, &err) < 0 || fake_seed_image(s.fake, FAKE_NS, IMAGE, &err) < 0) {
		print_error("%s\n", err.msg);
		return -1;
	}
	*state = &s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	fake_free(s->fake);
	loop_free(s->loop);
	(void)file_remove_tree(s->dir, NULL);
	free(s->run);
	free(s->data);
	free(s->id);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_job_that_runs_keeps_all) };

	return cmocka_run_group_tests_name("away", tests, set_up, tear_down);
}
