#include "test.h"
#include "self.h"
#include "test-folder.h"
#include <stdlib.h>
#include <unistd.h>

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

/* As a plugin in its host's folder finds what was installed with davit; its own name in PATH may be a link. */
static void finds_what_stands_beside_the_davit_of_path(void **state)
{
	static const char *const files[] = { "lib/davit/davit", "lib/davit/test-self-tool", "libexec/davit/test-self-other" };
	_cleanup_free_ char *path = NULL, *list = NULL, *link = NULL, *before = mem_strdup(getenv("PATH"));
	struct test_folder *f = test_folder_new("self", "bin");
	struct err err = { 0 };
	void *folder = f;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		_cleanup_free_ char *file = mem_printf("%s/%s", f->dir, files[i]), *dir = mem_strdup(file);

		*strrchr(dir, '/') = '\0';
		assert_int_equal(file_mkdirs(dir, 0755, NULL), 0);
		assert_int_equal(file_write(file, "", 0, 0755, NULL), 0);
	}
	assert_int_equal(file_mkdirs(f->path, 0755, NULL), 0);
	link = mem_printf("%s/davit", f->path);
	assert_int_equal(symlink("../lib/davit/davit", link), 0);
	list = mem_printf("/nowhere:%s:/usr/bin", f->path);
	assert_int_equal(setenv("PATH", list, 1), 0);
	assert_int_equal(self_find("test-self-tool", &path, &err), 0);
	assert_non_null(strstr(path, "/lib/davit/test-self-tool"));
	free(TAKE_PTR(path));
	assert_int_equal(self_find("test-self-other", &path, &err), -ERR_NOT_FOUND); /* not beside the link */
	assert_int_equal(setenv("PATH", before, 1), 0);
	assert_int_equal(test_folder_teardown(&folder), 0);
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
	  cmocka_unit_test(finds_what_stands_beside_the_davit_of_path), cmocka_unit_test(tells_what_is_not_installed))
