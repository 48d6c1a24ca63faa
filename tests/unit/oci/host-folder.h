/* Folders that look like hosts: files below a root, each with its text; a path that ends in "/" is a folder. */
#pragma once
#include "test-folder.h"

static inline struct test_folder *host_folder(const char *const files[][2])
{
	struct test_folder *f = test_folder_new("host", "");

	for (size_t i = 0; files[i][0]; i++) {
		_cleanup_free_ char *path = mem_printf("%s%s", f->dir, files[i][0]), *folder = mem_strdup(path);

		*strrchr(folder, '/') = '\0';
		assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
		if (path[strlen(path) - 1] != '/')
			assert_int_equal(file_write(path, files[i][1], strlen(files[i][1]), 0644, NULL), 0);
	}
	return f;
}
