/* A job of several tasks on the fake containerd: what its tasks do goes on side by side, it is one job to everybody else, and
 * nothing of any of them stays behind when one fails. */
#include "test.h"
#include "clock.h"
#include "fake.h"
#include "file.h"
#include "job-inspect.h"
#include "job-list.h"
#include "job-name.h"
#include "job-over.h"
#include "job-remove.h"
#include "job-run.h"
#include "job-stop.h"
#include "job-wait.h"
#include "log.h"
#include "mem.h"
#include "set-run.h"
#include "stop.h"
#include "volume.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEN = 10, THREE = 3, PATIENCE_MS = 60000 };

struct stage {
	struct loop *loop;
	struct fake *fake;
	char dir[32], *run, *data, *pulled;
	bool netns; /* we may make network namespaces */
};

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

static size_t count_in(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (d)
		assert_int_equal(closedir(d), 0);
	return n;
}

static void snapshot_of(struct stage *s, struct buf *out)
{
	struct err err = ERR_INIT;

	buf_reset(out);
	if (fake_dump(s->fake, out, &err) < 0)
		fail_msg("%s", err.msg);
	list_tree(s->run, out);
	list_tree(s->data, out);
	if (s->netns)
		list_tree("/run/netns", out);
}

static struct core *open_core_with(const struct stage *s, const char *snapshotter, int64_t call_ms)
{
	const struct core_conf conf = { .address = fake_address(s->fake),
					.ns = FAKE_NS,
					.run_dir = s->run,
					.data_dir = s->data,
					.snapshotter = snapshotter,
					.call_ms = call_ms,
					.undo_ms = 5000,
					.cni = { CNI_PATH_DEFAULT, "/nonexistent", s->data } };
	struct core *core = NULL;
	struct err err = ERR_INIT;

	if (core_open(&conf, &core, &err) < 0)
		fail_msg("%s", err.msg);
	return core;
}

static struct core *open_core(const struct stage *s, int64_t call_ms) { return open_core_with(s, "overlayfs", call_ms); }

static struct job *job_of(const struct stage *s, size_t n, enum pull_policy pull)
{
	struct job *job = job_new();

	job->network = mem_strdup(s->netns ? "none" : "host");
	job->name = mem_strdup("crew");
	for (size_t i = 0; i < n; i++) {
		struct task *t = i ? job_add_task(job) : &job->tasks[0];

		free(t->name);
		t->name = mem_printf("t%zu", i);
		t->image = pull == PULL_ALWAYS ? mem_printf("x%zu", i) : mem_strdup("x0");
		t->user = mem_strdup("0:0");
		t->pull = pull;
		t->log = JOB_LOG_NONE;
	}
	return job;
}

static int run_job(struct stage *s, const struct job *job, enum run_mode mode, int64_t call_ms, struct timing *timing,
		   struct err *err)
{
	const struct run_opts opts = { .mode = mode, .timing = timing, .quiet = true };
	const struct ctx ctx = ctx_within(NULL, PATIENCE_MS);
	struct core *core = open_core(s, call_ms);
	struct run_result res = { 0 };
	int r = job_run(core, job, &opts, &ctx, &res, err);

	run_result_done(&res);
	core_free(core);
	return r;
}

static int do_to_job(struct stage *s, int (*what)(struct core *, struct err *), struct err *err)
{
	struct core *core = open_core(s, 2000);
	int r = what(core, err);

	core_free(core);
	return r;
}

static int stop(struct core *c, struct err *err) { return job_stop(c, "crew", 1, NULL, NULL, err); }
static int remove_it(struct core *c, struct err *err) { return job_remove(c, "crew", true, true, NULL, err); }
static int prune(struct core *c, struct err *err)
{
	struct strv removed = { 0 };
	int r = job_prune(c, false, false, false, NULL, &removed, err);

	strv_done(&removed);
	return r;
}

static int start(struct core *c, struct err *err)
{
	const struct run_opts opts = { .mode = RUN_DETACHED };
	struct run_result res = { 0 };
	int r = job_start(c, "crew", &opts, NULL, &res, err);

	run_result_done(&res);
	return r;
}

static int is_one_job(struct core *c, struct err *err)
{
	const struct job_filter all = { .all = true };
	struct job_rows rows = { 0 };
	int r = job_list(c, &all, NULL, &rows, err);

	assert_int_equal(rows.n, 1);
	assert_string_equal(rows.v[0].name, "crew");
	assert_int_equal(rows.v[0].state, JOB_RUNNING);
	job_rows_done(&rows);
	return r;
}

static void must(struct stage *s, int (*what)(struct core *, struct err *))
{
	struct err err = ERR_INIT;

	if (do_to_job(s, what, &err) < 0)
		fail_msg("%s", err.msg);
}

static size_t count_lines(const struct buf *state, const char *word)
{
	struct strv lines = { 0 };
	size_t n = 0;

	strv_split(&lines, buf_str(state), "\n");
	for (size_t i = 0; i < lines.n; i++)
		n += strstr(lines.v[i], word) != NULL;
	strv_done(&lines);
	return n;
}

/* How many lines of the fake's state have @word. */
static size_t count_of(struct stage *s, const char *word)
{
	struct buf state = { 0 };
	size_t n;

	assert_int_equal(fake_dump(s->fake, &state, NULL), 0);
	n = count_lines(&state, word);
	buf_done(&state);
	return n;
}

static void as_before(struct stage *s, const struct buf *before, const char *after_what)
{
	struct buf after = { 0 };

	snapshot_of(s, &after);
	if (strcmp(buf_str(before), buf_str(&after)) != 0)
		fail_msg("not as before after: %s\n%s", after_what, buf_str(&after));
	buf_done(&after);
}

/* No call is answered before all ten are open, and no pull ends before all ten are under way. */
static void ten_tasks_start_side_by_side(void **state)
{
	static const char *const gathered[] = { "Snapshots/Prepare", "Containers/Create", "Tasks/Create", "Tasks/Start" };
	struct stage *s = *state;
	struct job *job = job_of(s, TEN, PULL_ALWAYS);
	struct timing timing = { 0 };
	struct buf before = { 0 };
	struct err err = ERR_INIT;
	size_t pulls = 0;

	snapshot_of(s, &before);
	for (size_t i = 0; i < sizeof gathered / sizeof *gathered; i++)
		assert_int_equal(fake_fault(s->fake, &err, "%s:gather=%d", gathered[i], TEN), 0);
	if (run_job(s, job, RUN_DETACHED, 10000, &timing, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	for (size_t i = 0; i < timing.n; i++)
		pulls += !strncmp(timing.v[i].step, "image t", 7);
	assert_int_equal(pulls, TEN);
	assert_int_equal(count_of(s, " task "), TEN);
	assert_int_equal(count_of(s, " container "), TEN);
	assert_int_equal(s->netns ? count_in("/run/netns") : 1, 1); /* they share it */
	must(s, is_one_job);
	must(s, prune); /* a job that runs is nobody's prey */
	assert_int_equal(count_of(s, " task "), TEN);
	must(s, stop);
	assert_int_equal(count_of(s, " task "), 0);
	assert_int_equal(count_of(s, " container "), TEN);
	must(s, start);
	assert_int_equal(count_of(s, " task "), TEN);
	must(s, remove_it);
	as_before(s, &before, "rm -f");
	timing_done(&timing);
	buf_done(&before);
	job_free(job);
}

static size_t count_calls(struct stage *s, const char *method)
{
	struct buf calls = { 0 };
	size_t n;

	assert_int_equal(fake_calls(s->fake, &calls, NULL), 0);
	n = count_lines(&calls, method);
	buf_done(&calls);
	return n;
}

/* An image that several want is looked up once, ten images at the same time: no answer comes before all are asked for. */
static void images_are_looked_up_side_by_side(void **state)
{
	static const char *const gathered[] = { "Images/Get", "Content/Read", "Snapshots/Stat" };
	struct stage *s = *state;
	struct job *job = job_of(s, TEN, PULL_MISSING);
	struct err err = ERR_INIT;

	assert_int_equal(fake_reset(s->fake, NULL), 0);
	if (run_job(s, job, RUN_DETACHED, 10000, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(count_calls(s, "Images/Get"), 1);
	assert_int_equal(count_calls(s, "Snapshots/Stat"), 1);
	must(s, remove_it);
	for (size_t i = 0; i < TEN; i++) {
		free(job->tasks[i].image);
		job->tasks[i].image = mem_printf("x%zu", i);
	}
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	for (size_t i = 0; i < sizeof gathered / sizeof *gathered; i++)
		assert_int_equal(fake_fault(s->fake, &err, "%s:gather=%d", gathered[i], TEN), 0);
	if (run_job(s, job, RUN_DETACHED, 10000, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(count_calls(s, "Images/Get"), TEN);
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	must(s, remove_it);
	job_free(job);
}

/* The number of the last call of a method; 0: there was none. */
static unsigned last_call(struct stage *s, const char *method)
{
	struct buf text = { 0 };
	struct strv calls = { 0 };
	unsigned last = 0;

	assert_int_equal(fake_calls(s->fake, &text, NULL), 0);
	strv_split(&calls, buf_str(&text), "\n");
	for (size_t i = 0; i < calls.n; i++)
		last = strstr(calls.v[i], method) ? (unsigned)strtoul(calls.v[i], NULL, 10) : last;
	strv_done(&calls);
	buf_done(&text);
	return last;
}

static void run_pair(struct stage *s, const struct jobset *pair)
{
	const struct run_opts opts = { .mode = RUN_DETACHED, .quiet = true };
	const struct ctx ctx = ctx_within(NULL, PATIENCE_MS);
	struct core *core = open_core_with(s, NULL, 10000);
	struct set_result res = { 0 };
	struct err err = ERR_INIT;

	if (set_run(core, pair, &opts, &ctx, &res, &err) < 0)
		fail_msg("%s", err.msg);
	set_result_done(&res);
	for (size_t i = 0; i < pair->n_jobs; i++)
		if (job_remove(core, pair->jobs[i].name, true, true, NULL, &err) < 0)
			fail_msg("%s", err.msg);
	core_free(core);
}

/* Of two jobs of a set the second learns last which snapshotter it has, long after the first has found the image for both. */
static void an_image_that_another_found_waits_for_the_snapshotter(void **state)
{
	struct stage *s = *state;
	struct job *jobs[] = { job_of(s, 1, PULL_MISSING), job_of(s, 1, PULL_MISSING) };
	struct job both[2] = { *jobs[0], *jobs[1] };
	struct jobset pair = { .jobs = both, .n_jobs = 2 };
	struct err err = ERR_INIT;

	both[1].name = mem_strdup("other");
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	run_pair(s, &pair);
	const unsigned last = last_call(s, "Namespaces/Get");
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	assert_int_equal(fake_fault(s->fake, &err, "%u:delay=300", last), 0);
	run_pair(s, &pair);
	assert_int_equal(last_call(s, "Namespaces/Get"), last);
	free(both[1].name);
	job_free(jobs[0]);
	job_free(jobs[1]);
}

/* One that several want is pulled once. */
static void an_image_is_pulled_once(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_MISSING);
	struct buf pulled = { 0 };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < THREE; i++) {
		free(job->tasks[i].image);
		job->tasks[i].image = mem_strdup("y");
	}
	assert_int_equal(setenv("PULLS", "1", true), 0);
	assert_true(run_job(s, job, RUN_DETACHED, 2000, NULL, &err) < 0); /* the stand-in brings nothing */
	assert_non_null(strstr(err.msg, "image y"));
	assert_true(file_read(s->pulled, 4096, &pulled, &err) >= 0);
	assert_string_equal(buf_str(&pulled), "docker.io/library/y:latest\n");
	buf_done(&pulled);
	job_free(job);
}

/* So it is when the first task hears last that there is none. */
static void whichever_task_misses_it_first(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_MISSING);
	struct buf text = { 0 };
	struct err err = ERR_INIT;
	struct strv calls = { 0 };
	unsigned first = 0;

	for (size_t i = 0; i < THREE; i++) {
		free(job->tasks[i].image);
		job->tasks[i].image = mem_strdup("y");
	}
	assert_int_equal(setenv("PULLS", "1", true), 0);
	assert_true(run_job(s, job, RUN_DETACHED, 2000, NULL, &err) < 0);
	assert_int_equal(fake_calls(s->fake, &text, &err), 0);
	strv_split(&calls, buf_str(&text), "\n");
	for (size_t i = 0; !first && i < calls.n; i++)
		first = strstr(calls.v[i], "Images/Get") ? (unsigned)strtoul(calls.v[i], NULL, 10) : 0;
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	assert_int_equal(fake_fault(s->fake, &err, "%u:delay=300", first), 0);
	assert_int_equal(unlink(s->pulled), 0);
	assert_int_equal(setenv("SLOW", "1", true), 0);
	assert_true(run_job(s, job, RUN_DETACHED, 2000, NULL, &err) < 0);
	assert_int_equal(unsetenv("SLOW"), 0);
	buf_reset(&text);
	assert_true(file_read(s->pulled, 4096, &text, &err) >= 0);
	assert_string_equal(buf_str(&text), "docker.io/library/y:latest\n");
	strv_done(&calls);
	buf_done(&text);
	job_free(job);
}

/* The last pull fails; each other ends once all are told to. */
static void pulls_are_interrupted_together(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_ALWAYS);
	const int64_t began = clock_mono();
	struct err err = ERR_INIT;

	free(job->tasks[2].image);
	job->tasks[2].image = mem_strdup("bad");
	assert_int_equal(setenv("PULLS", "999", true), 0);
	assert_int_equal(setenv("INTS", "2", true), 0);
	assert_int_equal(run_job(s, job, RUN_DETACHED, 2000, NULL, &err), -ERR_UNAVAILABLE);
	assert_int_equal(unsetenv("INTS"), 0);
	assert_true(clock_mono() - began < 4 * NSEC_PER_SEC); /* else the first is killed after 5 */
	job_free(job);
}

/* The third pull fails; the others wait for each other and would never end. */
static void a_failed_pull_ends_the_others(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_ALWAYS);
	struct buf before = { 0 };
	struct err err = ERR_INIT;

	snapshot_of(s, &before);
	free(job->tasks[2].image);
	job->tasks[2].image = mem_strdup("bad");
	assert_int_equal(setenv("PULLS", "999", true), 0);
	assert_int_equal(run_job(s, job, RUN_DETACHED, 2000, NULL, &err), -ERR_UNAVAILABLE);
	assert_string_equal(err.msg, "run job crew: t2: registry: it is down");
	as_before(s, &before, "a failed pull");
	buf_done(&before);
	job_free(job);
}

/* Whichever call fails. */
static void torture(struct stage *s, enum run_mode mode, const char *what)
{
	struct job *job = job_of(s, THREE, PULL_NEVER);
	struct buf before = { 0 };
	unsigned n, failed = 0, count = 0;

	free(job->tasks[2].image); /* the others' is looked up for both */
	job->tasks[2].image = mem_strdup("x1");
	snapshot_of(s, &before);
	for (n = 1; count >= n - 1; n++) {
		struct err err = ERR_INIT;
		int r;

		assert_int_equal(fake_reset(s->fake, NULL), 0);
		assert_int_equal(fake_fault(s->fake, NULL, "%u:%s", n, what), 0);
		r = run_job(s, job, mode, 300, NULL, &err);
		count = fake_count(s->fake);
		assert_int_equal(fake_reset(s->fake, NULL), 0);
		failed += r < 0;
		if (r >= 0)
			must(s, remove_it);
		as_before(s, &before, r < 0 ? err.msg : "success");
	}
	assert_true(n > 18 && failed > 15); /* the faults were met */
	buf_done(&before);
	job_free(job);
}

static void nothing_stays_of_any_task(void **state)
{
	static const char *const faults[] = { "fail", "after-fail", "after-drop", "hang" };

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		torture(*state, RUN_DETACHED, faults[i]);
	torture(*state, RUN_CREATE, "fail");
}

static int id_of_job(struct core *c, struct err *err, char **ret)
{
	const struct job_filter all = { .all = true };
	struct job_rows rows = { 0 };
	int r = job_list(c, &all, NULL, &rows, err);

	assert_int_equal(rows.n, 1);
	*ret = mem_strdup(rows.v[0].id);
	job_rows_done(&rows);
	return r;
}

static int remove_gently(struct core *c, struct err *err) { return job_remove(c, "crew", false, true, NULL, err); }

static int prune_nothing(struct core *c, struct err *err)
{
	struct strv removed = { 0 };
	int r = 0;

	for (int dry = 1; r >= 0 && dry >= 0; dry--)
		r = job_prune(c, true, true, dry, NULL, &removed, err);
	assert_int_equal(removed.n, 0);
	strv_done(&removed);
	return r;
}

static void find_task(struct core *core, const char *what, size_t task, bool all, const char *name)
{
	_cleanup_(record_done) struct record rec = { 0 };
	struct err err = ERR_INIT;
	bool its_all;

	if (record_find_task(core, what, NULL, &rec, &its_all, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(rec.task, task);
	assert_int_equal(its_all, all);
	assert_string_equal(rec.name, name);
}

static int rows_of(struct core *core, bool tasks, struct job_rows *ret)
{
	const struct job_filter filter = { .all = true, .tasks = tasks };

	return job_list(core, &filter, NULL, ret, NULL);
}

static const struct job_row *row_named(const struct job_rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->n; i++)
		if (!strcmp(rows->v[i].name, name))
			return &rows->v[i];
	fail_msg("no row of %s", name);
	return NULL;
}

/* Each by JOB.TASK and by its container's id; what is the whole job's takes none of them. */
static void tasks_have_names(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_NEVER);
	_cleanup_free_ char *id = NULL, *third = NULL;
	_cleanup_(record_done) struct record rec = { 0 };
	struct job_rows rows = { 0 };
	struct core *core;
	struct err err = ERR_INIT;
	json *shown = NULL;

	assert_int_equal(run_job(s, job, RUN_DETACHED, 2000, NULL, &err), 0);
	core = open_core(s, 2000);
	assert_int_equal(id_of_job(core, &err, &id), 0);
	third = job_id_task(id, 2);
	find_task(core, "crew", 0, true, "crew");
	find_task(core, "crew.t0", 0, false, "crew.t0");
	find_task(core, "crew.t2", 2, false, "crew.t2");
	find_task(core, third, 2, false, "crew.t2");
	assert_int_equal(record_find(core, "crew.t2", NULL, &rec, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "crew.t2: is a task of job crew, which is asked for as a whole");
	err_clear(&err);
	assert_int_equal(record_find(core, "crew.t3", NULL, &rec, &err), -ERR_NOT_FOUND);
	err_clear(&err);
	assert_int_equal(rows_of(core, true, &rows), 0);
	assert_int_equal(rows.n, THREE);
	assert_string_equal(row_named(&rows, "crew.t2")->id, third);
	assert_string_equal(row_named(&rows, "crew.t1")->image, "docker.io/library/x0:latest");
	job_rows_done(&rows);
	assert_int_equal(job_inspect(core, "crew.t2", NULL, &shown, &err), 0);
	assert_string_equal(json_get_str(shown, "id"), third);
	json_freep(&shown);
	assert_int_equal(job_inspect(core, "crew", NULL, &shown, &err), 0);
	assert_int_equal(json_len(json_get_array(shown, "tasks")), THREE);
	json_freep(&shown);
	core_free(core);
	must(s, remove_it);
	job_free(job);
}

/* The job's exit is that of the main task which failed first, and each task's stays known. */
static void exits_are_kept(void **state)
{
	static const unsigned codes[THREE] = { 0, 7, 5 };
	static const size_t order[THREE] = { 2, 1, 0 };
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_NEVER);
	_cleanup_free_ char *id = NULL;
	struct job_rows rows = { 0 };
	struct core *core;
	struct err err = ERR_INIT;
	int code;

	assert_int_equal(run_job(s, job, RUN_DETACHED, 2000, NULL, &err), 0);
	core = open_core(s, 2000);
	assert_int_equal(id_of_job(core, &err, &id), 0);
	for (size_t i = 0; i < THREE; i++) {
		_cleanup_free_ char *its = job_id_task(id, order[i]);

		assert_int_equal(rows_of(core, false, &rows), 0);
		assert_int_equal(rows.v[0].state, JOB_RUNNING);
		assert_int_equal(rows.v[0].n_tasks, THREE);
		assert_int_equal(rows.v[0].n_running, THREE - i);
		job_rows_done(&rows);
		assert_int_equal(fake_exit(s->fake, FAKE_NS, its, NULL, codes[order[i]], &err), 0);
	}
	for (int settled = 0; settled < 2; settled++) {
		assert_int_equal(rows_of(core, false, &rows), 0);
		assert_int_equal(rows.v[0].state, JOB_EXITED);
		assert_int_equal(rows.v[0].exit_code, 5);
		job_rows_done(&rows);
		assert_int_equal(rows_of(core, true, &rows), 0);
		assert_int_equal(row_named(&rows, "crew.t0")->exit_code, 0);
		assert_int_equal(row_named(&rows, "crew.t1")->exit_code, 7);
		assert_int_equal(row_named(&rows, "crew.t2")->exit_code, 5);
		job_rows_done(&rows);
		assert_int_equal(job_wait(core, "crew.t1", NULL, &code, &err), 0);
		assert_int_equal(code, 7);
		assert_int_equal(job_wait(core, "crew", NULL, &code, &err), 0);
		assert_int_equal(code, 5);
		assert_int_equal(count_of(s, " task "), 0); /* that has settled it */
	}
	core_free(core);
	must(s, remove_it);
	job_free(job);
}

/* Deletes of ten tasks are open at once when the job is removed, and when its start is rolled back. */
static void ten_tasks_go_side_by_side(void **state)
{
	static const char *const gathered[] = { "Tasks/Kill", "Tasks/Delete" };
	struct stage *s = *state;
	struct job *job = job_of(s, TEN, PULL_NEVER);
	struct buf before = { 0 };
	struct err err = ERR_INIT;

	snapshot_of(s, &before);
	for (int rollback = 0; rollback < 2; rollback++) {
		const int64_t began = clock_mono();

		for (size_t i = 0; i < sizeof gathered / sizeof *gathered; i++)
			assert_int_equal(fake_fault(s->fake, &err, "%s:gather=%d", gathered[i], TEN), 0);
		if (rollback)
			assert_int_equal(fake_fault(s->fake, &err, "Containers/Update:fail"), 0);
		assert_int_equal(run_job(s, job, RUN_DETACHED, 10000, NULL, &err) < 0, rollback);
		err_clear(&err);
		if (!rollback)
			must(s, remove_it);
		assert_true(clock_mono() - began < 5 * NSEC_PER_SEC);
		assert_int_equal(fake_reset(s->fake, NULL), 0);
		as_before(s, &before, rollback ? "rollback" : "rm -f");
	}
	buf_done(&before);
	job_free(job);
}

/* The first task has ended, and any other is the whole job to who wants to take something away. */
static void one_that_lives_keeps_the_job(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_NEVER);
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	_cleanup_free_ char *id = NULL, *second = NULL;
	struct buf before = { 0 };
	struct core *core;
	struct err err = ERR_INIT;

	snapshot_of(s, &before);
	assert_int_equal(run_job(s, job, RUN_DETACHED, 2000, NULL, &err), 0);
	core = open_core(s, 2000);
	assert_int_equal(id_of_job(core, &err, &id), 0);
	second = job_id_task(id, 1);
	assert_int_equal(fake_exit(s->fake, FAKE_NS, id, NULL, 0, &err), 0);
	assert_int_equal(fake_exit(s->fake, FAKE_NS, second, NULL, 0, &err), 0);
	assert_int_equal(job_may_live(core, id, NULL, NULL, &err), 1);
	assert_int_equal(job_over_prove(core, id, NULL, NULL, &over, &err), 0);
	assert_int_equal(job_over_end_unstarted(core, id, NULL, NULL, &over, &err), 0);
	assert_null(over);
	core_free(core);
	must(s, prune_nothing);
	assert_int_equal(do_to_job(s, remove_gently, &err), -ERR_PRECONDITION);
	err_clear(&err);
	assert_int_equal(count_of(s, " task "), THREE);
	assert_int_equal(s->netns ? count_in("/run/netns") : 1, 1);
	must(s, remove_it);
	as_before(s, &before, "rm -f");
	buf_done(&before);
	job_free(job);
}

/* A volume is being filled by a thread, which waits for another's copy, when our time is over: it ends, and nothing is left. */
static void a_copy_under_way_is_taken_back(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, 2, PULL_NEVER);
	const struct run_opts opts = { .mode = RUN_DETACHED, .quiet = true };
	const struct ctx ctx = ctx_within(NULL, 800);
	_cleanup_free_ char *in_image = mem_printf("%s.rootfs/data", fake_address(s->fake)), *path = NULL;
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_close_ int lock = -1;
	const int64_t began = clock_mono();
	struct run_result res = { 0 };
	struct buf before = { 0 };
	struct core *core = open_core(s, 5000);
	struct err err = ERR_INIT;

	if (!s->netns) /* nor may we mount the image */
		skip();
	for (size_t i = 0; i < 2; i++) {
		struct mount *m = task_add_mount(&job->tasks[i]);

		m->kind = MOUNT_VOLUME;
		m->source = mem_strdup("shared");
		m->target = mem_strdup("/data");
	}
	assert_int_equal(mkdir(in_image, 0755), 0);
	assert_int_equal(volume_ensure(core, "shared", NULL, &v, NULL, &err), 0);
	path = mem_printf("%s/../copy.lock", v.path);
	lock = file_lock(path, false, NULL, &err);
	assert_true(lock >= 0);
	snapshot_of(s, &before);
	assert_int_equal(job_run(core, job, &opts, &ctx, &res, &err), -ERR_DEADLINE);
	assert_true(clock_mono() - began < 6 * NSEC_PER_SEC);
	core_free(core);
	as_before(s, &before, "a copy under way");
	assert_int_equal(rmdir(in_image), 0);
	buf_done(&before);
	job_free(job);
}

/* The image of the second says which; the third's says nothing. */
static void each_gets_the_signal_of_its_image(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_NEVER);
	const int want[THREE] = { SIGTERM, SIGQUIT, SIGTERM };
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	_cleanup_free_ char *second = NULL;
	struct core *core;
	struct err err = ERR_INIT;

	assert_int_equal(run_job(s, job, RUN_DETACHED, 2000, NULL, &err), 0);
	core = open_core(s, 2000);
	assert_int_equal(record_find(core, "crew", NULL, &rec, &err), 0);
	second = job_id_task(rec.c.id, 1);
	dict_set(&labels, "io.containerd.image.config.stop-signal", "SIGQUIT");
	assert_int_equal(containers_set_labels(core->ctrd, second, &labels, NULL, &err), 0);
	assert_int_equal(stop_tasks(core, &rec, 1, NULL, NULL, &err), 1);
	for (size_t i = 0; i < THREE; i++) {
		_cleanup_free_ char *id = job_id_task(rec.c.id, i);
		struct task_status t;

		assert_int_equal(task_look(core, id, NULL, &t, &err), 0);
		assert_int_equal(t.exit.status, 128 + want[i]);
	}
	core_free(core);
	must(s, remove_it);
	job_free(job);
}

/* Rollback: a start fails, and no task takes its SIGKILL. What it was made of stays, all of it, until containerd is well again. */
static void without_proof_all_stays(void **state)
{
	static const char *const kills[] = { "fail=4", "fail", "hang" };
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_NEVER);
	struct buf before = { 0 };

	snapshot_of(s, &before);
	for (size_t i = 0; i < sizeof kills / sizeof *kills; i++) {
		struct buf files = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(fake_fault(s->fake, &err, "Tasks/Start:fail"), 0);
		assert_int_equal(fake_fault(s->fake, &err, "Tasks/Kill:%s", kills[i]), 0);
		assert_true(run_job(s, job, RUN_DETACHED, 2000, NULL, &err) < 0);
		err_clear(&err);
		assert_int_equal(fake_reset(s->fake, NULL), 0);
		assert_int_equal(count_of(s, " task "), THREE);
		assert_int_equal(count_of(s, " container "), THREE);
		assert_int_equal(count_of(s, " snapshot "), 3 + count_lines(&before, " snapshot "));
		assert_int_equal(count_of(s, " lease "), 1);
		assert_int_equal(s->netns ? count_in("/run/netns") : 1, 1);
		list_tree(s->data, &files);
		assert_non_null(strstr(buf_str(&files), "/resolv.conf"));
		buf_done(&files);
		must(s, prune); /* they were never started, nor is their record complete */
		if (count_of(s, " container "))
			must(s, remove_it);
		as_before(s, &before, kills[i]);
	}
	buf_done(&before);
	job_free(job);
}

/* What our standard output gets while @what is done. */
static int captured(struct stage *s, const struct job *job, struct run_result *ret, struct buf *out, struct err *err)
{
	const struct run_opts opts = { .mode = RUN_FOREGROUND, .quiet = true };
	const struct ctx ctx = ctx_within(NULL, PATIENCE_MS);
	_cleanup_free_ char *path = mem_printf("%s/out", s->dir);
	struct core *core = open_core(s, 2000);
	int was = dup(STDOUT_FILENO), file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r;

	(void)fflush(stdout);
	assert_int_equal(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
	r = job_run(core, job, &opts, &ctx, ret, err);
	assert_int_equal(dup2(was, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(file_read(path, 1 << 20, out, NULL), 0);
	assert_int_equal(close(was) | close(file), 0);
	core_free(core);
	return r;
}

/* All run in the foreground: each line has its task's name before it, and the exit code is that of the first to fail. */
static void a_crew_in_the_foreground(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_NEVER);
	struct run_result res = { 0 };
	struct buf out = { 0 }, before = { 0 };
	struct err err = ERR_INIT;

	snapshot_of(s, &before);
	job->remove = true;
	assert_int_equal(fake_program(s->fake, "*", "3", "one\ntwo\n", &err), 0);
	if (captured(s, job, &res, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(res.exited);
	assert_int_equal(res.exit_code, 3);
	for (size_t i = 0; i < THREE; i++) {
		_cleanup_free_ char *one = mem_printf("t%zu | one\nt%zu | two\n", i, i);

		assert_non_null(strstr(buf_str(&out), one));
	}
	assert_int_equal(out.len, THREE * (strlen("t0 | one\n") + strlen("t0 | two\n")));
	as_before(s, &before, "the end");
	run_result_done(&res);
	buf_done(&before);
	buf_done(&out);
	job_free(job);
}

static pid_t fork_plainly(const int *keep, size_t n, bool leave_folder, void (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	(void)keep, (void)n, (void)leave_folder;
	if (pid)
		return pid;
	fn(arg);
	_exit(0);
}

static void await_lines(struct stage *s, const char *word, size_t n)
{
	const struct ctx limit = ctx_within(NULL, PATIENCE_MS);

	while (count_of(s, word) != n && ctx_check(&limit, NULL) >= 0)
		(void)poll(NULL, 0, 20);
	assert_int_equal(count_of(s, word), n);
}

/* The heir of a crew is made while containerd has not yet said which snapshotter the namespace has. */
static void an_heir_removes_what_it_did_not_see_made(void **state)
{
	struct stage *s = *state;
	const struct run_opts opts = { .mode = RUN_FOREGROUND, .quiet = true, .heir = fork_plainly };
	const struct ctx ctx = ctx_within(NULL, PATIENCE_MS);
	struct job *job = job_of(s, THREE, PULL_NEVER);
	struct core *core = open_core_with(s, NULL, 2000);
	struct buf before = { 0 };
	struct run_result res = { 0 };
	struct err err = ERR_INIT;

	snapshot_of(s, &before);
	job->remove = true;
	assert_int_equal(fake_program(s->fake, "*", "0", NULL, &err), 0);
	assert_int_equal(fake_fault(s->fake, &err, "Namespaces/Get:delay=300"), 0);
	if (job_run(core, job, &opts, &ctx, &res, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(res.exited);
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	await_lines(s, " lease ", 0);
	as_before(s, &before, "the heir's removal");
	run_result_done(&res);
	core_free(core);
	buf_done(&before);
	job_free(job);
}

static void depend(struct job *job, size_t task, const char *on, enum depend_when when)
{
	struct task *t = &job->tasks[task];

	t->depends_on = mem_resize(t->depends_on, (t->n_depends_on + 1) * sizeof *t->depends_on);
	t->depends_on[t->n_depends_on++] = (struct depend){ mem_strdup(on), when };
}

static size_t calls_of(struct stage *s, const char *method)
{
	struct buf text = { 0 };
	struct strv lines = { 0 };
	size_t n = 0;

	assert_int_equal(fake_calls(s->fake, &text, NULL), 0);
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; i < lines.n; i++)
		n += strstr(lines.v[i], method) != NULL;
	strv_done(&lines);
	buf_done(&text);
	return n;
}

/* The first fails, and the second waits for its success: no other is started, and nothing stays. */
static void a_failed_first_keeps_the_others(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_NEVER);
	struct buf before = { 0 };
	struct err err = ERR_INIT;

	snapshot_of(s, &before);
	depend(job, 1, "t0", DEPEND_COMPLETED);
	depend(job, 2, "t1", DEPEND_STARTED);
	for (int foreground = 0; foreground < 2; foreground++) {
		struct run_result unused = { 0 };
		struct buf out = { 0 };

		assert_int_equal(fake_program(s->fake, "*", "4", "no luck", &err), 0);
		assert_int_equal(fake_reset(s->fake, NULL), 0);
		assert_int_equal(foreground ? captured(s, job, &unused, &out, &err)
					    : run_job(s, job, RUN_DETACHED, 2000, NULL, &err),
				 -ERR_ABORTED);
		assert_string_equal(err.msg, "run job crew: t0: ended with 4, and other tasks wait for its success");
		assert_string_equal(buf_str(&out), foreground ? "t0 | no luck\n" : "");
		err_clear(&err);
		assert_int_equal(calls_of(s, "Tasks/Start"), 1);
		as_before(s, &before, "a failed first");
		buf_done(&out);
	}
	buf_done(&before);
	job_free(job);
}

/* Each after the one that it needs: an answer to the start of one comes before the next is asked for. */
static void starts_in_order(void **state)
{
	struct stage *s = *state;
	struct job *job = job_of(s, THREE, PULL_NEVER);
	struct timing timing = { 0 };
	double began[THREE] = { 0 }, ended[THREE] = { 0 };
	struct err err = ERR_INIT;

	depend(job, 0, "t2", DEPEND_STARTED);
	job->tasks[1].lifecycle = LIFE_PRESTART;
	assert_int_equal(fake_program(s->fake, "*", "0", NULL, &err), 0);
	if (run_job(s, job, RUN_DETACHED, 2000, &timing, &err) < 0)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < timing.n; i++)
		for (size_t t = 0; t < THREE; t++) {
			_cleanup_free_ char *start = mem_printf("start t%zu", t), *done = mem_printf("done t%zu", t);

			if (!strcmp(timing.v[i].step, start))
				began[t] = (double)timing.v[i].began;
			if (!strcmp(timing.v[i].step, t == 1 ? done : start))
				ended[t] = (double)timing.v[i].ended;
		}
	assert_true(ended[1] > 0 && ended[1] <= began[2] && ended[2] <= began[0]);
	must(s, remove_it);
	timing_done(&timing);
	job_free(job);
}

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
	(void)signal(SIGINT, SIG_DFL); /* a shell that ignores it cannot be interrupted */
	s = (struct stage){ .dir = "/tmp/davit-many-XXXXXX" };
	if (!mkdtemp(s.dir))
		return -1;
	s.netns = isolate();
	if (!s.netns)
		print_message("SKIPPED: network namespaces (not root): the jobs use the host's network\n");
	s.run = mem_printf("%s/run", s.dir);
	s.data = mem_printf("%s/data", s.dir);
	s.pulled = mem_printf("%s/pulled", s.dir);
	s.loop = loop_new();
	if (setenv("PULLED", s.pulled, true) < 0 || setenv("PULLS", "10", true) < 0 || fake_start(s.loop, &s.fake, &err) < 0)
		return -1;
	for (int i = 0; i < TEN; i++) {
		_cleanup_free_ char *image = mem_printf("docker.io/library/x%d:latest", i);

		if (fake_seed_image(s.fake, FAKE_NS, image, &err) < 0)
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
	free(s->pulled);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
RUN_TESTS("many-tasks", CASE(ten_tasks_start_side_by_side), CASE(images_are_looked_up_side_by_side),
	  CASE(an_image_that_another_found_waits_for_the_snapshotter), CASE(an_image_is_pulled_once),
	  CASE(whichever_task_misses_it_first), CASE(pulls_are_interrupted_together), CASE(a_failed_pull_ends_the_others),
	  CASE(nothing_stays_of_any_task), CASE(each_gets_the_signal_of_its_image), CASE(a_copy_under_way_is_taken_back),
	  CASE(tasks_have_names), CASE(exits_are_kept), CASE(ten_tasks_go_side_by_side), CASE(one_that_lives_keeps_the_job),
	  CASE(without_proof_all_stays), CASE(a_crew_in_the_foreground), CASE(an_heir_removes_what_it_did_not_see_made),
	  CASE(a_failed_first_keeps_the_others), CASE(starts_in_order))
