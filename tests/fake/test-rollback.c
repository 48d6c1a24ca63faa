/* Rollback torture: for every call of a run, that call fails, hangs, loses its connection, or is done but its answer is lost.
 * Afterwards containerd's state, our folders, the network namespaces and our descriptors are as before; what a removal that
 * was disturbed has left is found by prune. */
#include "test.h"
#include "claim.h"
#include "containers.h"
#include "fake.h"
#include "file.h"
#include "job-remove.h"
#include "job-run.h"
#include "log.h"
#include "mem.h"
#include "set-run.h"
#include "tasks.h"
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE "docker.io/library/x:latest"

struct stage {
	struct loop *loop;
	struct fake *fake;
	char dir[32], *run, *data;
	bool netns; /* we may make network namespaces */
	bool hasty; /* a call that is not answered is soon given up */
	bool set;   /* a set of jobs is run instead of one */
};

static size_t open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	assert_int_equal(closedir(d), 0);
	return n;
}

/* Every file below @path, so that what stays behind shows by name. */
static void list_tree(const char *path, struct buf *out)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		char *sub = mem_printf("%s/%s", path, e->d_name);

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			if (e->d_type == DT_DIR)
				list_tree(sub, out);
			else
				buf_addf(out, "%s\n", sub);
		}
		free(sub);
	}
	if (d)
		assert_int_equal(closedir(d), 0);
}

static void snapshot_of(struct stage *s, struct buf *out)
{
	struct err err = ERR_INIT;

	if (fake_dump(s->fake, out, &err) < 0)
		fail_msg("%s", err.msg);
	list_tree(s->run, out);
	list_tree(s->data, out);
	if (s->netns)
		list_tree("/run/netns", out);
}

/* Long times matter only where something hangs. */
static int patience(const struct stage *s) { return s->hasty ? 1 : 20; }

static struct core_conf conf_of(const struct stage *s)
{
	return (struct core_conf){ .address = fake_address(s->fake),
				   .ns = FAKE_NS,
				   .run_dir = s->run,
				   .data_dir = s->data,
				   .call_ms = 150 * patience(s),
				   .undo_ms = 800 * patience(s),
				   .cni = { CNI_PATH_DEFAULT, "/nonexistent", s->data } };
}

static struct job *job_to_run(const struct stage *s, bool remove)
{
	struct job *job = job_new();

	job->network = mem_strdup(s->netns ? "none" : "host");
	job->name = mem_strdup("victim");
	job->remove = remove;
	job->tasks[0].image = mem_strdup("x");
	job->tasks[0].user = mem_strdup("0:0");
	job->tasks[0].pull = PULL_NEVER;
	job->tasks[0].log = JOB_LOG_NONE;
	return job;
}

enum { SET_JOBS = 3 };
static const char *const set_names[SET_JOBS] = { "victim", "second", "third" };

/* The last waits for the first. */
static struct jobset *set_to_run(const struct stage *s, bool remove)
{
	struct jobset *set = jobset_new();

	set->jobs = mem_array(struct job, SET_JOBS);
	for (; set->n_jobs < SET_JOBS; set->n_jobs++) {
		struct job *one = job_to_run(s, remove);

		free(one->name);
		one->name = mem_strdup(set_names[set->n_jobs]);
		set->jobs[set->n_jobs] = *one;
		free(one);
	}
	set->jobs[SET_JOBS - 1].depends_on = mem_array(struct depend, 1);
	set->jobs[SET_JOBS - 1].depends_on[0].name = mem_strdup(set_names[0]);
	set->jobs[SET_JOBS - 1].n_depends_on = 1;
	return set;
}

static int run_set_once(struct stage *s, struct core *core, const struct run_opts *opts, bool remove, const struct ctx *ctx,
			struct err *err)
{
	struct jobset *set = set_to_run(s, remove);
	struct set_result res = { 0 };
	int r = set_run(core, set, opts, ctx, &res, err);

	set_result_done(&res);
	jobset_free(set);
	return r;
}

/* One run over a connection of its own; returns job_run()'s result. */
static int run_once(struct stage *s, enum run_mode mode, bool remove, struct err *err)
{
	const struct core_conf conf = conf_of(s);
	const struct run_opts opts = { .mode = mode };
	struct job *job = job_to_run(s, remove);
	struct run_result res = { 0 };
	struct core *core = NULL;
	struct ctx ctx = ctx_within(NULL, 5000 * patience(s));
	int r = core_open(&conf, &core, err);

	if (r >= 0)
		r = s->set ? run_set_once(s, core, &opts, remove, &ctx, err) : job_run(core, job, &opts, &ctx, &res, err);
	run_result_done(&res);
	core_free(core);
	job_free(job);
	return r;
}

/* Stop and remove what a run that succeeded left, or what a disturbed removal did. */
static void tidy(struct stage *s)
{
	const struct core_conf conf = conf_of(s);
	struct core *core = NULL;
	struct err err = ERR_INIT;
	struct strv removed = { 0 };
	int r = core_open(&conf, &core, &err);

	if (r >= 0)
		r = job_prune(core, false, false, false, NULL, &removed, &err);
	if (r < 0)
		fail_msg("prune: %s", err.msg);
	for (size_t i = 0; i < (s->set ? SET_JOBS : 1); i++) {
		err_clear(&err);
		r = job_remove(core, set_names[i], true, true, NULL, &err);
		if (r < 0 && r != -ERR_NOT_FOUND)
			fail_msg("remove: %s", err.msg);
	}
	strv_done(&removed);
	core_free(core);
}

/* Prints the lines of @a that @b lacks, and counts them. An image may have got a label that makes it found faster. */
static unsigned print_extra(const char *mark, const struct buf *a, const struct buf *b)
{
	struct strv lines = { 0 }, others = { 0 };
	unsigned n = 0;

	strv_split(&lines, buf_str(a), "\n");
	strv_split(&others, buf_str(b), "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (!strv_has(&others, lines.v[i]) && !strstr(lines.v[i], " image " IMAGE)) {
			print_error("%s %s\n", mark, lines.v[i]);
			n++;
		}
	strv_done(&lines);
	strv_done(&others);
	return n;
}

/* Was call @n of method @method? A Wait that never answers is no failed start: the job runs on, as when its davit was killed. */
static bool was_call(struct stage *s, unsigned n, const char *method)
{
	struct buf calls = { 0 };
	struct strv lines = { 0 };
	char *head = mem_printf("%u ", n);
	bool was = false;

	assert_int_equal(fake_calls(s->fake, &calls, NULL), 0);
	strv_split(&lines, buf_str(&calls), "\n");
	for (size_t i = 0; i < lines.n; i++)
		was |= !strncmp(lines.v[i], head, strlen(head)) && strstr(lines.v[i], method) != NULL;
	free(head);
	buf_done(&calls);
	strv_done(&lines);
	return was;
}

struct torture {
	enum run_mode mode;
	bool remove;
	const char *what;
	struct buf before;
	unsigned failed;
};

/* With call @n disturbed: how many lines are not as before. *@ret_last: there was no such call. @hasty: most of them can be, and
 * all of it takes a while. */
static unsigned disturb(struct stage *s, struct torture *t, unsigned n, bool hasty, bool *ret_last, struct err *err)
{
	_cleanup_buf_ struct buf after = { 0 };
	struct err ferr = ERR_INIT;
	bool waited;
	int r;

	if (fake_reset(s->fake, &ferr) < 0 || fake_fault(s->fake, &ferr, "%u:%s", n, t->what) < 0)
		fail_msg("%s", ferr.msg);
	s->hasty = hasty;
	r = run_once(s, t->mode, t->remove, err);
	s->hasty = false;
	*ret_last = fake_count(s->fake) < n;
	waited = was_call(s, n, "/Wait");
	if (fake_reset(s->fake, &ferr) < 0)
		fail_msg("%s", ferr.msg);
	if (r < 0)
		assert_true(err->msg[0]);
	t->failed += r < 0;
	if (r >= 0 || waited)
		tidy(s);
	snapshot_of(s, &after);
	return print_extra("gone:", &t->before, &after) + print_extra("left:", &after, &t->before);
}

/* What a machine that is too busy for our short times has left is tidied away, and the call disturbed again in long ones. */
static bool disturb_patiently(struct stage *s, struct torture *t, unsigned n)
{
	struct err err = ERR_INIT;
	bool last;

	if (!disturb(s, t, n, true, &last, &err))
		return last;
	print_message("call %u: %s: not as before after: %s: once more, with more time\n", n, t->what, err.msg);
	tidy(s);
	err_clear(&err);
	if (disturb(s, t, n, false, &last, &err))
		fail_msg("call %u: %s: not as before after: %s", n, t->what, err.msg[0] ? err.msg : "success");
	return last;
}

static void torture(struct stage *s, enum run_mode mode, bool remove, const char *what)
{
	struct torture t = { mode, remove, what, { 0 }, 0 };
	size_t fds = open_fds();
	unsigned n = 1;

	snapshot_of(s, &t.before);
	while (!disturb_patiently(s, &t, n))
		n++;
	assert_true(n > 5 && t.failed > 2); /* the faults were met at all */
	assert_int_equal(open_fds(), fds);
	buf_done(&t.before);
}

static const char *const faults[] = { "fail", "fail=2", "hang", "drop", "after-fail", "after-drop" };

static void every_call_of_a_foreground_run(void **state)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		torture(*state, RUN_FOREGROUND, true, faults[i]);
}

static void every_call_of_a_detached_run(void **state)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		torture(*state, RUN_DETACHED, false, faults[i]);
}

static void every_call_of_a_create(void **state)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		torture(*state, RUN_CREATE, false, faults[i]);
}

static void every_call_of_a_set(void **state)
{
	struct stage *s = *state;

	s->set = true;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		torture(s, RUN_DETACHED, false, faults[i]);
	s->set = false;
}

static struct core *open_core(const struct stage *s)
{
	const struct core_conf conf = conf_of(s);
	struct core *core = NULL;
	struct err err = ERR_INIT;

	if (core_open(&conf, &core, &err) < 0)
		fail_msg("%s", err.msg);
	return core;
}

static int start_victim(const struct stage *s, struct err *err)
{
	const struct run_opts opts = { .mode = RUN_DETACHED };
	struct core *core = open_core(s);
	struct run_result res = { 0 };
	int r = job_start(core, "victim", &opts, NULL, &res, err);

	run_result_done(&res);
	core_free(core);
	return r;
}

/* After a prune. */
static bool victim_is_there(struct stage *s)
{
	struct core *core = open_core(s);
	struct ctrd_containers all = { 0 };
	struct strv removed = { 0 };
	bool there;

	assert_true(job_prune(core, false, false, false, NULL, &removed, NULL) >= 0);
	assert_true(containers_list(core->ctrd, NULL, NULL, &all, NULL) >= 0);
	there = all.n > 0;
	ctrd_containers_done(&all);
	strv_done(&removed);
	core_free(core);
	return there;
}

static void create_victim(struct stage *s)
{
	struct err err = ERR_INIT;

	if (run_once(s, RUN_CREATE, true, &err) < 0)
		fail_msg("%s", err.msg);
}

/* A --rm job that was created is one until it was started, whichever call of the start fails. */
static void a_created_job_outlives_a_failed_start(void **state)
{
	struct stage *s = *state;
	unsigned n, failed = 0;
	int r;

	for (n = 1;; n++) {
		struct err err = ERR_INIT;
		unsigned count;

		create_victim(s);
		assert_true(victim_is_there(s));
		if (fake_reset(s->fake, &err) < 0 || fake_fault(s->fake, &err, "%u:fail", n) < 0)
			fail_msg("%s", err.msg);
		r = start_victim(s, &err);
		count = fake_count(s->fake);
		if (fake_reset(s->fake, NULL) < 0 || (r < 0 && !victim_is_there(s)))
			fail_msg("call %u: the job is gone after: %s", n, err.msg);
		failed += r < 0;
		tidy(s);
		if (count < n)
			break;
	}
	assert_true(n > 5 && failed > 2);
}

static int make_task_unstarted(const struct stage *s, struct err *err)
{
	struct core *core = open_core(s);
	struct ctrd_containers all = { 0 };
	int r = containers_list(core->ctrd, NULL, NULL, &all, err);

	if (r >= 0)
		r = tasks_create(core->ctrd, all.v[0].id, NULL, NULL, NULL, NULL, NULL, err);
	ctrd_containers_done(&all);
	core_free(core);
	return r;
}

/* Its davit was killed between the task's creation and its start: it does not run, and can be started. */
static void one_that_waits_for_its_start_is_started(void **state)
{
	struct stage *s = *state;
	struct err err = ERR_INIT;

	create_victim(s);
	if (make_task_unstarted(s, &err) < 0 || start_victim(s, &err) < 0)
		fail_msg("%s", err.msg);
	tidy(s);
}

/* Its davit was killed between the start and the label. */
static void a_started_one_is_prey_once_it_ended(void **state)
{
	struct stage *s = *state;
	_cleanup_dict_ struct dict labels = { 0 };
	struct ctrd_containers all = { 0 };
	struct core *core;
	struct err err = ERR_INIT;

	create_victim(s);
	if (start_victim(s, &err) < 0)
		fail_msg("%s", err.msg);
	core = open_core(s);
	dict_set(&labels, RECORD_COMPLETE, "2026-01-01T00:00:00Z");
	assert_true(containers_list(core->ctrd, NULL, NULL, &all, NULL) >= 0);
	assert_int_equal(all.n, 1);
	if (containers_set_labels(core->ctrd, all.v[0].id, &labels, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	ctrd_containers_done(&all);
	core_free(core);
	assert_false(victim_is_there(s));
}

/* The record of a job of bundles names the snapshotter, too, however late containerd says which: what is left of it goes by that.
 */
static void a_bundle_waits_for_the_snapshotter(void **state)
{
	static const char config[] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"root\"},\"process\":{\"args\":[\"true\"],"
				     "\"cwd\":\"/\"},\"linux\":{\"namespaces\":%s}}";
	struct stage *s = *state;
	_cleanup_free_ char *dir = mem_printf("%s/bundle", s->dir), *root = mem_printf("%s/root", dir),
			    *path = mem_printf("%s/config.json", dir),
			    *text = mem_printf(config, s->netns ? "[{\"type\":\"network\"}]" : "[]");
	const struct run_opts opts = { .mode = RUN_CREATE };
	_cleanup_(job_freep) struct job *job = job_to_run(s, false);
	struct core *core = open_core(s);
	struct run_result res = { 0 };
	struct ctrd_containers all = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(mkdir(dir, 0700) + mkdir(root, 0700), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0600, &err), 0);
	free(job->tasks[0].image);
	job->tasks[0].image = NULL;
	job->tasks[0].pull = PULL_MISSING;
	free(job->tasks[0].user);
	job->tasks[0].user = NULL;
	job->tasks[0].bundle = mem_strdup(dir);
	if (fake_reset(s->fake, &err) < 0 || fake_fault(s->fake, &err, "Namespaces/Get:delay=100") < 0 ||
	    job_run(core, job, &opts, NULL, &res, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(containers_list(core->ctrd, NULL, NULL, &all, NULL) >= 0);
	assert_int_equal(all.n, 1);
	assert_string_equal(all.v[0].snapshotter, "overlayfs");
	ctrd_containers_done(&all);
	run_result_done(&res);
	core_free(core);
	assert_int_equal(fake_reset(s->fake, &err), 0);
	tidy(s);
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
	memcpy(s.dir, "/tmp/davit-rollback-XXXXXX", 27);
	if (!mkdtemp(s.dir))
		return -1;
	s.netns = isolate();
	if (!s.netns)
		print_message("SKIPPED: network namespaces (not root): the jobs use the host's network\n");
	s.run = mem_printf("%s/run", s.dir);
	s.data = mem_printf("%s/data", s.dir);
	s.loop = loop_new();
	if (fake_start(s.loop, &s.fake, &err) < 0 || fake_seed_image(s.fake, FAKE_NS, IMAGE, &err) < 0 ||
	    fake_program(s.fake, "*", "0", NULL, &err) < 0) {
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
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_a_foreground_run),
		cmocka_unit_test(every_call_of_a_detached_run),
		cmocka_unit_test(every_call_of_a_create),
		cmocka_unit_test(every_call_of_a_set),
		cmocka_unit_test(a_created_job_outlives_a_failed_start),
		cmocka_unit_test(one_that_waits_for_its_start_is_started),
		cmocka_unit_test(a_started_one_is_prey_once_it_ended),
		cmocka_unit_test(a_bundle_waits_for_the_snapshotter),
	};

	return cmocka_run_group_tests_name("rollback", tests, set_up, tear_down);
}
