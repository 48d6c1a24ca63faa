#include "test.h"
#include "utf8.h"
#include <string.h>

static void tells_what_is_valid(void **state)
{
	static const char *const good[] = { "", "abc", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
					    "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82",
					   "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
					   "\xff", "ok\xfe" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_false(utf8_valid("\xe2\x82\xac", 2)); /* cut in the middle of a character */
}

static void puts_characters(void **state)
{
	static const struct { unsigned c; const char *want; } rows[] = {
		{ 0x41, "A" }, { 0x7f, "\x7f" }, { 0x80, "\xc2\x80" }, { 0x7ff, "\xdf\xbf" }, { 0x800, "\xe0\xa0\x80" }, { 0xffff, "\xef\xbf\xbf" },
		{ 0x10000, "\xf0\x90\x80\x80" }, { 0x10ffff, "\xf4\x8f\xbf\xbf" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf b = { 0 };

		utf8_put(&b, rows[i].c);
		assert_string_equal(buf_str(&b), rows[i].want);
		assert_true(utf8_valid(b.data, b.len));
	}
}

static void mends(void **state)
{
	static const struct { const char *s, *want; } rows[] = {
		{ "", "" }, { "abc", "abc" }, { "\xff", "\xef\xbf\xbd" }, { "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc3x\xc3\xa4", "\xef\xbf\xbdx\xc3\xa4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf b = { 0 };

		utf8_mend(&b, rows[i].s, strlen(rows[i].s));
		assert_string_equal(buf_str(&b), rows[i].want);
	}
}

RUN_TESTS("utf8", cmocka_unit_test(tells_what_is_valid), cmocka_unit_test(puts_characters), cmocka_unit_test(mends))
