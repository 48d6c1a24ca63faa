#include "test.h"
#include "name.h"

static void knows_names(void **state)
{
	static const struct {
		const char *s;
		bool ok;
	} rows[] = {
		{ "a", true },         { "A1", true },          { "web-1", true }, { "a.b_c-d", true }, { "0", true },
		{ "", false },         { "-a", false },         { "a-", false },   { "a--b", false },   { "a._b", false },
		{ "a b", false },      { "a/b", false },        { "..", false },   { ".", false },      { "a\n", false },
		{ "\xc3\xa4", false }, { "a\xc3\xa4z", false }, { "a:b", false },  { "a%b", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (name_valid(rows[i].s, NAME_JOB_MAX) != rows[i].ok)
			fail_msg("\"%s\"", rows[i].s);
}

static void has_a_limit(void **state)
{
	char s[NAME_ID_MAX + 2] = { 0 };

	(void)state;
	memset(s, 'a', NAME_ID_MAX);
	assert_true(name_valid(s, NAME_ID_MAX));
	assert_false(name_valid(s, NAME_JOB_MAX));
	s[NAME_ID_MAX] = 'a';
	assert_false(name_valid(s, NAME_ID_MAX));
}

static void says_the_rule(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(name_check("job", "web", NAME_JOB_MAX, &err), 0);
	assert_int_equal(name_check("job", "we b", NAME_JOB_MAX, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "job \"we b\": not a valid name");
	assert_non_null(strstr(err.hint, "63"));
}

static void makes_random_ones(void **state)
{
	char a[130], b[130];

	(void)state;
	for (size_t n = 1; n < 130; n += 64) {
		memset(a, 'x', sizeof a);
		name_random(a, n);
		name_random(b, n);
		assert_int_equal(strlen(a), n);
		assert_int_equal(strspn(a, "0123456789abcdef"), n);
		assert_true(n == 1 || strcmp(a, b) != 0);
	}
}

static void finds_the_nearest(void **state)
{
	static const char *const verbs[] = { "run",     "ps",    "logs",    "exec",   "stop", "start",
					     "restart", "prune", "version", "images", "image" };
	static const struct {
		const char *s, *want;
	} rows[] = {
		{ "rnu", "run" },
		{ "pss", "ps" },
		{ "lgos", "logs" },
		{ "exce", "exec" },
		{ "strat", "start" },
		{ "restrat", "restart" },
		{ "verison", "version" },
		{ "imges", "images" },
		{ "Run", "run" },
		{ "PRUNE", "prune" },
		{ "tsop", "stop" },
		{ "push", NULL },
		{ "pause", NULL },
		{ "stat", "start" },
		{ "res", "restart" },
		{ "ima", "images" },
		{ "stop", "stop" },
		{ "ver", "version" },
		{ "im", NULL },
		{ "xyzzy", NULL },
		{ "", NULL },
		{ "containers", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *got = name_nearest(rows[i].s, verbs, sizeof verbs / sizeof *verbs);

		if (!rows[i].want != !got || (got && strcmp(got, rows[i].want)))
			fail_msg("\"%s\": %s", rows[i].s, got ? got : "none");
	}
	assert_null(name_nearest("run", NULL, 0));
}

RUN_TESTS("name", cmocka_unit_test(knows_names), cmocka_unit_test(has_a_limit), cmocka_unit_test(says_the_rule),
	  cmocka_unit_test(makes_random_ones), cmocka_unit_test(finds_the_nearest))
