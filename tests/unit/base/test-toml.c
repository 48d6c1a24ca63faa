#include "test.h"
#include "toml.h"

static void parses(void **state)
{
	static const struct {
		const char *toml, *json;
	} cases[] = {
		{ "", "{}" },
		{ "# only\n\r\n  # comments", "{}" },
		{ "a = 1\nb=true # x\n", "{\"a\":1,\"b\":true}" },
		{ "server = \"https://r\"\n[host.\"https://m\"]\ncapabilities = [\"pull\", "
		  "'resolve',]\n[host.\"https://m\".header]\nx-y = \"z\"\n",
		  "{\"server\":\"https://r\",\"host\":{\"https://"
		  "m\":{\"capabilities\":[\"pull\",\"resolve\"],\"header\":{\"x-y\":\"z\"}}}}" },
		{ "a = 1.5\nb = -2e3\nc = 0.02", "{\"a\":1.5,\"b\":-2e3,\"c\":0.02}" },
		{ "a = 1_000\nb = 0x1F\nc = 0o17\nd = 0b101\ne = +3", "{\"a\":1000,\"b\":31,\"c\":15,\"d\":5,\"e\":3}" },
		{ "a.b.\"c d\" = -7", "{\"a\":{\"b\":{\"c d\":-7}}}" },
		{ "a = [ # one\n 1,\n\n 2 # two\n ]\n", "{\"a\":[1,2]}" },
		{ "a = [[\"x\", \"y\"], []]", "{\"a\":[[\"x\",\"y\"],[]]}" },
		{ "t = { a = 1, b.c = \"d\" }\nu = {}", "{\"t\":{\"a\":1,\"b\":{\"c\":\"d\"}},\"u\":{}}" },
		{ "a = \"tab\\t \\\"q\\\" \\u00e9 \\U0001F600\"", "{\"a\":\"tab\\t \\\"q\\\" \xc3\xa9 \xf0\x9f\x98\x80\"}" },
		{ "a = 'C:\\x'", "{\"a\":\"C:\\\\x\"}" },
		{ "a = \"\"\"\nline\nmore\\\n   joined\"\"\"", "{\"a\":\"line\\nmorejoined\"}" },
		{ "a = '''\nraw\\\n'''", "{\"a\":\"raw\\\\\\n\"}" },
		{ "a = \"\"", "{\"a\":\"\"}" },
		{ "[[x]]\na=1\n[[x]]\na=2\n[x.y]\nb=3", "{\"x\":[{\"a\":1},{\"a\":2,\"y\":{\"b\":3}}]}" },
		{ "[ a . b ]\nc = 1\n[a]\nd = 2", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_json_ json *j = NULL;
		_cleanup_buf_ struct buf b = { 0 };
		struct err err = ERR_INIT;

		if (toml_parse(cases[i].toml, strlen(cases[i].toml), &j, &err) < 0)
			fail_msg("%s: %s", cases[i].toml, err.msg);
		json_write(j, &b);
		assert_string_equal(buf_str(&b), cases[i].json);
	}
}

static void refuses_with_the_line(void **state)
{
	static const struct {
		const char *toml;
		unsigned line;
	} cases[] = {
		{ "a", 1 },
		{ "a =", 1 },
		{ "\n\na = \"x", 3 },
		{ "a = \"x\ny\"", 1 },
		{ "a = 1\na = 2", 2 },
		{ "a = 1 2", 1 },
		{ "[a", 1 },
		{ "[[a]", 1 },
		{ "a = 1\n[a]\n", 2 },
		{ "a = 1\na.b = 2", 2 },
		{ "a = [1 2]", 1 },
		{ "a = {b = 1", 1 },
		{ "a = 1.5.2", 1 },
		{ "a = inf", 1 },
		{ "a = 0xg", 1 },
		{ "a = 0x", 1 },
		{ "a = 1979-05-27", 1 },
		{ "a = \"\\x\"", 1 },
		{ "a = \"\\ud800\"", 1 },
		{ "a = \"\\u0000\"", 1 },
		{ "= 1", 1 },
		{ "a.=1", 1 },
		{ "a = yes", 1 },
		{ "a = \"\x01\"", 1 },
		{ "a = 99999999999999999999", 1 },
		{ "a = \"\"\"x\n", 2 },
		{ "[a]\nb=1\n[[a]]", 3 },
		{ "a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = ERR_INIT;
		json *j = NULL;
		char line[16];

		if (toml_parse(cases[i].toml, strlen(cases[i].toml), &j, &err) != -ERR_INVALID)
			fail_msg("%s is taken", cases[i].toml);
		(void)snprintf(line, sizeof line, "line %u:", cases[i].line);
		if (!strstr(err.msg, line))
			fail_msg("%s: %s", cases[i].toml, err.msg);
	}
}

/* What an editor of the text would cut short. */
static void refuses_a_nul_in_a_comment(void **state)
{
	static const char text[] = "a = 1\n# x\0y\nb = 2\n";
	struct err err = ERR_INIT;
	json *j = NULL;

	(void)state;
	assert_int_equal(toml_parse(text, sizeof text - 1, &j, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "line 2: NUL");
	assert_int_equal(toml_parse(NULL, 0, &j, NULL), 0);
	json_freep(&j);
}

RUN_TESTS("toml", cmocka_unit_test(refuses_a_nul_in_a_comment), cmocka_unit_test(parses), cmocka_unit_test(refuses_with_the_line))
