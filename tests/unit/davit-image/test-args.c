#include "test.h"
#include "args.h"
#include "ctrd.h"

static int parse(const char *const *words, struct args *a, struct err *err)
{
	char *argv[16] = { (char *)(uintptr_t) "davit-image" };
	int n = 1;

	for (; *words; words++)
		argv[n++] = (char *)(uintptr_t)*words;
	return args_parse(n, argv, a, err);
}
#define PARSE(a, err, ...) parse((const char *const[]){ __VA_ARGS__, NULL }, a, err)

static void takes_options_anywhere(void **state)
{
	_cleanup_(args_done) struct args a = { 0 };

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "-n", "x", "import", "--cmd=sh -c", "-", "--cmd", "true", "-q", "name:1", "--env=A=B"), 0);
	assert_string_equal(a.verb, "import");
	assert_string_equal(a.ns, "x");
	assert_true(a.quiet);
	assert_int_equal(a.cmd.n, 2);
	assert_string_equal(a.cmd.v[0], "sh -c");
	assert_string_equal(a.env.v[0], "A=B");
	assert_int_equal(a.rest.n, 2);
	assert_string_equal(a.rest.v[0], "-");
}

static void has_defaults_and_an_environment(void **state)
{
	_cleanup_(args_done) struct args a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(unsetenv("CONTAINERD_ADDRESS") | unsetenv("CONTAINERD_NAMESPACE"), 0);
	assert_int_equal(PARSE(&a, NULL, "load"), 0);
	assert_string_equal(a.address, CTRD_ADDRESS);
	assert_string_equal(a.ns, "davit");
	assert_int_equal(setenv("CONTAINERD_ADDRESS", "/x", 1) | setenv("CONTAINERD_NAMESPACE", "y", 1), 0);
	assert_int_equal(PARSE(&b, NULL, "load", "--namespace", "z"), 0);
	assert_string_equal(b.address, "/x");
	assert_string_equal(b.ns, "z");
}

static void a_double_dash_ends_options(void **state)
{
	_cleanup_(args_done) struct args a = { 0 };

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "pull", "--", "--odd"), 0);
	assert_string_equal(a.rest.v[0], "--odd");
}

static void refuses(void **state)
{
	static const struct {
		const char *words[6], *says, *hint;
	} cases[] = {
		{ { "" }, "unknown", NULL },
		{ { "shove", "x" }, "verb \"shove\": unknown", NULL },
		{ { "pull" }, "takes 1 operands, not 0", "davit-image" },
		{ { "save" }, "takes 1 operands or more, not 0", "davit-image save [OPTION...] REF..." },
		{ { "import", "f" }, "takes 2", NULL },
		{ { "load", "x" }, "takes 0", NULL },
		{ { "pull", "x", "--platfrom", "y" }, "--platfrom: unknown", "--platform" },
		{ { "pull", "x", "--lease" }, "--lease needs a value", NULL },
		{ { "pull", "x", "--quiet=yes" }, "takes no value", NULL },
		{ { "pull", "x", "--cmd", "sh" }, "--cmd is one of import", NULL },
		{ { "load", "--hosts-dir=/" }, "is one of pull", NULL },
		{ { "pull", "x", "-z" }, "-z: unknown", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct args a = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(parse(cases[i].words, &a, &err), -ERR_INVALID);
		if (!strstr(err.msg, cases[i].says) || (cases[i].hint && !strstr(err.hint, cases[i].hint)))
			fail_msg("%s (%s)", err.msg, err.hint);
	}
}

static void help_has_every_verb(void **state)
{
	_cleanup_free_ char *help = args_help();
	static const char *const wanted[] = { "pull", "unpack", "load", "import", "--platform OS/ARCH", "-q, --quiet", "(import)" };

	(void)state;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		assert_non_null(strstr(help, wanted[i]));
}

RUN_TESTS("args", cmocka_unit_test(takes_options_anywhere), cmocka_unit_test(has_defaults_and_an_environment),
	  cmocka_unit_test(a_double_dash_ends_options), cmocka_unit_test(refuses), cmocka_unit_test(help_has_every_verb))
