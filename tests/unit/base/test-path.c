#include "test.h"
#include "path.h"

static void cleans(void **state)
{
	static const struct {
		const char *path, *cwd, *clean;
	} rows[] = {
		{ "/", NULL, "/" },
		{ "", NULL, "/" },
		{ "/a", NULL, "/a" },
		{ "//a///b/", NULL, "/a/b" },
		{ "/a/./b/.", NULL, "/a/b" },
		{ "/a/../b", NULL, "/b" },
		{ "/../../b", NULL, "/b" },
		{ "/a/..", NULL, "/" },
		{ "/...", NULL, "/..." },
		{ "/..a/.b", NULL, "/..a/.b" },
		{ "x", "/here", "/here/x" },
		{ "../x", "/here/now", "/here/x" },
		{ "../../../x", "/here", "/x" },
		{ ".", "/here/", "/here" },
		{ "/x", "/here", "/x" },
		{ "x", NULL, "/x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *clean = path_clean(rows[i].path, rows[i].cwd);

		assert_string_equal(clean, rows[i].clean);
	}
}

RUN_TESTS("path", cmocka_unit_test(cleans))
