#include "test.h"
#include "utf8.h"
#include <string.h>

static void tells_what_is_valid(void **state)
{
	static const char *const good[] = { "",
					    "abc",
					    "\x7f",
					    "\xc2\x80",
					    "\xdf\xbf",
					    "\xe0\xa0\x80",
					    "\xed\x9f\xbf",
					    "\xee\x80\x80",
					    "\xef\xbf\xbf",
					    "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80",
					   "\xbf",
					   "\xc0\x80",
					   "\xc1\xbf",
					   "\xc2",
					   "\xc2z",
					   "\xe0\x80\x80",
					   "\xe0\x9f\xbf",
					   "\xe2\x82",
					   "\xed\xa0\x80",
					   "\xed\xbf\xbf",
					   "\xf0\x80\x80\x80",
					   "\xf0\x8f\xbf\xbf",
					   "\xf4\x90\x80\x80",
					   "\xf8\x88\x80\x80\x80",
					   "\xff",
					   "ok\xfe" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_false(utf8_valid("\xe2\x82\xac", 2)); /* cut in the middle of a character */
}

static void puts_characters(void **state)
{
	static const struct {
		unsigned c;
		const char *want;
	} rows[] = {
		{ 0x41, "A" },
		{ 0x7f, "\x7f" },
		{ 0x80, "\xc2\x80" },
		{ 0x7ff, "\xdf\xbf" },
		{ 0x800, "\xe0\xa0\x80" },
		{ 0xffff, "\xef\xbf\xbf" },
		{ 0x10000, "\xf0\x90\x80\x80" },
		{ 0x10ffff, "\xf4\x8f\xbf\xbf" },
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
	static const struct {
		const char *s, *want;
	} rows[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc3x\xc3\xa4", "\xef\xbf\xbdx\xc3\xa4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf b = { 0 };

		utf8_mend(&b, rows[i].s, strlen(rows[i].s));
		assert_string_equal(buf_str(&b), rows[i].want);
	}
}

/* Kinds of what may not be shown, the first and the last of each; and their neighbours, which may. */
static const unsigned hidden[] = { 0x1,    0x9,    0xa,    0x1b,   0x1f,   0x7f,   0x80,    0x85,    0x9b,    0x9f,
				   0x61c,  0x180e, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029,  0x202a,  0x202e,  0x2060,
				   0x2066, 0x2069, 0x206f, 0xfeff, 0xfff9, 0xfffb, 0xe0000, 0xe0001, 0xe0041, 0xe007f };
static const unsigned plain[] = { 0x20,   0x7e,   0xa0,   0xe4,   0x61b,  0x61d,   0x5d0,   0x200c,  0x200d,  0x2010,
				  0x2027, 0x202f, 0x2070, 0xfe0f, 0xfffd, 0x1f600, 0xe0080, 0xe0100, 0x10ffff };

static void knows_what_may_be_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (utf8_shown(hidden[i]))
			fail_msg("U+%04X", hidden[i]);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (!utf8_shown(plain[i]))
			fail_msg("U+%04X", plain[i]);
	assert_false(utf8_shown(0));
}

static void disarms_a_line(void **state)
{
	static const struct {
		const char *s, *want;
	} rows[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a\nb\tc\x1b[2J", "a?b?c?[2J" },
		{ "\x7f", "?" },
		{ "caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80" },
		{ "\xc2\x9b"
		  "2J",
		  "?2J" },
		{ "\x9b"
		  "2J",
		  "?2J" },
		{ "\xc2", "?" },
		{ "\xe2\x80", "??" },
		{ "gpj.\xe2\x80\xae"
		  "exe",
		  "gpj.?exe" },
		{ "\xe2\x81\xa6x\xe2\x81\xa9", "?x?" },
		{ "\xd8\x9c", "?" },
		{ "\xff\xfe", "??" },
		{ "\xc0\x9b", "??" },
		{ "\xf3\xa0\x81\x81", "?" },
		{ "\xed\xa0\x80", "???" },
		{ "\x1b[31m", "?[31m" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char s[64];

		(void)snprintf(s, sizeof s, "%s", rows[i].s);
		utf8_disarm(s);
		assert_string_equal(s, rows[i].want);
	}
	for (size_t i = 1; i < sizeof hidden / sizeof *hidden; i++) {
		_cleanup_buf_ struct buf b = { 0 };

		utf8_put(&b, hidden[i]);
		utf8_disarm(b.data);
		assert_string_equal(b.data, "?");
	}
}

static void disarms_text(void **state)
{
	static const struct {
		const char *s, *want;
		bool coloured;
	} rows[] = {
		{ "", "", false },
		{ "a\tb\nc\r\n", "a\tb\nc\r\n", false },
		{ "10%\r20%\r", "10%?20%\r", false },
		{ "\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m", true },
		{ "\x1b[38;2;1:2m", "\x1b[38;2;1:2m", true },
		{ "\x1b[m", "\x1b[m", true },
		{ "\x1b[2J\x1b[H", "?[2J?[H", false },
		{ "\x1b]0;title\a", "?]0;title?", false },
		{ "\x1b[31", "?[31", false },
		{ "\x1b", "?", false },
		{ "\x1b[?25l", "?[?25l", false },
		{ "\x1b[1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8;9m", "?[1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8;9m", false },
		{ "\xc2\x9b"
		  "31m",
		  "?31m", false },
		{ "\x9b", "?", false },
		{ "a\bb", "a?b", false },
		{ "\xe2\x80\xae", "?", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf b = { 0 };

		assert_int_equal(utf8_disarm_text(&b, rows[i].s, strlen(rows[i].s)), rows[i].coloured);
		assert_string_equal(buf_str(&b), rows[i].want);
	}
}

static void escapes_json(void **state)
{
	static const struct {
		const char *s, *want;
	} rows[] = {
		{ "", "" },
		{ "{\n \"a\": 1\t}", "{\n \"a\": 1\t}" },
		{ "\"\xc3\xa4\"", "\"\xc3\xa4\"" },
		{ "\"\x7f\"", "\"\\u007f\"" },
		{ "\"\xc2\x9b"
		  "x\"",
		  "\"\\u009bx\"" },
		{ "\xe2\x80\xae", "\\u202e" },
		{ "\xf3\xa0\x81\x81", "\\udb40\\udc41" },
		{ "\x9b", "\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf b = { 0 };

		utf8_escape_json(&b, rows[i].s, strlen(rows[i].s));
		assert_string_equal(buf_str(&b), rows[i].want);
	}
}

RUN_TESTS("utf8", cmocka_unit_test(knows_what_may_be_shown), cmocka_unit_test(disarms_a_line), cmocka_unit_test(disarms_text),
	  cmocka_unit_test(escapes_json), cmocka_unit_test(tells_what_is_valid), cmocka_unit_test(puts_characters),
	  cmocka_unit_test(mends))
