#include "cgroup-text.h"
#include "test.h"
#include "test-folder.h"
#include <string.h>

static void numbers(void **state)
{
	static const struct {
		const char *word;
		bool is;
		uint64_t n;
	} rows[] = {
		{ "0", true, 0 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", true, UINT64_MAX },
		{ "max", true, UINT64_MAX },
		{ "-5", true, 0 },
		{ "", false, 0 },
		{ "-", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1x", false, 0 },
		{ "maximum", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t n = 0;

		assert_int_equal(cgroup_number(rows[i].word, &n), rows[i].is);
		assert_int_equal(n, rows[i].n);
	}
}

static void lines(void **state)
{
	char text[] = "\n8:0 Read 12\n \nmlx5_0 hca_handle=2\thca_object=max\nlast";
	struct cgroup_line l;
	char *at = text;

	(void)state;
	assert_true(cgroup_line(&at, &l));
	assert_int_equal(l.n, 4);
	assert_string_equal(l.word[0], "8");
	assert_string_equal(l.word[2], "Read");
	assert_true(cgroup_line(&at, &l));
	assert_int_equal(l.n, 5);
	assert_string_equal(l.word[4], "max");
	assert_true(cgroup_line(&at, &l));
	assert_string_equal(l.word[0], "last");
	assert_false(cgroup_line(&at, &l));
}

static void long_line(void **state)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct cgroup_line l;
	char *at;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_addf(&text, "%d ", i);
	buf_adds(&text, "\nnext\n");
	at = text.data;
	assert_true(cgroup_line(&at, &l));
	assert_int_equal(l.n, CGROUP_WORDS);
	assert_string_equal(l.word[CGROUP_WORDS - 1], "31");
	assert_true(cgroup_line(&at, &l));
	assert_string_equal(l.word[0], "next");
}

static void files(void **state)
{
	struct test_folder *f = *state;
	uint64_t n = 3;

	assert_false(cgroup_get(f->dir, "memory.max", &n));
	assert_int_equal(file_write(f->path, "", 0, 0600, NULL), 0);
	assert_false(cgroup_get(f->dir, "memory.max", &n));
	assert_int_equal(file_write(f->path, "max\n", 4, 0600, NULL), 0);
	assert_true(cgroup_get(f->dir, "memory.max", &n));
	assert_int_equal(n, UINT64_MAX);
}

static int folder(void **state)
{
	*state = test_folder_new("cgroup-text", "memory.max");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(lines),
		cmocka_unit_test(long_line),
		cmocka_unit_test_setup_teardown(files, folder, test_folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
