#include "test.h"
#include "task-path.h"
#include "file.h"
#include "mem.h"
#include "test-folder.h"
#include <unistd.h>

static void texts(void **unused)
{
	static const struct {
		const char *source, *path;
		bool host;
	} rows[] = {
		{ "local/a.conf", "/n/alloc/A/web/local/a.conf", false },
		{ "./local/a.conf", "/n/alloc/A/web/local/a.conf", false },
		{ "localfoo", "/n/alloc/A/web/localfoo", false },
		{ "secrets", "/n/alloc/A/web/secrets", false },
		{ "alloc/data", "/n/alloc/A/alloc/data", false },
		{ "../alloc/data", "/n/alloc/A/alloc/data", false },
		{ "/alloc/data", "/n/alloc/A/alloc/data", false },
		{ "/local//x/../y", "/n/alloc/A/web/local/y", false },
		{ "/secrets/key", "/n/alloc/A/web/secrets/key", false },
		{ "/localhost", "/localhost", true },
		{ "/etc/passwd", "/etc/passwd", true },
		{ "/n/alloc/A/other/local", "/n/alloc/A/other/local", false },
		{ "/n/alloc/AB", "/n/alloc/AB", true },
		{ "/local/../etc", "/etc", true },
		{ "a/../b", "/n/alloc/A/web/b", false },
		{ "../web/local", NULL, false },
		{ "local/../../x", NULL, false },
		{ "../../../../etc", NULL, false },
		{ "alloc/../../x", NULL, false },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *path = NULL;
		struct err err = ERR_INIT;
		bool host = false;
		int r = task_path("/n/alloc/A", "web", rows[i].source, &path, &host, &err);

		if (!rows[i].path) {
			assert_int_equal(r, -ERR_INVALID);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(path, rows[i].path);
		assert_int_equal(host, rows[i].host);
	}
}

static int setup(void **state)
{
	struct test_folder *f = test_folder_new("task-path", "alloc");
	static const char *const folders[] = { "alloc/A/alloc/data", "alloc/A/web/local/conf.d", "alloc/A/web/secrets",
					       "alloc/A/db/local" };
	static const struct {
		const char *to, *at;
	} links[] = {
		{ "conf.d", "alloc/A/web/local/within" },      { "/etc", "alloc/A/web/local/etc" },
		{ "../../../..", "alloc/A/web/local/out" },    { "../secrets", "alloc/A/web/local/beside" },
		{ "/proc/self/root", "alloc/A/web/local/pr" }, { "loop", "alloc/A/web/local/loop" },
	};

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", f->dir, folders[i]);

		assert_int_equal(file_mkdirs(path, 0755, NULL), 0);
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", f->dir, links[i].at);

		assert_int_equal(symlink(links[i].to, path), 0);
	}
	*state = f;
	return 0;
}

static void links(void **state)
{
	static const struct {
		const char *path, *real; /* real NULL: an error */
		bool create;
		int code;
	} rows[] = {
		{ "web/local", "web/local", false, 0 },
		{ "web/local/conf.d", "web/local/conf.d", false, 0 },
		{ "web/local/within", "web/local/conf.d", false, 0 },
		{ "web/local/etc", NULL, false, -ERR_PERMISSION },
		{ "web/local/etc/passwd", NULL, true, -ERR_PERMISSION },
		{ "web/local/out", NULL, false, -ERR_PERMISSION },
		{ "web/local/beside", NULL, false, -ERR_PERMISSION },
		{ "web/local/pr/etc", NULL, false, -ERR_PERMISSION },
		{ "web/local/loop", NULL, true, -ERR_PERMISSION },
		{ "web/local/none", NULL, false, -ERR_NOT_FOUND },
		{ "web/local/new/deep", "web/local/new/deep", true, 0 },
		{ "web/local/within/new", "web/local/conf.d/new", true, 0 },
		{ "alloc/data", "alloc/data", false, 0 },
		{ "", "", false, 0 },
	};
	struct test_folder *f = *state;
	char *none = NULL;
	_cleanup_free_ char *dir = mem_printf("%s/alloc/A", f->dir);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *slash = *rows[i].path ? "/" : "";
		_cleanup_free_ char *path = mem_printf("%s%s%s", dir, slash, rows[i].path), *real = NULL;
		struct err err = ERR_INIT;
		int r = task_path_resolve(dir, path, rows[i].create, &real, &err);

		if (!rows[i].real) {
			assert_int_equal(r, rows[i].code);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(real + strlen(dir) + strlen(slash), rows[i].real);
	}
	assert_int_equal(task_path_resolve(dir, "/etc", false, &none, &(struct err)ERR_INIT), -ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test_setup_teardown(links, setup, test_folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
