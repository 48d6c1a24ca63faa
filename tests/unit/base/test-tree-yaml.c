#include "test.h"
#include "buf.h"
#include "tree-show.h"
#include "tree-yaml.h"
#include <string.h>
#include <time.h>

static void reads_values_and_their_places(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "7", "1:1=7" },
		{ "# a\n\n---\n  x  # b\n", "4:3\"x\"" },
		{ "---\n...\n", "2:1null" },
		{ "a: 1\nb:\n- x\n-  y\nc: {d: [], e: }",
		  "1:1{1:1'a'1:4=1,2:1'b'3:1[3:3\"x\",4:4\"y\"],5:1'c'5:4{5:5'd'5:8[],5:12'e'5:15null}}" },
		{ "\xc3\xa9: \xe2\x82\xac", "1:1{1:1'\xc3\xa9'1:5\"\xe2\x82\xac\"}" },
		{ "[\xc3\xa9, \xf0\x9f\x98\x80, a]", "1:1[1:2\"\xc3\xa9\",1:6\"\xf0\x9f\x98\x80\",1:12\"a\"]" },
		{ "\xef\xbb\xbf"
		  "a: b",
		  "1:1{1:1'a'1:4\"b\"}" },
		{ "a: |\n  x\n\n  y\nb: >-\n  x\n  y\n", "1:1{1:1'a'1:4\"x\n\ny\n\",5:1'b'5:4\"x y\"}" },
		{ "a\r\n\r\n b", "1:1\"a\nb\"" },
		{ "- a\r- b\r\n- c", "1:1[1:3\"a\",2:3\"b\",3:3\"c\"]" },
		{ "\"\\x41\\u20ac\\U0001f600\\n\"", "1:1\"A\xe2\x82\xac\xf0\x9f\x98\x80\n\"" },
		{ "'it''s'", "1:1\"it's\"" },
		{ "1: a\ntrue: b\n~: c\n", "1:1{1:1'1'1:4\"a\",2:1'true'2:7\"b\",3:1'~'3:4\"c\"}" },
		{ "? a\n: b\n? c\n", "1:1{1:3'a'2:3\"b\",3:3'c'4:1null}" },
		{ "{a, b: c}", "1:1{1:2'a'1:3null,1:5'b'1:8\"c\"}" },
		{ "[a: b]", "1:1[1:2{1:2'a'1:5\"b\"}]" },
		{ "!!str 7", "1:1\"7\"" },
		{ "! 7", "1:1\"7\"" },
		{ "!!int \"7\"", "1:1=7" },
		{ "!!float 7", "1:1=7" },
		{ "!!map {a: !!seq []}", "1:1{1:8'a'1:11[]}" },
		{ "%YAML 1.1\n---\na", "3:1\"a\"" },
		{ "%TAG !e! tag:yaml.org,2002:\n---\n!e!str 7", "3:1\"7\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf out = { 0 };
		struct err err = ERR_INIT;

		if (tree_yaml(rows[i].text, strlen(rows[i].text), &t, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		tree_show(t.root, &out);
		assert_string_equal(buf_str(&out), rows[i].shown);
	}
}

static void plain_scalars_have_types(void **state)
{
	static const struct {
		const char *shown, *texts[32];
	} rows[] = {
		{ "null", { "~", "null", "Null", "NULL" } },
		{ "true", { "true", "True", "TRUE" } },
		{ "false", { "false", "False", "FALSE" } },
		{ "=",
		  { "0", "-0", "+7", "123456789012345678901234567890", "0x1f", "0xFF", "1.5", "-.5", "+1.", "1e3", "1E-3", "1.5e+3",
		    "0.1", "00.1", ".inf", "-.Inf", "+.INF", ".nan", ".NaN" } },
		{ "\"", { "yes",  "no",    "on",    "off",  "y",    "n",     "tRUE",  "nUll",     "010", "-007",
			  "0o17", "0b11",  "1_000", "1:30", "0x",   "-0x1f", "0xg",   "+",        ".",   "1e",
			  "e3",   "1.2.3", "1.5e",  "v1",   "1GiB", "-.nan", ".infx", "8080/tcp", "'7'", "\"true\"" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (const char *const *text = rows[i].texts; *text; text++) {
			_cleanup_tree_ struct tree t = { .file = "f" };
			_cleanup_buf_ struct buf out = { 0 }, want = { 0 };
			size_t quoted = **text == '\'' || **text == '"';

			if (tree_yaml(*text, strlen(*text), &t, NULL) < 0)
				fail_msg("%s is refused", *text);
			tree_show(t.root, &out);
			buf_addf(&want, "1:1%s", rows[i].shown);
			if (*rows[i].shown == '=' || *rows[i].shown == '"')
				buf_add(&want, *text + quoted, strlen(*text) - 2 * quoted);
			buf_adds(&want, *rows[i].shown == '"' ? "\"" : "");
			assert_string_equal(buf_str(&out), buf_str(&want));
		}
}

static void aliases_and_merge_keys(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "a: &x 1\nb: *x", "1:1{1:1'a'1:4=1,2:1'b'2:4=1}" },
		{ "[&x {a: 1}, *x]", "1:1[1:2{1:6'a'1:9=1},1:13{1:6'a'1:9=1}]" },
		{ "[&x a, &x b, *x]", "1:1[1:2\"a\",1:8\"b\",1:14\"b\"]" },
		{ "[&x true, *x, &y ~, *y, &z, *z]", "1:1[1:2true,1:11true,1:15null,1:21null,1:25null,1:29null]" },
		{ "&k a: *k", "1:1{1:1'a'1:7\"a\"}" },
		{ "[&k a, {*k : 1}]", "1:1[1:2\"a\",1:8{1:9'a'1:14=1}]" },
		{ "b: &b {a: 1, c: 2}\nx:\n  <<: *b\n  a: 3\n",
		  "1:1{1:1'b'1:4{1:8'a'1:11=1,1:14'c'1:17=2},2:1'x'3:3{4:3'a'4:6=3,1:14'c'1:17=2}}" },
		{ "- &a {x: 1, y: 1}\n- &b {y: 2, z: 2}\n- <<: [*b, *a]\n  z: 3\n",
		  "1:1[1:3{1:7'x'1:10=1,1:13'y'1:16=1},2:3{2:7'y'2:10=2,2:13'z'2:16=2},3:3{4:3'z'4:6=3,2:7'y'2:10=2,1:7'x'1:10=1}"
		  "]" },
		{ "<<: {a: 1}\na: 2", "1:1{2:1'a'2:4=2}" },
		{ "<<: []\na: 2", "1:1{2:1'a'2:4=2}" },
		{ "'<<': 1", "1:1{1:1'<<'1:7=1}" },
		{ "- &a {x: 1}\n- &b {<<: *a, y: 2}\n- {<<: *b}\n", /* what was merged is merged on */
		  "1:1[1:3{1:7'x'1:10=1},2:3{2:15'y'2:18=2,1:7'x'1:10=1},3:3{2:15'y'2:18=2,1:7'x'1:10=1}]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf out = { 0 };
		struct err err = ERR_INIT;

		if (tree_yaml(rows[i].text, strlen(rows[i].text), &t, &err) < 0)
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
		{ TEXT("# nothing\n", "f:2:1: empty") },
		{ TEXT("a: 1\na: 2", "f:2:1: key is given twice: \"a\"") },
		{ TEXT("{a: 1, b: {c: 1, \"c\": 2}}", "f:1:18: key is given twice: \"c\"") },
		{ TEXT("<<: {a: 1}\n<<: {b: 1}", "f:2:1: key is given twice, where it may have a list: \"<<\"") },
		{ TEXT("<<: 7", "f:1:5: << wants a map or a list of maps") },
		{ TEXT("<<: [{}, 7]", "f:1:10: << wants a map or a list of maps") },
		{ TEXT("a: *x", "f:1:4: no anchor stands before the alias \"x\"") },
		{ TEXT("[*x, &x 1]", "f:1:2: no anchor stands before the alias \"x\"") },
		{ TEXT("&x [*x]", "f:1:5: an alias within its own anchor \"x\"") },
		{ TEXT("&x {a: *x}", "f:1:8: an alias within its own anchor \"x\"") },
		{ TEXT("[&x 1, &x [*x]]", "f:1:12: an alias within its own anchor \"x\"") },
		{ TEXT("[a]: 1", "f:1:1: a key that is a list or a map: a key is a text") },
		{ TEXT("[&x [], {*x : 1}]", "f:1:10: the alias is no text: a key is one \"x\"") },
		{ TEXT("a\n---\nb", "f:2:1: a second document: one is allowed") },
		{ TEXT("--- a\n--- b", "f:2:1: a second document: one is allowed") },
		{ TEXT("a\n...\n--- b\n", "f:3:1: a second document: one is allowed") },
		{ TEXT("!x a", "f:1:1: this value has no tag \"!x\"") },
		{ TEXT("- !!binary aGk=", "f:1:3: this value has no tag \"tag:yaml.org,2002:binary\"") },
		{ TEXT("!!int a", "f:1:1: this value has no tag \"tag:yaml.org,2002:int\"") },
		{ TEXT("!!int 1.5", "f:1:1: this value has no tag \"tag:yaml.org,2002:int\"") },
		{ TEXT("!!bool yes", "f:1:1: this value has no tag \"tag:yaml.org,2002:bool\"") },
		{ TEXT("!!map []", "f:1:1: this value has no tag \"tag:yaml.org,2002:map\"") },
		{ TEXT("!!seq {}", "f:1:1: this value has no tag \"tag:yaml.org,2002:seq\"") },
		{ TEXT("- \"a\\0b\"", "f:1:3: a NUL in a text") },
		{ TEXT("\"a\\0b\": 1", "f:1:1: a NUL in a text") },
		{ TEXT("a: b: c", "f:1:5: mapping values are not allowed in this context") },
		{ TEXT("a:\n  - b\n c: d",
		       "f:3:2: did not find expected key while parsing a block mapping that begins in line 1") },
		{ TEXT("[a", "f:1:3: did not find expected ',' or ']' while parsing a flow sequence that begins in line 1") },
		{ TEXT("a:\n\t- b", "f:2:1: found character that cannot start any token while scanning for the next token") },
		{ TEXT("a: @b", "f:1:4: found character that cannot start any token while scanning for the next token") },
		{ TEXT("\xc3\xa9: [\xc3\xa9, }", "f:1:10: did not find expected node content while parsing a flow node") },
		{ TEXT("a: b\n c\xff", "f:2:3: invalid leading UTF-8 octet") },
		{ TEXT("a: b\r\nc: \x01", "f:2:4: control characters are not allowed") },
		{ TEXT("a\0b", "f:1:2: control characters are not allowed") },
		{ TEXT("\"\\ud800\"", "f:1:4: found invalid Unicode character escape code while parsing a quoted scalar") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		struct err err = ERR_INIT;

		if (tree_yaml(rows[i].text, rows[i].len, &t, &err) != -ERR_INVALID)
			fail_msg("%s is taken", rows[i].text);
		assert_string_equal(err.msg, rows[i].msg);
	}
}

/* @n lists of ten aliases each, of the list before. */
static void laughs(struct buf *b, unsigned n, const char *first, const char *before, const char *behind)
{
	buf_addf(b, "a0: &a0 %s\n", first);
	for (unsigned i = 1; i <= n; i++) {
		buf_addf(b, "a%u: &a%u %s", i, i, before);
		for (unsigned k = 0; k < 10; k++) {
			if (*before == '{' && before[1] != '<')
				buf_addf(b, "k%u: *a%u, ", k, i - 1);
			else
				buf_addf(b, "*a%u, ", i - 1);
		}
		buf_addf(b, "%s\n", behind);
	}
}

static void expansion_is_bounded(void **state)
{
	static const struct {
		unsigned n;
		const char *first, *before, *behind;
		bool taken;
	} rows[] = {
		{ 3, "[lol]", "[", "]", true },  { 4, "[lol]", "{", "}", true },   { 5, "[lol]", "[", "]", false },
		{ 9, "[lol]", "{", "}", false }, { 60, "[lol]", "[", "]", false }, { 9, "{x: lol}", "{<<: [", "]}", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf b = { 0 };

		laughs(&b, rows[i].n, rows[i].first, rows[i].before, rows[i].behind);
		assert_int_equal(tree_yaml(b.data, b.len, &t, NULL), rows[i].taken ? 0 : -ERR_EXHAUSTED);
		assert_true(t.used < 1 << 20);
	}
}

/* Each anchor a level deeper than the one before. */
static void depth_is_bounded(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&b, "- &a0 [lol]\n");
	for (unsigned k = 1; k < 64; k++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		int r;

		buf_addf(&b, "- &a%u [*a%u]\n", k, k - 1);
		r = tree_yaml(b.data, b.len, &t, &err);
		assert_int_equal(r, k < 63 ? 0 : -ERR_INVALID);
	}
	assert_string_equal(err.msg, "f:64:9: more than 64 levels deep");
}

/* 20 MB, of a text of 4 KiB. */
static void texts_are_bounded(void **state)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "- &a ");
	for (unsigned i = 0; i < 4096; i++)
		buf_addc(&b, 'x');
	for (unsigned i = 0; i < 5000; i++)
		buf_adds(&b, "\n- *a");
	assert_int_equal(tree_yaml(b.data, b.len, &t, NULL), -ERR_EXHAUSTED);
}

static double seconds_of(const struct buf *b, const char *what)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	struct timespec from, to;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	(void)tree_yaml(b->data, b->len, &t, NULL);
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	if (t.used > TREE_MAX)
		fail_msg("%s: %zu bytes", what, t.used);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* A megabyte of anything takes no more than it should: here ten times 200 ms, for sanitizers. */
static void hostile_input_is_quick(void **state)
{
	static const struct {
		const char *begin, *again; /* $: a number, each time another */
	} rows[] = {
		{ "", "[" },
		{ "", "{" },
		{ "", "- " },
		{ "", "? " },
		{ "[", "a," },
		{ "[", "," },
		{ "[", "\xc3\xa9," },
		{ "{", "$: 1," },
		{ "", "$: 1\n" },
		{ "", "k$: &a$ x\n" },
		{ "- &a x\n", "- *a\n" },
		{ "", "- &a$ x\n" },
		{ "", "%TAG !a$! tag:x\n" },
		{ "a\n", "%TAG !a$! tag:x\n" },
		{ "a\n...\n", "%TAG !a$! tag:x\n" },
		{ "", "%YAML 1.1\n" },
		{ "\"", "\\n" },
		{ "\"", "\n" },
		{ "", "a\n" },
		{ "a: |\n", " x\n" },
		{ "a: >\n", " x\n\n" },
		{ "", "#\n" },
		{ "", "\n" },
		{ "", " " },
		{ "", "\t" },
		{ "", "---\n" },
		{ "", "\xc2\x85" },
		{ "", "!<a" },
		{ "", "!" },
		{ "", "&" },
		{ "- &a {", "$: 1," },
		{ "", "[{" },
		{ "", "a: " },
		{ "", "{a: [" },
		{ "", "'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf b = { 0 };

		buf_adds(&b, rows[i].begin);
		for (unsigned k = 0; b.len < 1 << 20; k++)
			for (const char *p = rows[i].again; *p; p++)
				if (*p == '$')
					buf_addf(&b, "%u", k);
				else
					buf_addc(&b, *p);
		if (seconds_of(&b, rows[i].again) > 2)
			fail_msg("\"%s%s...\" takes long", rows[i].begin, rows[i].again);
	}
}

RUN_TESTS("tree-yaml", cmocka_unit_test(reads_values_and_their_places), cmocka_unit_test(plain_scalars_have_types),
	  cmocka_unit_test(aliases_and_merge_keys), cmocka_unit_test(says_where_it_is_wrong),
	  cmocka_unit_test(expansion_is_bounded), cmocka_unit_test(depth_is_bounded), cmocka_unit_test(texts_are_bounded),
	  cmocka_unit_test(hostile_input_is_quick))
