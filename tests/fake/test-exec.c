/* A further process of which nobody can say whether it was made or started is deleted: no exec stays with a job that runs. */
#include "test.h"
#include "job-exec.h"
#include "stage.h"

enum { ASKING_MS = 3000 /* shorter than the delay below */, PATIENCE_MS = 60000 };

static int exec_once(const struct stage *s, int64_t ms, struct err *err)
{
	char word[] = "true", *words[] = { word, NULL };
	const struct strv args = { .v = words, .n = 1 };
	const struct strv none = { 0 };
	const struct exec_opts opts = { .args = &args, .env = &none, .detach = true };
	const struct ctx limit = ctx_within(NULL, ms);
	struct core *core = stage_core(s);
	int code, r = job_exec(core, STAGE_JOB, &opts, &limit, &code, err);

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

	must(exec_once(s, PATIENCE_MS, &err), &err);
	assert_true(has_exec(s));
	must(fake_clear(s->fake, &err), &err);
}

static void without_a_clear_answer_it_goes(void **state)
{
	static const char *const faults[] = { "Tasks/Exec:fail",       "Tasks/Exec:after-fail", "Tasks/Exec:after-drop",
					      "Tasks/Exec:delay=4000", "Tasks/Start:fail",      "Tasks/Start:drop" };
	const struct stage *s = *state;
	struct err err = ERR_INIT;

	stage_run_job(s);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct err why = ERR_INIT;

		must(fake_reset(s->fake, &err), &err);
		must(fake_fault(s->fake, &err, "%s", faults[i]), &err);
		if (exec_once(s, ASKING_MS, &why) >= 0)
			fail_msg("%s: succeeds", faults[i]);
		must(fake_reset(s->fake, &err), &err);
		if (has_exec(s))
			fail_msg("%s: an exec is left after: %s", faults[i], why.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_detached_stays),
		cmocka_unit_test(without_a_clear_answer_it_goes),
	};

	return cmocka_run_group_tests_name("exec", tests, stage_set_up, stage_tear_down);
}
