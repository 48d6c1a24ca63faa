#include "test.h"
#include "self.h"
#include <stdlib.h>

static void reads_the_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("DAVIT_TEST_SELF", "value", 1), 0);
	assert_string_equal(self_env("DAVIT_TEST_SELF", "other"), "value");
	assert_int_equal(setenv("DAVIT_TEST_SELF", "", 1), 0);
	assert_string_equal(self_env("DAVIT_TEST_SELF", "other"), "other");
	assert_int_equal(unsetenv("DAVIT_TEST_SELF"), 0);
	assert_string_equal(self_env("DAVIT_TEST_SELF", "other"), "other");
	assert_null(self_env("DAVIT_TEST_SELF", NULL));
}

static void finds_what_stands_beside_it(void **state)
{
	_cleanup_free_ char *path = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(self_find("test-self", &path, &err), 0);
	assert_int_equal(path[0], '/');
	assert_string_equal(strrchr(path, '/'), "/test-self");
}

static void tells_what_is_not_installed(void **state)
{
	char *path = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(self_find("test-self-not-there", &path, &err), -ERR_NOT_FOUND);
	assert_null(path);
	assert_non_null(strstr(err.msg, "program test-self-not-there: not found beside /"));
	assert_string_equal(err.hint, "install it with: make install");
}

RUN_TESTS("self", cmocka_unit_test(reads_the_environment), cmocka_unit_test(finds_what_stands_beside_it),
	  cmocka_unit_test(tells_what_is_not_installed))
