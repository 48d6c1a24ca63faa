/* Other limits of a job that runs, where any call may fail: all is changed, or nothing. */
#include "test.h"
#include "job-update.h"
#include "stage.h"

enum { ASKING_MS = 60000, CALLS_MAX = 100 };

static int update(const struct stage *s, const char *pids, struct err *err)
{
	const struct ctx limit = ctx_within(NULL, ASKING_MS);
	struct job_changes changes = { 0 };
	struct core *core = stage_core(s);
	const struct field *f = task_shape.fields;
	int r;

	while (!f->flag || strcmp(f->flag, "pids-limit") != 0)
		f++;
	job_changes_add(&changes, f, pids);
	r = job_update(core, STAGE_JOB, &changes, &limit, err);
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_or_nothing) };

	return cmocka_run_group_tests_name("update", tests, stage_set_up, stage_tear_down);
}
