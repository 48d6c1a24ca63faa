#include "test.h"
#include "json.h"
#include "mem.h"

static json *parsed(const char *s)
{
	struct err err = ERR_INIT;
	json *j = NULL;

	if (json_parse(s, strlen(s), &j, &err) < 0)
		fail_msg("%s: %s", s, err.msg);
	return j;
}

static void takes_json(void **state)
{
	static const struct {
		const char *s, *back;
	} rows[] = {
		{ "{}", "{}" },
		{ " [ 1 , 2 ] \n", "[1,2]" },
		{ "\"a\"", "\"a\"" },
		{ "12", "12" },
		{ "-1", "-1" },
		{ "true", "true" },
		{ "null", "null" },
		{ "1.5", "1.5" },
		{ "{\"a\":{\"b\":[null]}}", "{\"a\":{\"b\":[null]}}" },
		{ "\"\\u00e4/\"", "\"\xc3\xa4/\"" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "[\"\\ud83d\\ude00\"]", "[\"\xf0\x9f\x98\x80\"]" },
		{ "0", "0" },
		{ "{\"a\":1,\"a\":2}", "{\"a\":2}" },
		{ "\"\\\\u0000\"", "\"\\\\u0000\"" }, /* a backslash and digits */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_json_ json *j = parsed(rows[i].s);
		_cleanup_buf_ struct buf out = { 0 };

		json_write(j, &out);
		assert_string_equal(buf_str(&out), rows[i].back);
	}
}

static void refuses_what_is_not(void **state)
{
#define ROW(s) \
	{ \
		s, sizeof s - 1 \
	}
	static const struct {
		const char *s;
		size_t len;
	} rows[] = {
		ROW(""),
		ROW(" "),
		ROW("{"),
		ROW("{\"a\""),
		ROW("{\"a\":}"),
		ROW("{a:1}"),
		ROW("{'a':1}"),
		ROW("[1,]"),
		ROW("{\"a\":1,}"),
		ROW("[1] x"),
		ROW("1 2"),
		ROW("{}{}"),
		ROW("{}\0"),
		ROW("\0"),
		ROW("{}\0{}"),
		ROW("nul"),
		ROW("tru"),
		ROW("NaN"),
		ROW("// c\n1"),
		ROW("/* c */ 1"),
		ROW("\"\xff\""),
		ROW("\"\xc3\""),
		ROW("\"a"),
		ROW("\"\\x\""),
		ROW("[1 2]"),
		ROW("-"),
		ROW("{\"a\" 1}"),
		ROW("\"tab\there\""),
		ROW("\"\\u0000\""),
		ROW("[\"a\\u0000b\"]"),
		ROW("{\"a\\u0000\":1}"),
		ROW("\"\\\\\\u0000\""),
		ROW("\"\\u0000"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;
		json *j = (void *)1;

		if (json_parse(rows[i].s, rows[i].len, &j, &err) != -ERR_INVALID)
			fail_msg("row %zu \"%s\" was taken", i, rows[i].s);
		assert_ptr_equal(j, (void *)1);
		assert_memory_equal(err.msg, "JSON line ", 10);
	}
}

static void names_the_place(void **state)
{
	struct err err = ERR_INIT;
	const char *s = "{\n  \"a\": 1,\n  \"b\": ?\n}";
	json *j = NULL;

	(void)state;
	assert_int_equal(json_parse(s, strlen(s), &j, &err), -ERR_INVALID);
	assert_memory_equal(err.msg, "JSON line 3 column 8: ", 22);
	err_clear(&err);
	s = "{\"User\":\"web\\u0000x\"}";
	assert_int_equal(json_parse(s, strlen(s), &j, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "JSON line 1 column 13: a NUL in a text");
}

static void is_bounded_in_depth(void **state)
{
	(void)state;
	for (size_t depth = 60; depth < 70; depth++) {
		_cleanup_buf_ struct buf b = { 0 };
		_cleanup_json_ json *j = NULL;
		struct err err = ERR_INIT;

		for (size_t i = 0; i < depth; i++)
			buf_addc(&b, '[');
		for (size_t i = 0; i < depth; i++)
			buf_addc(&b, ']');
		assert_int_equal(json_parse(b.data, b.len, &j, &err) == 0, depth <= 64);
	}
}

/* [V,V,...]: a few bytes in the text, much more in memory. */
static void many_of(const char *value, size_t n, struct buf *out)
{
	buf_adds(out, "[");
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s%s", i ? "," : "", value);
	buf_adds(out, "]");
}

static void is_bounded_in_memory(void **state)
{
	static const struct {
		const char *value;
		size_t n;
		int want;
	} cases[] = {
		{ "{}", 1000000, -ERR_EXHAUSTED },
		{ "[]", 1000000, -ERR_EXHAUSTED },
		{ "1", 2000000, -ERR_EXHAUSTED },
		{ "{}", 20000, 0 },
		{ "\"a longer text with , and { and [ in it\"", 100000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_buf_ struct buf text = { 0 };
		_cleanup_json_ json *j = NULL;
		struct err err = ERR_INIT;

		many_of(cases[i].value, cases[i].n, &text);
		assert_int_equal(json_parse(buf_str(&text), text.len, &j, &err), cases[i].want);
		assert_int_equal(strstr(err.msg, "too many values") != NULL, cases[i].want < 0);
	}
}

static void getters_mind_the_type(void **state)
{
	_cleanup_json_ json *j = parsed(
		"{\"s\":\"x\",\"n\":5,\"big\":9223372036854775807,\"f\":1.5,\"t\":true,\"z\":null,\"a\":[\"p\",1,\"q\",null],"
		"\"o\":{\"k\":\"v\",\"n\":1}}");
	_cleanup_strv_ struct strv v = { 0 };
	_cleanup_dict_ struct dict d = { 0 };

	(void)state;
	assert_string_equal(json_get_str(j, "s"), "x");
	assert_null(json_get_str(j, "n"));
	assert_null(json_get_str(j, "z"));
	assert_null(json_get_str(j, "absent"));
	assert_null(json_get_str(NULL, "s"));
	assert_null(json_get_str(json_get(j, "a"), "s"));
	assert_int_equal(json_get_int(j, "n", 7), 5);
	assert_true(json_get_int(j, "big", 0) == INT64_MAX);
	assert_int_equal(json_get_int(j, "s", 7), 7);
	assert_int_equal(json_get_int(j, "f", 7), 7);
	assert_true(json_get_bool(j, "t", false));
	assert_true(json_get_bool(j, "n", true));
	assert_null(json_get_array(j, "o"));
	assert_null(json_get_object(j, "a"));
	assert_int_equal(json_len(json_get(j, "a")), 4);
	assert_int_equal(json_len(json_get(j, "o")), 0);
	assert_int_equal(json_len(NULL), 0);
	assert_null(json_at(json_get(j, "a"), 4));
	assert_null(json_at(NULL, 0));
	assert_string_equal(json_text(json_at(json_get(j, "a"), 2)), "q");
	json_get_strv(j, "a", &v);
	assert_int_equal(v.n, 2); /* strings only */
	json_get_dict(j, "o", &d);
	assert_int_equal(d.n, 1);
	assert_string_equal(dict_get(&d, "k"), "v");
	json_get_strv(NULL, "a", &v);
	json_get_dict(j, "a", &d);
	assert_int_equal(v.n + d.n, 3);
}

static void builds(void **state)
{
	_cleanup_json_ json *j = json_new_object();
	_cleanup_buf_ struct buf out = { 0 }, pretty = { 0 };
	_cleanup_json_ json *again = NULL;
	_cleanup_strv_ struct strv v = { 0 };
	_cleanup_dict_ struct dict d = { 0 };
	json *a = json_new_array();

	(void)state;
	json_put_str(j, "s", "a/\"b\"");
	json_put_str(j, "none", NULL);
	json_put_time(j, "when", 86400 * INT64_C(1000000000));
	json_put_time(j, "never", 0);
	json_put_int(j, "n", INT64_MIN);
	json_put_bool(j, "t", true);
	json_put_strv(j, "empty", &v);
	strv_push(&v, "x");
	json_put_strv(j, "v", &v);
	dict_set(&d, "k", "");
	json_put_dict(j, "d", &d);
	json_append(a, NULL);
	json_put(j, "a", a);
	json_write(j, &out);
	assert_string_equal(buf_str(&out),
			    "{\"s\":\"a/"
			    "\\\"b\\\"\",\"when\":\"1970-01-02T00:00:00.000000000Z\",\"n\":-9223372036854775808,\"t\":true,"
			    "\"empty\":[],\"v\":[\"x\"],\"d\":{\"k\":\"\"},\"a\":[null]}");
	json_write_pretty(j, &pretty);
	again = parsed(buf_str(&pretty));
	assert_true(json_object_equal(j, again));
}

static void quotes(void **state)
{
	static const struct {
		const char *s, *want;
	} rows[] = {
		{ "", "\"\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\n\t\x01\x7f", "\"\\u000a\\u0009\\u0001\\u007f\"" },
		{ "\xc3\xa4", "\"\xc3\xa4\"" },
		{ "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
		{ "\xff", "\"\\ufffd\"" },
		{ "\xc3", "\"\\ufffd\"" },
		{ "\xc3x", "\"\\ufffdx\"" },
		{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xe0\x80\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xe2\x82\xac!", "\"\xe2\x82\xac!\"" },
		{ "\xe2\x82", "\"\\ufffd\\ufffd\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 };
		_cleanup_free_ char *exact = mem_dup(rows[i].s, strlen(rows[i].s)); /* for ASan: nothing behind the end */
		_cleanup_json_ json *back = NULL;
		struct err err = ERR_INIT;

		json_quote(&out, exact, strlen(exact));
		assert_string_equal(buf_str(&out), rows[i].want);
		assert_int_equal(json_parse(out.data, out.len, &back, &err), 0);
	}
}

static void what_is_written_can_be_read(void **state)
{
	_cleanup_json_ json *o = json_new_object(), *back = NULL;
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	json_put_str(o, "message", "realm \xff of \xe2\x82");
	json_write(o, &out);
	assert_int_equal(json_parse(out.data, out.len, &back, NULL), 0);
	assert_string_equal(json_get_str(back, "message"), "realm \xef\xbf\xbd of \xef\xbf\xbd\xef\xbf\xbd");
}

/* Comparisons, which a long object needs only in proportion to its length. */
static size_t compared;
int __real_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b)
{
	compared++;
	return __real_strcmp(a, b);
}

static void a_long_object(void **state)
{
	enum { LONG = 20000, EACH = 40 };
	_cleanup_json_ json *j = json_new_object();
	_cleanup_dict_ struct dict d = { 0 };
	json *o = json_new_object();
	char key[32];

	(void)state;
	for (int i = 0; i < LONG; i++) {
		(void)snprintf(key, sizeof key, "k%d", i);
		json_put_str(o, key, "v");
	}
	json_put(j, "o", o);
	dict_set(&d, "k7", "old");
	compared = 0;
	json_get_dict(j, "o", &d);
	assert_in_range(compared, 0, LONG * EACH);
	assert_int_equal(d.n, LONG);
	assert_string_equal(dict_get(&d, "k7"), "v");
	assert_true(compared); /* it does count */
}

RUN_TESTS("json", cmocka_unit_test(takes_json), cmocka_unit_test(refuses_what_is_not), cmocka_unit_test(names_the_place),
	  cmocka_unit_test(is_bounded_in_depth), cmocka_unit_test(is_bounded_in_memory), cmocka_unit_test(getters_mind_the_type),
	  cmocka_unit_test(builds), cmocka_unit_test(quotes), cmocka_unit_test(what_is_written_can_be_read),
	  cmocka_unit_test(a_long_object))
