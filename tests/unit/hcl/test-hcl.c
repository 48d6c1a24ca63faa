/* What the header promises of the tree: blocks, labels, places, bounds. */
#include "test.h"
#include "file.h"
#include "hcl-show.h"
#include "hcl.h"
#include "mem.h"
#include <stdlib.h>
#include <unistd.h>

static void has_the_shape_that_the_header_says(void **state)
{
	static const char text[] = "job \"web\" {\n"
				   "  datacenters = [\"dc1\"]\n"
				   "  group \"a\" { count = 2 }\n"
				   "  group \"b\" {}\n"
				   "  meta { k = \"v\" }\n"
				   "}\n";
	_cleanup_tree_ struct tree t = { .file = "f" };
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;
	const struct node *job, *group;

	(void)state;
	if (hcl_read(text, sizeof text - 1, NULL, &t, &err) < 0)
		fail_msg("%s", err.msg);
	hcl_show(t.root, true, &out);
	assert_string_equal(buf_str(&out),
			    "{job*: {web*: {datacenters: [\"dc1\"@2:18]@2:17, group*: {a*: {count: 2@3:23}@3:13}@3:13, "
			    "group*: {b*: {}@4:13}@4:13, meta*: {k: \"v\"@5:14}@5:8}@1:11}@1:11}@1:1");
	job = hcl_next(t.root, "job", NULL);
	assert_int_equal(job->labels, 1);
	assert_string_equal(hcl_label(job, 0)->key, "web");
	assert_int_equal(hcl_label(job, 0)->key_at.column, 5);
	assert_null(hcl_label(job, 1));
	assert_null(hcl_next(t.root, "job", job));
	assert_null(hcl_next(hcl_body(job), "datacenters", NULL));
	group = hcl_next(hcl_body(job), "group", NULL);
	group = hcl_next(hcl_body(job), "group", group);
	assert_string_equal(hcl_label(group, 0)->key, "b");
	assert_int_equal(hcl_body(hcl_next(hcl_body(job), "meta", NULL))->n, 1);
}

/* @text with @vars ("NAME=VALUE ..." by blanks) and @env, shown; or the error. */
static const char *read_with(const char *text, const char *vars, char *const *env, struct buf *out)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	_cleanup_strv_ struct strv v = { 0 };
	const struct hcl_options options = { .vars = &v, .env = env };
	struct err err = ERR_INIT;

	strv_split(&v, vars, " ");
	if (hcl_read(text, strlen(text), &options, &t, &err) < 0)
		buf_adds(out, err.msg);
	else
		hcl_show(t.root, false, out);
	return buf_str(out);
}

static void variables_get_their_values(void **state)
{
	char *env[] = { (char *)"NOMAD_VAR_x=env", (char *)"NOMAD_VAR_unknown=1", (char *)"OTHER=2", NULL };
	static const struct {
		const char *text, *vars, *shown;
	} rows[] = {
		{ "variable \"y\" { default = \"d\" }\na = var.y\n", "", "{a: \"d\"}" },
		{ "variable \"x\" { default = \"d\" }\na = var.x\n", "", "{a: \"env\"}" },
		{ "variable \"x\" { default = \"d\" }\na = var.x\n", "x=1 x=2", "{a: \"2\"}" },
		{ "variable \"y\" { type = number }\na = var.y + 1\n", "y=41", "{a: 42}" },
		{ "variable \"y\" { type = bool }\na = var.y\n", "y=true", "{a: true}" },
		{ "variable \"y\" { type = list(number) }\na = var.y\n", "y=[1,\"2\"]", "{a: [1, 2]}" },
		{ "variable \"y\" { type = map(string) }\na = var.y\n", "y={a=1,\"b.c\"=true}", "{a: {a: \"1\", b.c: \"true\"}}" },
		{ "variable \"y\" { type = set(string) }\na = var.y\n", "y=[\"b\",\"a\",\"b\"]", "{a: [\"a\", \"b\"]}" },
		{ "variable \"y\" { type = object({ n = number, s = string }) }\na = var.y.n\n", "y={n=1,s=\"x\",more=2}",
		  "{a: 1}" },
		{ "variable \"y\" { type = tuple([string, bool]) }\na = var.y\n", "y=[1,false]", "{a: [\"1\", false]}" },
		{ "variable \"y\" { default = [1] }\na = var.y\n", "y=[2]", "{a: [2]}" },
		{ "variables {\n y = 1\n z = true\n}\na = [var.y, var.z]\n", "y=7", "{a: [7, true]}" },
		{ "variable \"y\" { default = { k = 1 } }\na = var.y[\"k\"]\nb = var[\"y\"].k\n", "", "{a: 1, b: 1}" },
		{ "locals {\n b = local.a\n a = 1\n}\nlocals { c = [local.b] }\na = local.c\n", "", "{a: [1]}" },
		{ "variable \"y\" {}\n", "", "f:1:1: variable y has no value" },
		{ "variable \"y\" { type = number }\n", "y=z", "-var y:1:1: a number is wanted, not a text (\"z\")" },
		{ "variable \"y\" { type = list(string) }\n", "y=[", "-var y:1:2: a value is missing before the end of the file" },
		{ "variable \"y\" { type = list(string) }\n", "y=[local.x]", "-var y:1:2: local: no names here, only values" },
		{ "variable \"y\" { type = list(string) }\n", "y=upper(1)", "-var y:1:1: upper(): no functions here, only values" },
		{ "variable \"y\" { default = 1 }\n", "z=1", "-var z: no variable of that name in f" },
		{ "variable \"y\" { default = 1 }\n", "z", "-var z: NAME=VALUE is wanted" },
		{ "variable \"y\" { default = var.z }\n", "", "f:1:26: var: no names here, only values" },
		{ "variable \"y\" {\n default = \"x\"\n type = number\n}\n", "", "f:2:12: a number is wanted, not a text (\"x\")" },
		{ "variable \"y\" { type = \"string\" }\n", "",
		  "f:1:23: a type is string, number, bool, any, list(T), set(T), map(T), tuple([T, T]) or object({ name = T })" },
		{ "variable \"y\" { nullable = true }\n", "",
		  "f:1:16: a variable has type, default, description and validation, not nullable" },
		{ "variable \"y\" { default = 1 }\nvariables { y = 2 }\n", "", "f:2:13: variable y stands twice" },
		{ "locals { a = 1 }\nlocals { a = 2 }\n", "", "f:2:10: local a stands twice" },
		{ "locals { a = local.b }\nlocals { b = local.a }\n", "", "f:2:20: local a depends on itself" },
		{ "variable \"y\" {\n default = 5\n validation {\n  condition = var.y > 7\n  error_message = \"Too small.\"\n "
		  "}\n}\n",
		  "", "f:2:12: variable y: Too small." },
		{ "variable \"y\" {\n default = 5\n validation {\n  condition = var.y > 7\n  error_message = \"Too small.\"\n "
		  "}\n}\na = 1\n",
		  "y=9", "{a: 1}" },
		{ "a = var.y\n", "", "f:1:9: there is no variable y" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 };

		(void)read_with(rows[i].text, rows[i].vars, env, &out);
		if (strncmp(buf_str(&out), rows[i].shown, strlen(rows[i].shown)) != 0)
			fail_msg("%s %s: %s, not %s", rows[i].text, rows[i].vars, buf_str(&out), rows[i].shown);
	}
}

static void dynamic_blocks_are_repeated(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "a {\n dynamic \"b\" {\n for_each = [1, 2]\n content { c = b.value + b.key }\n }\n}\n",
		  "{a*: {b*: {c: 1}, b*: {c: 3}}}" },
		{ "a {\n dynamic \"b\" {\n for_each = { x = 1 }\n labels = [b.key, \"l\"]\n content {}\n }\n}\n",
		  "{a*: {b*: {x*: {l*: {}}}}}" },
		{ "a {\n dynamic \"b\" {\n for_each = [7]\n iterator = it\n content {\n c = it.value\n d { e = it.key }\n }\n "
		  "}\n}\n",
		  "{a*: {b*: {c: 7, d*: {e: 0}}}}" },
		{ "a {\n dynamic \"b\" {\n for_each = [1]\n content {\n dynamic \"c\" {\n for_each = [2]\n content { d = b.value + "
		  "c.value }\n }\n }\n "
		  "}\n}\n",
		  "{a*: {b*: {c*: {d: 3}}}}" },
		{ "a {\n dynamic \"b\" {\n for_each = []\n content {}\n }\n}\n", "{a*: {}}" },
		/* what a driver's configuration is, only the driver knows: Nomad repeats nothing there */
		{ "config {\n dynamic \"b\" {\n for_each = [1]\n content { c = b.value }\n }\n}\n",
		  "{config*: {dynamic*: {b*: {for_each: [1], content*: {c: \"${b.value}\"}}}}}" },
		{ "a {\n dynamic \"b\" {\n for_each = 1\n content {}\n }\n}\n",
		  "f:3:13: for_each goes through lists, sets, maps and objects, not a number" },
		{ "a {\n dynamic \"b\" {\n content {}\n }\n}\n", "f:2:2: a dynamic block wants for_each and content" },
		{ "a {\n dynamic {\n }\n}\n", "f:2:2: dynamic takes one label: the type of the blocks that it makes" },
		{ "a {\n dynamic \"b\" {\n for_each = [1]\n x = 1\n content {}\n }\n}\n",
		  "f:4:2: a dynamic block has for_each, one content block, labels = [...] and iterator = NAME" },
		{ "a {\n dynamic \"b\" {\n for_each = [1]\n labels = [[]]\n content {}\n }\n}\n",
		  "f:4:11: labels is a list of texts" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 };

		assert_string_equal(read_with(rows[i].text, "", NULL, &out), rows[i].shown);
	}
}

static void says_where_it_is_wrong(void **state)
{
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{ "job \"a\" {\n  x = 1\n", "f:1:9: a block without an end" },
		{ "a = 1\n\nb = 2\na = 3\n", "f:4:1: a is set twice" },
		{ "\"a\" = 1\n", "f:1:1: the name of an attribute or a block stands without quotes" },
		{ "a {\n  b = 1 c = 2\n}\n", "f:2:9: the end of the line is missing before \"c\"" },
		{ "a { b = 1, c = 2 }\n", "f:1:10: \"}\" (a block on one line has one attribute) is missing before \",\"" },
		{ "a { b { } }\n", "f:1:7: \"=\" (a block on one line has one attribute and no block) is missing before \"{\"" },
		{ "a\n{\n}\n", "f:1:2: \"=\" or \"{\" is missing before the end of the line" },
		{ "a \"b\"\n{\n}\n", "f:1:6: \"{\" on the same line is missing before the end of the line" },
		{ "a \"${b}\" {\n}\n", "f:1:3: a label with a template: a literal \"${\" is written \"$${\"" },
		{ "a = /* x\n", "f:1:5: a comment without an end" },
		{ "a = 1 /* x\n */ b\n", "f:2:5: the end of the line is missing before \"b\"" },
		{ "# c\n// d\na = upper(\n  1,\n  2\n)\n", "f:3:5: upper: takes 1 argument, not 2" },
		{ "a = <<EOF\nx\n${nosuch(}\nEOF\n", "f:3:10: a value is missing before \"}\"" },
		{ "a = <<EOF\nx\n${upper()}\nEOF\n", "f:3:3: upper: takes 1 argument, not 0" },
		{ "a = [\n  1,\n  1 + true,\n]\n", "f:3:3: \"+\" wants two numbers, not a bool" },
		{ "a = <<EOF x\nEOF\n", "f:1:5: << wants a name and the end of the line, as <<EOF" },
		{ "a = \"x\ny\"\n", "f:1:5: a text without an end on its line (of several lines: <<EOF)" },
		{ "a = \"\xff\"\n", "f:1:6: a byte that is not UTF-8" },
		{ "a = 1.2.3\n", "f:1:5: not a number" },
		{ "a = ;\n", "f:1:5: unexpected character" },
		{ "locals \"x\" {}\n", "f:1:8: locals takes no label" },
		{ "locals {\n x {}\n}\n", "f:2:2: a block in locals: NAME = VALUE is wanted" },
		{ "variable \"a\" \"b\" {}\n", "f:1:1: variable takes one label: variable \"NAME\" { ... }" },
		{ "a = file(\"x\")\n", "f:1:10: file: no files can be read here" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 };

		assert_string_equal(read_with(rows[i].text, "", NULL, &out), rows[i].msg);
	}
}

/* As many of @piece as fit between @begin and @end. */
static int read_many(const char *begin, const char *piece, const char *end)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	_cleanup_buf_ struct buf b = { 0 };

	buf_adds(&b, begin);
	while (b.len + strlen(piece) + strlen(end) <= HCL_SIZE_MAX)
		buf_adds(&b, piece);
	buf_adds(&b, end);
	const int r = hcl_read(b.data, b.len, NULL, &t, NULL);

	assert_true(t.used <= HCL_TREE_MAX + (1 << 20));
	return r;
}

static void is_bounded(void **state)
{
	static const struct {
		const char *begin, *piece, *end;
		int r;
	} rows[] = {
		{ "x = [", "1,", "]\n", -ERR_EXHAUSTED },
		{ "x = ", "[", "\n", -ERR_INVALID },
		{ "x = ", "(", "\n", -ERR_INVALID },
		{ "x = ", "!", "1\n", -ERR_INVALID },
		{ "x = 1", "+1", "\n", -ERR_INVALID },
		{ "x = ", "true?1:", "1\n", -ERR_INVALID },
		{ "x = \"", "${1}", "\"\n", -ERR_EXHAUSTED },
		{ "x = \"", "${\"", "\n", -ERR_INVALID },
		{ "x = a", "[b]", "\n", -ERR_INVALID },
		{ "x = [1]", "[*]", "\n", -ERR_INVALID },
		{ "", "a {\n", "", -ERR_INVALID },
		{ "", "a {\n}\n", "", -ERR_EXHAUSTED },
		{ "a ", "b ", "{}\n", -ERR_INVALID },
		{ "x = \"", "a", "\"\n", 0 },
		{ "", "#", "\n", 0 },
		{ "x = [for a in range(1024): [for b in range(1024): [for c in range(1024): c]]]", "", "", -ERR_EXHAUSTED },
		{ "x = setproduct(range(1000), range(1000), range(1000))", "", "", -ERR_EXHAUSTED },
		{ "x = [for i in range(1024): [for j in range(1024): can(1 + \"a\")]]", "", "", -ERR_EXHAUSTED },
		{ "x = regex_replace(\"a\", \"((a{0,30}){0,30}){0,30}\", \"\")", "", "", -ERR_INVALID },
		{ "a {\n dynamic \"b\" {\n for_each = range(1000)\n content {\n dynamic \"c\" {\n for_each = range(1000)\n content "
		  "{ d = 1 }\n}\n}\n}\n}\n",
		  "", "", -ERR_EXHAUSTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (read_many(rows[i].begin, *rows[i].piece ? rows[i].piece : "          \n", rows[i].end) != rows[i].r)
			fail_msg("%.60s%s: not %d", rows[i].begin, rows[i].piece, rows[i].r);
}

/* Texts that double, lists that double, locals that hang on one another. */
static void grows_no_further_than_it_may(void **state)
{
	(void)state;
	for (int k = 0; k < 2; k++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf b = { 0 };

		buf_adds(&b, "locals {\n a0 = \"aaaaaaaaaaaaaaaa\"\n");
		for (unsigned i = 1; i < 50; i++) {
			if (k)
				buf_addf(&b, " a%u = [local.a%u, local.a%u]\n", i, i - 1, i - 1);
			else
				buf_addf(&b, " a%u = \"${local.a%u}${local.a%u}\"\n", i, i - 1, i - 1);
		}
		buf_adds(&b, "}\nx = local.a49\n");
		assert_true(hcl_read(b.data, b.len, NULL, &t, NULL) < 0);
	}
}

static char *folder_new(void)
{
	char *dir = mem_strdup("/tmp/davit-test-hcl-XXXXXX");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static void put(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static void reads_files_of_its_folder_only(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "a = file(\"in/a.txt\")\n", "{a: \"hello\n\"}" },
		{ "a = file(\"./in/a.txt\")\n", "{a: \"hello\n\"}" },
		{ "a = filebase64(\"in/a.txt\")\n", "{a: \"aGVsbG8K\"}" },
		{ "a = [fileexists(\"in/a.txt\"), fileexists(\"in/b.txt\")]\n", "{a: [true, false]}" },
		{ "a = fileset(\".\", \"**/*.txt\")\n", "{a: [\"in/a.txt\"]}" }, /* no links, nothing beyond the folder */
		{ "a = fileset(\"in\", \"[ab].tx?\")\n", "{a: [\"a.txt\"]}" },
		{ "a = fileset(\".\", \"*\")\n", "{a: []}" },
		{ "a = fileset(\".\", \"**/in/**/**/a.*\")\n", "{a: [\"in/a.txt\"]}" },
		{ "a = fileset(\"nothing\", \"*\")\n", "{a: []}" },
		{ "a = fileset(\".\", \"../*\")\n",
		  "f:1:18: fileset: \"../*\": a relative pattern of at most 16 parts is wanted, without {} and .." },
		{ "a = fileset(\"/\", \"*\")\n",
		  "f:1:13: fileset: /: only files in the job file's folder are read, by a relative path without links" },
		{ "a = pathexpand(\"~/x\")\n", "{a: \"/h/x\"}" },
		{ "a = pathexpand(\"~\")\n", "{a: \"/h\"}" },
		{ "a = file(\"/etc/hostname\")\n",
		  "f:1:10: file: /etc/hostname: only files in the job file's folder are read, by a relative path without links" },
		{ "a = file(\"../x\")\n",
		  "f:1:10: file: ../x: only files in the job file's folder are read, by a relative path without links" },
		{ "a = file(\"link\")\n",
		  "f:1:10: file: link: only files in the job file's folder are read, by a relative path without links" },
		{ "a = file(\"in\")\n", "f:1:10: file: in: not a file that can be read, or of more than 1 MiB" },
	};
	_cleanup_free_ char *folder = folder_new(), *in = mem_printf("%s/in", folder), *link = mem_printf("%s/link", folder);
	char *env[] = { (char *)"HOME=/h", NULL };
	const struct hcl_options options = { .folder = folder, .env = env };

	(void)state;
	assert_int_equal(file_mkdirs(in, 0755, NULL), 0);
	put(folder, "in/a.txt", "hello\n");
	assert_int_equal(symlink("/etc/hostname", link), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf out = { 0 };
		struct err err = ERR_INIT;
		const int r = hcl_read(rows[i].text, strlen(rows[i].text), &options, &t, &err);

		if (r < 0)
			buf_adds(&out, err.msg);
		else
			hcl_show(t.root, false, &out);
		assert_string_equal(buf_str(&out), rows[i].shown);
	}
	(void)file_remove_tree(folder, NULL);
}

static void reads_variables_from_files(void **state)
{
	static const char job[] = "variable \"a\" { type = number }\nvariable \"b\" { type = list(string) }\nx = [var.a, var.b]\n";
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "a = 1\nb = [\"x\", 2]\n", "{x: [1, [\"x\", \"2\"]]}" },
		{ " {\"a\": 1, \"b\": [\"x\", true]}", "{x: [1, [\"x\", \"true\"]]}" },
		{ "a = 1\nb = []\nc = 2\n", "V:3:1: no variable \"c\" in the job file (there it would be: variable \"c\" {})" },
		{ "{\"c\": 1}", "V:1:2: no variable \"c\" in the job file (there it would be: variable \"c\" {})" },
		{ "a = \"z\"\n", "V:1:5: a number is wanted, not a text (\"z\")" },
		{ "variable \"a\" {}\n", "V:1:1: a block in a file of variables, which has NAME = VALUE" },
		{ "{\"a\": }", "V:1:7: unexpected character" },
		{ "{\"a\": \"${1}\", \"b\": []}", "{x: [1, []]}" },
		{ "{\"a\": \"${local.x}\"}", "V:1:3: local: no names here, only values" },
	};
	_cleanup_free_ char *folder = folder_new();
	_cleanup_strv_ struct strv files = { 0 };
	const struct hcl_options options = { .var_files = &files };

	(void)state;
	assert_int_equal(chdir(folder), 0);
	strv_push(&files, "V");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_tree_ struct tree t = { .file = "f" };
		_cleanup_buf_ struct buf out = { 0 };
		struct err err = ERR_INIT;

		put(folder, "V", rows[i].text);
		if (hcl_read(job, sizeof job - 1, &options, &t, &err) < 0)
			buf_adds(&out, err.msg);
		else
			hcl_show(t.root, false, &out);
		assert_string_equal(buf_str(&out), rows[i].shown);
	}
	assert_int_equal(chdir("/"), 0);
	(void)file_remove_tree(folder, NULL);
}

RUN_TESTS("hcl", cmocka_unit_test(has_the_shape_that_the_header_says), cmocka_unit_test(variables_get_their_values),
	  cmocka_unit_test(dynamic_blocks_are_repeated), cmocka_unit_test(says_where_it_is_wrong), cmocka_unit_test(is_bounded),
	  cmocka_unit_test(grows_no_further_than_it_may), cmocka_unit_test(reads_files_of_its_folder_only),
	  cmocka_unit_test(reads_variables_from_files))
