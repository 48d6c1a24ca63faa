#include "job-name.h"
#include "attr.h"
#include "name.h"
#include "test.h"

static void makes_names(void **state)
{
	_cleanup_free_ char *a = job_name_new(), *b = job_name_new();

	(void)state;
	assert_true(name_valid(a, NAME_JOB_MAX));
	assert_string_not_equal(a, b);
}

static void knows_its_ids(void **state)
{
	_cleanup_free_ char *id = job_id_new("web", 1), *dashed = job_id_new("calm-anchor-3f2a", 1);

	(void)state;
	assert_true(name_valid(id, NAME_ID_MAX));
	assert_true(job_id_is_ours(id));
	assert_true(job_id_is_ours(dashed));
	assert_false(job_id_is_ours("web"));
	assert_false(job_id_is_ours("-0123abcd"));
	assert_false(job_id_is_ours("web-0123abc"));
	assert_false(job_id_is_ours("web-0123abcde"));
	assert_false(job_id_is_ours("web-0123abcg"));
	assert_false(job_id_is_ours("0b8dcb4a1e4aeb0e2a2aefcaa4c6c6b1"));
}

static void says_how_many_tasks(void **state)
{
	static const char longest[] = "a23456789a23456789a23456789a23456789a23456789a23456789a23456789";
	_cleanup_free_ char *one = job_id_new("web", 1), *ten = job_id_new("web", 10), *most = job_id_new(longest, JOB_TASKS_MAX),
			    *first = job_id_task(ten, 0), *last = job_id_task(most, JOB_TASKS_MAX - 1);

	(void)state;
	assert_int_equal(strlen(longest), NAME_JOB_MAX);
	assert_int_equal(job_id_tasks(one), 1);
	assert_int_equal(job_id_tasks(ten), 10);
	assert_int_equal(job_id_tasks(most), JOB_TASKS_MAX);
	assert_int_equal(job_id_tasks("x"), 1);
	assert_string_equal(first, ten);
	assert_true(name_valid(last, NAME_ID_MAX));
	assert_true(job_id_is_ours(ten) && job_id_is_ours(last) && job_id_is_ours("web-t00a12ab.9"));
	assert_int_equal(job_id_tasks(last), 1); /* of one task, not of the job */
	assert_false(job_id_is_ours("web-0123abcd.1"));
	assert_false(job_id_is_ours("web-t00a12ab."));
	assert_false(job_id_is_ours("web-t00a12ab.0"));
	assert_false(job_id_is_ours("web-t00a12ab.1x"));
	assert_false(job_id_is_ours("web-t00a12a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(makes_names), cmocka_unit_test(knows_its_ids),
					    cmocka_unit_test(says_how_many_tasks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
