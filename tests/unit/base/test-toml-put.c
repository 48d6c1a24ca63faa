#include "test.h"
#include "mem.h"
#include "toml-put.h"

static void replaces_its_own_tables_only(void **state)
{
	static const char ours[] = "[p.\"x.y\".r.n]\nk = 1\n[p.\"x.y\".r.n.options]\nB = \"b\"\n";
	static const struct {
		const char *text, *expected; /* NULL: it stays */
	} cases[] = {
		{ "", "$" },
		{ "# mine\na = 1", "# mine\na = 1\n\n$" },
		{ "a = 1 # one\n\n[p.\"x.y\".r.m]\nk = 2\n", "a = 1 # one\n\n[p.\"x.y\".r.m]\nk = 2\n\n$" },
		{ "[p.\"x.y\".r.n]\n# old\nk = 2\nz = [\n 1,\n]\n\n# of m\n[p.\"x.y\".r.m]\nk = 2\n",
		  "$\n# of m\n[p.\"x.y\".r.m]\nk = 2\n" },
		{ "  [p.'x.y'.r.n]\n  k = 2\n[b]\nc = 1\n  [p.'x.y'.r.n.options]\n  Z = 1 # gone\n[d]\n", "$[b]\nc = 1\n[d]\n" },
		{ "t = '''\n[p.\"x.y\".r.n]\n'''\n", "t = '''\n[p.\"x.y\".r.n]\n'''\n\n$" },
		{ "[p]\n[p.\"x.y\".r.n]\nk=2", "[p]\n$" },
		{ "[p.\"x.y\".r]\nn = { k = 1, options.B = 'b' }\n", NULL },
		{ "[p.\"x.y\".r.n.options]\nB = 'b'\n[p.\"x.y\".r.n]\nk = 0x1", NULL },
	};
	_cleanup_strv_ struct strv path = { 0 };

	(void)state;
	strv_split(&path, "p|x.y|r|n", "|");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_free_ char *out = NULL, *again = NULL, *expected = NULL;
		const char *gap = cases[i].expected ? strchr(cases[i].expected, '$') : NULL;
		struct err err = ERR_INIT;

		assert_int_equal(toml_put(cases[i].text, strlen(cases[i].text), &path, ours, &out, &err), gap != NULL);
		if (!gap)
			continue;
		expected = mem_printf("%.*s%s%s", (int)(gap - cases[i].expected), cases[i].expected, ours, gap + 1);
		assert_string_equal(out, expected);
		assert_int_equal(toml_put(out, strlen(out), &path, ours, &again, &err), 0);
	}
}

static void refuses_what_it_cannot_replace(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "[p.\"x.y\".r]\nn = { k = 2 }\n", -ERR_PRECONDITION },
		{ "p.\"x.y\".r.n.z = 2\n", -ERR_PRECONDITION },
		{ "p = 1\n", -ERR_PRECONDITION },
		{ "p = [{a = 1}]\n", -ERR_PRECONDITION },
		{ "[[p.\"x.y\".r]]\nm = 1\n", -ERR_PRECONDITION },
		{ "[p\n", -ERR_INVALID },
	};
	_cleanup_strv_ struct strv path = { 0 };

	(void)state;
	strv_split(&path, "p|x.y|r|n", "|");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = ERR_INIT;
		char *out = NULL;

		if (toml_put(cases[i].text, strlen(cases[i].text), &path, "[p.\"x.y\".r.n]\nk = 1\n", &out, &err) != cases[i].r)
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_null(out);
	}
}

RUN_TESTS("toml-put", cmocka_unit_test(replaces_its_own_tables_only), cmocka_unit_test(refuses_what_it_cannot_replace))
