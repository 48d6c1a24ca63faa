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
	_cleanup_free_ char *id = job_id_new("web"), *dashed = job_id_new("calm-anchor-3f2a");

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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(makes_names), cmocka_unit_test(knows_its_ids) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
