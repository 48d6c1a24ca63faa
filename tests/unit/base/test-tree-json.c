#include "test.h"
#include "buf.h"
#include "tree-json.h"
#include "tree-show.h"
#include <string.h>

static void reads_values_and_their_places(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "7", "1:1=7" },
		{ " -0.5e+3\n", "1:2=-0.5e+3" },
		{ "null", "1:1null" },
		{ "[true,false]", "1:1[1:2true,1:7false]" },
		{ "{}", "1:1{}" },
		{ "[ ]", "1:1[]" },
		{ "{\"a\":1,\n  \"b\" : [\"x\",\r\n\"\"]}", "1:1{1:2'a'1:6=1,2:3'b'2:9[2:10\"x\",3:1\"\"]}" },
		{ "{\"a\":1,\"a\":2}", "1:1{1:2'a'1:6=1,1:8'a'1:12=2}" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "1:1\"\"\\/\b\f\n\r\t\"" },
		{ "\"\\u0041\\u00e9\\u20aC\\ud83d\\ude00\"", "1:1\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "\"\xc3\xa9 \xf0\x9f\x98\x80\"", "1:1\"\xc3\xa9 \xf0\x9f\x98\x80\"" },
		{ "123456789012345678901234567890", "1:1=123456789012345678901234567890" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf out = { 0 };
		struct err err = ERR_INIT;

		if (tree_json(rows[i].text, strlen(rows[i].text), &t, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		tree_show(t.root, &out);
		assert_string_equal(buf_str(&out), rows[i].shown);
	}
}

static void says_where_it_is_wrong(void **state)
{
	static const struct {
		const char *text, *msg;
		size_t len;
	} rows[] = {
#define TEXT(s, msg) s, msg, sizeof s - 1
		{ TEXT("", "f:1:1: empty") },
		{ TEXT(" \n\t", "f:2:2: empty") },
		{ TEXT("{", "f:1:2: ends too early") },
		{ TEXT("{\"a\"", "f:1:5: ends too early") },
		{ TEXT("{\"a\":", "f:1:6: ends too early") },
		{ TEXT("[1", "f:1:3: ends too early") },
		{ TEXT("[1,", "f:1:4: ends too early") },
		{ TEXT("[1,]", "f:1:4: unexpected character") },
		{ TEXT("{\"a\":1,}", "f:1:8: a key in quotes is missing") },
		{ TEXT("{'a':1}", "f:1:2: a key in quotes is missing") },
		{ TEXT("{\"a\" 1}", "f:1:6: \":\" is missing behind a key") },
		{ TEXT("{\"a\":1 \"b\":2}", "f:1:8: \",\" or \"}\" is missing") },
		{ TEXT("[1\n 2]", "f:2:2: \",\" or \"]\" is missing") },
		{ TEXT("1 2", "f:1:3: something behind the value") },
		{ TEXT("nul", "f:1:1: unexpected character") },
		{ TEXT("NaN", "f:1:1: unexpected character") },
		{ TEXT("01", "f:1:1: a number with a 0 before it") },
		{ TEXT("-00", "f:1:1: a number with a 0 before it") },
		{ TEXT("-", "f:1:1: not a number") },
		{ TEXT("1.", "f:1:1: not a number") },
		{ TEXT("1e", "f:1:1: not a number") },
		{ TEXT("+1", "f:1:1: unexpected character") },
		{ TEXT(".5", "f:1:1: unexpected character") },
		{ TEXT("\"a", "f:1:1: a text without an end") },
		{ TEXT("\"a\\", "f:1:1: a text without an end") },
		{ TEXT("\"a\\\"", "f:1:1: a text without an end") },
		{ TEXT("\"a\nb\"", "f:1:3: a control character in a text: write it as an escape") },
		{ TEXT("\"a\0b\"", "f:1:3: a NUL in a text") },
		{ TEXT("\"a\\u0000\"", "f:1:3: a NUL in a text") },
		{ TEXT("\"\\x\"", "f:1:2: unknown escape in a text") },
		{ TEXT("\"\\u12\"", "f:1:2: \\u wants four hexadecimal digits") },
		{ TEXT("\"\\u12g4\"", "f:1:2: \\u wants four hexadecimal digits") },
		{ TEXT("\"\\ud83d\"", "f:1:2: half of a character (a surrogate)") },
		{ TEXT("\"\\ude00\\ud83d\"", "f:1:2: half of a character (a surrogate)") },
		{ TEXT("\"\\ud83d\\u0041\"", "f:1:2: half of a character (a surrogate)") },
		{ TEXT("\n \"\xff\"", "f:2:2: a text that is not UTF-8") },
		{ TEXT("\"\xc0\x80\"", "f:1:1: a text that is not UTF-8") },
		{ TEXT("\xef\xbb\xbf{}", "f:1:1: unexpected character") },
		{ TEXT("\0", "f:1:1: unexpected character") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		struct err err = ERR_INIT;

		if (tree_json(rows[i].text, rows[i].len, &t, &err) != -ERR_INVALID)
			fail_msg("%s is taken", rows[i].text);
		assert_string_equal(err.msg, rows[i].msg);
	}
}

static void is_bounded(void **state)
{
	(void)state;
	for (unsigned depth = 63; depth < 67; depth++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf b = { 0 };

		for (unsigned i = 0; i < depth; i++)
			buf_addc(&b, '[');
		for (unsigned i = 0; i < depth; i++)
			buf_addc(&b, ']');
		assert_int_equal(tree_json(b.data, b.len, &t, NULL) == 0, depth <= TREE_DEPTH_MAX);
	}
	for (unsigned kib = 128; kib <= 4096; kib *= 32) { /* as many values as there can be in so many bytes */
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf b = { 0 };

		for (unsigned i = 0; i < kib * 512; i++)
			buf_adds(&b, i ? ",1" : "[1");
		buf_addc(&b, ']');
		assert_int_equal(tree_json(b.data, b.len, &t, NULL), kib == 128 ? 0 : -ERR_EXHAUSTED);
		assert_true(t.used <= TREE_MAX);
	}
}

RUN_TESTS("tree-json", cmocka_unit_test(reads_values_and_their_places), cmocka_unit_test(says_where_it_is_wrong),
	  cmocka_unit_test(is_bounded))
