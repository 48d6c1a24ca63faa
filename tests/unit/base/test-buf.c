#include "test.h"
#include "buf.h"

static void is_a_string_at_any_time(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	assert_string_equal(buf_str(&b), "");
	memset(buf_room(&b, 100), 'x', 100); /* room that is never used */
	assert_int_equal(b.len, 0);
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
	buf_adds(&b, "abc");
	buf_add(&b, "\0d", 2);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "abc\0d", 6);
	buf_cut(&b, 2);
	assert_string_equal(buf_str(&b), "ab");
}

static void room_alone_leaves_an_empty_string(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	(void)buf_room(&b, 10);
	assert_string_equal(buf_str(&b), "");
}

static void grows_over_every_border(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	assert_int_equal(strlen(buf_str(&b)), 5000);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(b.data[i], 'a' + (int)(i % 26));
	assert_true(b.cap > 5000 && b.cap <= 16384); /* doubling, not hoarding */
}

static void formats_exactly_what_fits(void **state)
{
	(void)state;
	for (int width = 25; width < 40; width++) { /* around the first allocation of 32 */
		_cleanup_buf_ struct buf b = { 0 };

		buf_addf(&b, "%*d", width, 7);
		assert_int_equal(b.len, width);
		assert_int_equal(b.data[width - 1], '7');
		assert_int_equal(b.data[width], '\0');
	}
}

static void drops_from_the_front(void **state)
{
	static const struct {
		size_t n;
		const char *left;
	} rows[] = { { 0, "hello" }, { 2, "llo" }, { 5, "" } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf b = { 0 };

		buf_adds(&b, "hello");
		buf_drop(&b, rows[i].n);
		assert_string_equal(buf_str(&b), rows[i].left);
		buf_adds(&b, "!");
		assert_int_equal(b.len, 6 - rows[i].n);
	}
}

static void hands_over_and_is_new(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_free_ char *none = buf_take(&b), *some = NULL;

	(void)state;
	assert_string_equal(none, "");
	buf_adds(&b, "x");
	some = buf_take(&b);
	assert_string_equal(some, "x");
	assert_null(b.data);
	buf_drop(&b, 0);
	buf_cut(&b, 0);
	buf_adds(&b, "y");
	assert_string_equal(buf_str(&b), "y");
	assert_string_equal(some, "x");
}

RUN_TESTS("buf", cmocka_unit_test(is_a_string_at_any_time), cmocka_unit_test(room_alone_leaves_an_empty_string),
	  cmocka_unit_test(grows_over_every_border), cmocka_unit_test(formats_exactly_what_fits),
	  cmocka_unit_test(drops_from_the_front), cmocka_unit_test(hands_over_and_is_new))
