#include "test.h"
#include "emit.h"

static void commas_come_by_themselves(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_strv_ struct strv s = { 0 };

	(void)state;
	strv_push(&s, "x\"\\\n");
	strv_push(&s, "[{,:");
	emit_open(&b, NULL, '{');
	emit_str(&b, "absent", NULL);
	emit_str(&b, "ends {", "with :");
	emit_int(&b, "i", INT64_MIN);
	emit_uint(&b, "u", UINT64_MAX);
	emit_open(&b, "o", '{');
	emit_close(&b, '}');
	emit_open(&b, "a", '[');
	emit_str(&b, NULL, "a,");
	emit_open(&b, NULL, '[');
	emit_close(&b, ']');
	emit_bool(&b, NULL, false);
	emit_close(&b, ']');
	emit_strv(&b, "s", &s);
	emit_words(&b, "w", " a  b ");
	emit_words(&b, "one", "a");
	emit_words(&b, "none", "");
	emit_close(&b, '}');
	assert_string_equal(b.data, "{\"ends {\":\"with :\",\"i\":-9223372036854775808,\"u\":18446744073709551615,\"o\":{},"
				    "\"a\":[\"a,\",[],false],\"s\":[\"x\\\"\\\\\\u000a\",\"[{,:\"],\"w\":[\"a\",\"b\"],\"one\":[\"a\"],"
				    "\"none\":[]}");
}

static void utf8(void **state)
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

RUN_TESTS("emit", cmocka_unit_test(commas_come_by_themselves), cmocka_unit_test(utf8))
