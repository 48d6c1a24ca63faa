#include "test.h"
#include "clock.h"
#include "table.h"
#include "term.h"

static const struct column columns[] = { { "NAME", 0, false }, { "COMMAND", 5, false }, { "N", 0, true } };

static void check(unsigned width, const char *expected)
{
	struct table t = { .columns = columns, .n_columns = 3 };
	_cleanup_buf_ struct buf out = { 0 };

	table_cell(&t, "web");
	table_cell(&t, "httpd\t-f übergröße");
	table_cellf(&t, "%d", 1234);
	table_write(&t, width, &out);
	assert_string_equal(buf_str(&out), expected);
	table_done(&t);
}

static void fits_the_terminal(void **state)
{
	(void)state;
	check(0, "NAME   COMMAND                 N\nweb    httpd?-f übergröße   1234\n");
	check(25, "NAME   COMMAND          N\nweb    httpd?-f ü…   1234\n");
	check(1, "NAME   COMM…      N\nweb    http…   1234\n");
}

static void without_rows(void **state)
{
	const struct table t = { .columns = columns, .n_columns = 3 };
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	table_write(&t, 80, &out);
	assert_string_equal(buf_str(&out), "NAME   COMMAND   N\n");
}

static void numbers_for_people(void **state)
{
	static const struct { int64_t bytes; const char *text; } sizes[] = {
		{ 0, "0B" }, { 999, "999B" }, { 1000, "1.00kB" }, { 4260000, "4.26MB" }, { 42600000, "42.6MB" }, { 999600, "1.00MB" },
		{ INT64_MAX, "9.22EB" },
	};
	static const struct { int64_t seconds; const char *text; } spans[] = {
		{ -5, "0 seconds" }, { 1, "1 second" }, { 119, "119 seconds" }, { 120, "2 minutes" }, { 7200, "2 hours" },
		{ 172800, "2 days" }, { 86400 * 365, "12 months" }, { 86400 * 800, "2 years" },
	};
	char out[HUMAN_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		assert_string_equal(human_size(sizes[i].bytes, out), sizes[i].text);
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
		assert_string_equal(human_span(spans[i].seconds * NSEC_PER_SEC, out), spans[i].text);
	assert_string_equal(human_ago(0, 5, out), "");
}

static void disarms_cells(void **state)
{
	static const struct column two[] = { { "NAME", 0, false }, { "IMAGE", 0, false } };
	_cleanup_(table_done) struct table t = { .columns = two, .n_columns = 2 };
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	table_cell(&t, "a\xe2\x80\xae" "b\x9b" "c");
	table_cellf(&t, "%s", "\xc2\x9b" "d\x1b[m\n");
	table_write(&t, 0, &out);
	assert_string_equal(buf_str(&out), "NAME    IMAGE\na?b?c   ?d?[m?\n");
}

RUN_TESTS("table", cmocka_unit_test(disarms_cells), cmocka_unit_test(fits_the_terminal), cmocka_unit_test(without_rows), cmocka_unit_test(numbers_for_people))
