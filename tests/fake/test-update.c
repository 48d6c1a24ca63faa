/* Other limits of a job that runs, where any call may fail: all is changed, or nothing. */
#include "test.h"
#include "fake.h"
#include "file.h"
#include "job-run.h"
#include "job-update.h"
#include "log.h"
#include "mem.h"
#include <stdlib.h>
#include <unistd.h>

#define IMAGE "docker.io/library/x:latest"

enum { ASKING_MS = 10000, UNDO_MS = 3000, CALLS_MAX = 100 };

struct stage {
	struct loop *loop;
	struct fake *fake;
	char dir[32], *run, *data;
};

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static struct core *open_core(const struct stage *s)
{
	const struct core_conf conf = { .address = fake_address(s->fake),
					.ns = FAKE_NS,
					.run_dir = s->run,
					.data_dir = s->data,
					.undo_ms = UNDO_MS,
					.cni = { CNI_PATH_DEFAULT, "/nonexistent", s->data } };
	struct core *core = NULL;
	struct err err = ERR_INIT;

	must(core_open(&conf, &core, &err), &err);
	return core;
}

static void run_host(const struct stage *s)
{
	const struct run_opts opts = { .mode = RUN_DETACHED };
	struct core *core = open_core(s);
	struct job *job = job_new();
	struct run_result res = { 0 };
	struct err err = ERR_INIT;

	job->network = mem_strdup("host");
	job->name = mem_strdup("home");
	job->tasks[0].image = mem_strdup("x");
	job->tasks[0].user = mem_strdup("0:0");
	job->tasks[0].pull = PULL_NEVER;
	job->tasks[0].log = JOB_LOG_NONE;
	job->tasks[0].pids_limit = 50;
	must(job_run(core, job, &opts, NULL, &res, &err), &err);
	run_result_done(&res);
	job_free(job);
	core_free(core);
}

static int update(const struct stage *s, const char *pids, struct err *err)
{
	const struct ctx limit = ctx_within(NULL, ASKING_MS);
	struct job_changes changes = { 0 };
	struct core *core = open_core(s);
	const struct field *f = task_shape.fields;
	int r;

	while (!f->flag || strcmp(f->flag, "pids-limit") != 0)
		f++;
	job_changes_add(&changes, f, pids);
	r = job_update(core, "home", &changes, &limit, err);
	job_changes_done(&changes);
	core_free(core);
	return r;
}

static void dump(const struct stage *s, struct buf *ret)
{
	struct err err = ERR_INIT;

	must(fake_dump(s->fake, ret, &err), &err);
}

/* Whichever call fails, with or without having been carried out: record and engine are as before, or as wanted. */
static void all_or_nothing(void **state)
{
	static const char *const kinds[] = { "fail", "after-fail", "drop", "after-drop" };
	const struct stage *s = *state;
	struct err err = ERR_INIT;

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		unsigned n = 0, calls;

		do {
			_cleanup_buf_ struct buf before = { 0 }, after = { 0 };
			struct err why = ERR_INIT;
			int r;

			must(update(s, "60", &err), &err);
			must(update(s, "50", &err), &err);
			dump(s, &before);
			must(fake_reset(s->fake, &err), &err);
			must(fake_fault(s->fake, &err, "%u:%s", ++n, kinds[k]), &err);
			r = update(s, "70", &why);
			calls = fake_count(s->fake);
			must(fake_reset(s->fake, &err), &err);
			dump(s, &after);
			if (r < 0 && strcmp(buf_str(&before), buf_str(&after)) != 0)
				fail_msg("call %u, %s (%s): before\n%s\nafter\n%s", n, kinds[k], why.msg, buf_str(&before),
					 buf_str(&after));
			if (r >= 0 && !strstr(buf_str(&after), "70"))
				fail_msg("call %u, %s: done, and it is not: %s", n, kinds[k], buf_str(&after));
		} while (n <= calls && n < CALLS_MAX);
		assert_in_range(n, 5, CALLS_MAX - 1);
	}
}

static int set_up(void **state)
{
	static struct stage s;
	struct err err = ERR_INIT;
	char pid[16];

	log_init(LOG_ERROR, false);
	memcpy(s.dir, "/tmp/davit-updt-XXXXXX", 23);
	snprintf(pid, sizeof pid, "%d", (int)getpid()); /* whose root davit looks into for users */
	if (!mkdtemp(s.dir) || setenv("FAKE_PID", pid, 1) < 0)
		return -1;
	s.run = mem_printf("%s/run", s.dir);
	s.data = mem_printf("%s/data", s.dir);
	s.loop = loop_new();
	if (fake_start(s.loop, &s.fake, &err) < 0 || fake_seed_image(s.fake, FAKE_NS, IMAGE, &err) < 0) {
		print_error("%s\n", err.msg);
		return -1;
	}
	run_host(&s);
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_or_nothing) };

	return cmocka_run_group_tests_name("update", tests, set_up, tear_down);
}
