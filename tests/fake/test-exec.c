/* A further process of which nobody can say whether it was made or started is deleted: no exec stays with a job that runs. */
#include "test.h"
#include "fake.h"
#include "file.h"
#include "job-exec.h"
#include "job-run.h"
#include "log.h"
#include "mem.h"
#include <stdlib.h>
#include <unistd.h>

#define IMAGE "docker.io/library/x:latest"

enum { ASKING_MS = 3000 };

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
	must(job_run(core, job, &opts, NULL, &res, &err), &err);
	run_result_done(&res);
	job_free(job);
	core_free(core);
}

static int exec_once(const struct stage *s, struct err *err)
{
	char word[] = "true", *words[] = { word, NULL };
	const struct strv args = { .v = words, .n = 1 };
	const struct strv none = { 0 };
	const struct exec_opts opts = { .args = &args, .env = &none, .detach = true };
	const struct ctx limit = ctx_within(NULL, ASKING_MS);
	struct core *core = open_core(s);
	int code, r = job_exec(core, "home", &opts, &limit, &code, err);

	core_free(core);
	return r;
}

static bool has_exec(const struct stage *s)
{
	_cleanup_buf_ struct buf now = { 0 };
	struct err err = ERR_INIT;

	must(fake_dump(s->fake, &now, &err), &err);
	return strstr(buf_str(&now), " exec ") != NULL;
}

/* A clear success leaves one, so that the look for it means something. */
static void one_that_is_detached_stays(void **state)
{
	const struct stage *s = *state;
	struct err err = ERR_INIT;

	must(exec_once(s, &err), &err);
	assert_true(has_exec(s));
	must(fake_clear(s->fake, &err), &err);
}

static void without_a_clear_answer_it_goes(void **state)
{
	static const char *const faults[] = { "Tasks/Exec:fail",       "Tasks/Exec:after-fail", "Tasks/Exec:after-drop",
					      "Tasks/Exec:delay=4000", "Tasks/Start:fail",      "Tasks/Start:drop" };
	const struct stage *s = *state;
	struct err err = ERR_INIT;

	must(fake_seed_image(s->fake, FAKE_NS, IMAGE, &err), &err);
	run_host(s);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct err why = ERR_INIT;

		must(fake_reset(s->fake, &err), &err);
		must(fake_fault(s->fake, &err, "%s", faults[i]), &err);
		if (exec_once(s, &why) >= 0)
			fail_msg("%s: succeeds", faults[i]);
		must(fake_reset(s->fake, &err), &err);
		if (has_exec(s))
			fail_msg("%s: an exec is left after: %s", faults[i], why.msg);
	}
}

static int set_up(void **state)
{
	static struct stage s;
	struct err err = ERR_INIT;
	char pid[16];

	log_init(LOG_ERROR, false);
	memcpy(s.dir, "/tmp/davit-exec-XXXXXX", 23);
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_detached_stays),
		cmocka_unit_test(without_a_clear_answer_it_goes),
	};

	return cmocka_run_group_tests_name("exec", tests, set_up, tear_down);
}
