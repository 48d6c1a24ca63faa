#include "tree-msgpack.h"
#include "test.h"
#include <string.h>

/* Bytes by their hexadecimal digits; blanks and | between them. */
static void bytes_of(const char *hex, struct buf *out)
{
	for (; *hex; hex++) {
		char two[3] = { hex[0], hex[1], 0 };

		if (*hex == ' ' || *hex == '|')
			continue;
		buf_addc(out, (char)strtol(two, NULL, 16));
		hex++;
	}
}

static void text_of(const struct node *n, struct buf *out)
{
	static const char *const simple[] = { "null", "bool", "" };

	if (n->kind == NODE_BOOL)
		buf_adds(out, n->yes ? "true" : "false");
	else if (n->kind == NODE_NUMBER)
		buf_adds(out, n->text);
	else if (n->kind == NODE_TEXT)
		buf_addf(out, "\"%s\"", n->text);
	else if (n->kind == NODE_NULL)
		buf_adds(out, simple[0]);
	else
		buf_addc(out, n->kind == NODE_MAP ? '{' : '[');
	for (const struct node *m = n->kind >= NODE_LIST ? n->first : NULL; m; m = m->next) {
		if (m != n->first)
			buf_addc(out, ',');
		if (n->kind == NODE_MAP)
			buf_addf(out, "%s:", m->key);
		text_of(m, out);
	}
	if (n->kind >= NODE_LIST)
		buf_addc(out, n->kind == NODE_MAP ? '}' : ']');
}

static void test_values(void **state)
{
	static const struct {
		const char *hex, *text;
		bool again; /* it is the shortest form: it is written as it was */
	} cases[] = {
		{ "c0", "null", true },
		{ "c2", "false", true },
		{ "c3", "true", true },
		{ "00", "0", true },
		{ "7f", "127", true },
		{ "ff", "-1", true },
		{ "e0", "-32", true },
		{ "cc80", "128", true },
		{ "cd0100", "256", true },
		{ "ce00010000", "65536", true },
		{ "cf0000000100000000", "4294967296", true },
		{ "cf7fffffffffffffff", "9223372036854775807", true },
		{ "cfffffffffffffffff", "18446744073709551615", false },
		{ "d0df", "-33", true },
		{ "d080", "-128", true },
		{ "d1ff7f", "-129", true },
		{ "d2ffff7fff", "-32769", true },
		{ "d3ffffffff7fffffff", "-2147483649", true },
		{ "d38000000000000000", "-9223372036854775808", true },
		{ "d07f", "127", false },
		{ "cb3fe0000000000000", "0.5", true },
		{ "ca3f000000", "0.5", false },
		{ "a3302e31", "\"0.1\"", true }, /* cty's 0.1 */
		{ "a0", "\"\"", true },
		{ "d9 20 6162636465666768 6162636465666768 6162636465666768 6162636465666768",
		  "\"abcdefghabcdefghabcdefghabcdefgh\"", true },
		{ "da 0001 61", "\"a\"", false },
		{ "db 00000001 61", "\"a\"", false },
		{ "a2 c3a9", "\"\xc3\xa9\"", true },
		{ "90", "[]", true },
		{ "92 01 c0", "[1,null]", true },
		{ "dc 0001 01", "[1]", false },
		{ "dd 00000001 01", "[1]", false },
		{ "80", "{}", true },
		{ "81 a161 81 a162 93 01 02 03", "{a:{b:[1,2,3]}}", true },
		{ "de 0001 a161 c3", "{a:true}", false },
		{ "df 00000001 a161 c3", "{a:true}", false },
		/* of reference/nomad.md part 2 */
		{ "83 a4 61726773 92 a161 a162 | a6 6d6f756e7473 91 84 a7 6f7074696f6e73 92 a5 7262696e64 a2 726f a6 736f75726365 "
		  "a2 "
		  "2f73 a6 746172676574 a2 2f74 a4 74797065 a4 62696e64 | a6 73797363746c 91 81 b2 "
		  "6e65742e636f72652e736f6d6178636f6e6e a5 3136333834",
		  "{args:[\"a\",\"b\"],mounts:[{options:[\"rbind\",\"ro\"],source:\"/s\",target:\"/t\",type:\"bind\"}],"
		  "sysctl:[{net.core.somaxconn:\"16384\"}]}",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_tree_ struct tree t = { .file = "config" };
		_cleanup_buf_ struct buf in = { 0 }, text = { 0 }, again = { 0 };

		bytes_of(cases[i].hex, &in);
		assert_int_equal(tree_msgpack(in.data, in.len, &t, NULL), 0);
		text_of(t.root, &text);
		assert_string_equal(buf_str(&text), cases[i].text);
		msgpack_node(&again, t.root);
		if (cases[i].again)
			assert_true(again.len == in.len && !memcmp(again.data, in.data, in.len));
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *hex, *why;
	} cases[] = {
		{ "", "config:1:1: cut short: a value is missing" },
		{ "c1", "config:1:1: a byte that begins no value (0xc1)" },
		{ "c4 01 61", "config:1:1: bytes (bin), where only texts are known" },
		{ "d4 00 00", "config:1:1: an extension (of cty: an unknown value)" },
		{ "c7 01 00 00", "config:1:1: an extension (of cty: an unknown value)" },
		{ "cd 01", "config:1:1: cut short: a number is missing" },
		{ "a2 61", "config:1:1: cut short: fewer bytes than it says" },
		{ "dd ffffffff 00", "config:1:1: cut short: fewer bytes than it says" },
		{ "df ffffffff a161 00", "config:1:1: cut short: fewer bytes than it says" },
		{ "db ffffffff 00", "config:1:1: cut short: fewer bytes than it says" },
		{ "92 01", "config:1:1: cut short: fewer bytes than it says" },
		{ "92 92 01 01", "config:1:5: cut short: a value is missing" },
		{ "81 01 02", "config:1:2: a key of a map that is no text" },
		{ "82 a161 01 a161 02", "config:1:5: key a stands twice" },
		{ "a1 ff", "config:1:2: a text that is not UTF-8" },
		{ "a3 eda080", "config:1:2: a text that is not UTF-8" },
		{ "a2 6100", "config:1:2: a NUL in a text" },
		{ "81 a1 00 01", "config:1:3: a NUL in a text" },
		{ "cb 7ff0000000000000", "config:1:1: a number that is infinite or none" },
		{ "ca 7fc00000", "config:1:1: a number that is infinite or none" },
		{ "c0 c0", "config:1:2: something behind the value" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_tree_ struct tree t = { .file = "config" };
		_cleanup_buf_ struct buf in = { 0 };
		struct err err = ERR_INIT;

		bytes_of(cases[i].hex, &in);
		assert_int_equal(tree_msgpack(in.data, in.len, &t, &err), -ERR_INVALID);
		assert_string_equal(err.msg, cases[i].why);
	}
}

static void test_bounds(void **state)
{
	_cleanup_buf_ struct buf deep = { 0 }, large = { 0 };

	(void)state;
	for (int i = 0; i < TREE_DEPTH_MAX; i++) {
		_cleanup_tree_ struct tree t = { .file = "config" };

		msgpack_list(&deep, i < TREE_DEPTH_MAX - 1);
		assert_int_equal(tree_msgpack(deep.data, deep.len, &t, NULL), i == TREE_DEPTH_MAX - 1 ? 0 : -ERR_INVALID);
	}
	{
		_cleanup_tree_ struct tree t = { .file = "config" };
		struct err err = ERR_INIT;

		deep.data[deep.len - 1] = (char)0x91;
		buf_addc(&deep, 0);
		assert_int_equal(tree_msgpack(deep.data, deep.len, &t, &err), -ERR_INVALID);
		assert_string_equal(err.msg, "config:1:65: nested too deep");
	}
	{
		_cleanup_tree_ struct tree t = { .file = "config" };
		struct err err = ERR_INIT;

		msgpack_list(&large, TREE_MSGPACK_MAX);
		for (int i = 0; i < TREE_MSGPACK_MAX; i++)
			buf_addc(&large, 0);
		assert_int_equal(tree_msgpack(large.data, large.len, &t, &err), -ERR_EXHAUSTED);
		assert_string_equal(err.msg, "config: more than 4 MiB");
	}
	{
		_cleanup_tree_ struct tree t = { .file = "config" };
		struct err err = ERR_INIT;

		buf_reset(&large);
		msgpack_list(&large, 3 << 20);
		for (int i = 0; i < 3 << 20; i++)
			buf_addc(&large, 0);
		assert_int_equal(tree_msgpack(large.data, large.len, &t, &err), -ERR_EXHAUSTED);
		assert_true(t.used <= TREE_MAX);
	}
}

static void test_writing(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_tree_ struct tree t = { .file = "kept" };
	_cleanup_free_ char *longest = NULL;

	(void)state;
	longest = malloc(70001);
	assert_non_null(longest);
	memset(longest, 'x', 70000);
	longest[70000] = 0;
	msgpack_map(&out, 5);
	msgpack_text(&out, "text");
	msgpack_text(&out, longest);
	msgpack_text(&out, "none");
	msgpack_text(&out, NULL);
	msgpack_text(&out, "float");
	msgpack_float(&out, 1e300);
	msgpack_text(&out, "yes");
	msgpack_bool(&out, true);
	msgpack_text(&out, "many");
	msgpack_list(&out, 70000);
	for (int i = 0; i < 70000; i++)
		msgpack_int(&out, i);
	assert_int_equal(tree_msgpack(out.data, out.len, &t, NULL), 0);
	assert_string_equal(node_text(node_get(t.root, "text")), longest);
	assert_int_equal(node_get(t.root, "none")->kind, NODE_NULL);
	assert_true(node_get(t.root, "yes")->yes);
	assert_int_equal(node_get(t.root, "many")->n, 70000);
	assert_string_equal(node_get(t.root, "many")->last->text, "69999");
}

RUN_TESTS("tree-msgpack", cmocka_unit_test(test_values), cmocka_unit_test(test_bad), cmocka_unit_test(test_bounds),
	  cmocka_unit_test(test_writing))
