/* A folder of a test's own, and one path in it: the state of a test that needs no more. */
#pragma once
#include "file.h"
#include "mem.h"
#include <stdlib.h>

struct test_folder {
	char *dir, *path;
};

static inline struct test_folder *test_folder_new(const char *what, const char *path)
{
	struct test_folder *f = mem_new(struct test_folder);

	f->dir = mem_printf("/tmp/davit-test-%s-XXXXXX", what);
	assert_non_null(mkdtemp(f->dir));
	f->path = mem_printf("%s/%s", f->dir, path);
	return f;
}

static inline int test_folder_teardown(void **state)
{
	struct test_folder *f = *state;

	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f->path);
	free(f->dir);
	free(f);
	return 0;
}
