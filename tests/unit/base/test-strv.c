#include "test.h"
#include "strv.h"

static void check(const struct strv *s, const char *want)
{
	_cleanup_free_ char *got = strv_join(s, "|");

	assert_string_equal(got, want);
	assert_null(strv_argv(s)[s->n]);
}

static void splits(void **state)
{
	static const struct {
		const char *s, *any_of, *want;
	} rows[] = {
		{ "a,b", ",", "a|b" },
		{ ",,a,,b,,", ",", "a|b" },
		{ "", ",", "" },
		{ ",,,", ",", "" },
		{ " one\ttwo  three ", " \t", "one|two|three" },
		{ "a,b", "", "a,b" },
		{ "a=b:c", ":=", "a|b|c" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_strv_ struct strv s = { 0 };

		strv_split(&s, rows[i].s, rows[i].any_of);
		check(&s, rows[i].want);
	}
}

static void stays_ended_by_null(void **state)
{
	_cleanup_strv_ struct strv s = { 0 };

	(void)state;
	assert_non_null(strv_argv(&s));
	assert_null(strv_argv(&s)[0]);
	for (int i = 0; i < 100; i++) {
		strv_pushf(&s, "%d", i);
		assert_null(s.v[s.n]);
	}
	assert_int_equal(s.n, 100);
	assert_true(strv_has(&s, "99"));
	assert_false(strv_has(&s, "100"));
	assert_false(strv_has(&s, ""));
}

static void adds_itself_once(void **state)
{
	_cleanup_strv_ struct strv s = { 0 };

	(void)state;
	strv_push(&s, "a");
	strv_push(&s, "b");
	strv_add(&s, &s);
	check(&s, "a|b|a|b");
}

static void environment(void **state)
{
	_cleanup_strv_ struct strv s = { 0 };

	(void)state;
	strv_setenv(&s, "PATH=/bin");
	strv_setenv(&s, "P=1");
	strv_setenv(&s, "EMPTY=");
	strv_setenv(&s, "Q=a=b");
	assert_string_equal(strv_env(&s, "P"), "1"); /* not the beginning of PATH */
	assert_string_equal(strv_env(&s, "EMPTY"), "");
	assert_string_equal(strv_env(&s, "Q"), "a=b");
	assert_null(strv_env(&s, "PAT"));
	assert_null(strv_env(&s, "Z"));
	strv_setenv(&s, "PATH=/usr/bin");
	check(&s, "PATH=/usr/bin|P=1|EMPTY=|Q=a=b"); /* replaced where it stood */
	strv_setenv(&s, s.v[1]);                     /* an entry of its own */
	check(&s, "PATH=/usr/bin|P=1|EMPTY=|Q=a=b");
}

static void many_variables(void **state)
{
	_cleanup_strv_ struct strv s = { 0 }, from = { 0 }, slow = { 0 };
	static const char *const some[] = { "P=2", "NEW=1", "PA=", "NEW=2", "Q=a=c", "=x", "P=3", "bare", "A=1=" };

	(void)state;
	strv_split(&s, "PATH=/bin|P=1|EMPTY=|Q=a=b|P=again|odd", "|");
	strv_add(&slow, &s);
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		strv_push(&from, some[i]);
	for (int i = 0; i < 3000; i++)
		strv_pushf(&from, "V%d=%d", i % 2000, i);
	strv_setenvs(&s, &from);
	for (size_t i = 0; i < from.n; i++)
		strv_setenv(&slow, from.v[i]);
	assert_int_equal(s.n, slow.n);
	for (size_t i = 0; i < s.n; i++)
		assert_string_equal(s.v[i], slow.v[i]);
	strv_setenvs(&(struct strv){ 0 }, &(struct strv){ 0 });
}

static void sorts_from_one_on(void **state)
{
	_cleanup_strv_ struct strv s = { 0 };

	(void)state;
	strv_sort(&s, 0);
	strv_split(&s, "z b a B 10 9", " ");
	strv_sort(&s, 6);
	check(&s, "z|b|a|B|10|9");
	strv_sort(&s, 1);
	check(&s, "z|10|9|B|a|b");
	strv_sort(&s, 0);
	check(&s, "10|9|B|a|b|z");
}

static void the_first_that_stood_before(void **state)
{
	static const struct {
		const char *texts;
		size_t twice;
	} rows[] = {
		{ "", 0 }, { "a", 1 }, { "a b", 2 }, { "a a", 1 }, { "c a b b a c", 3 }, { "b a c c a b a", 3 }, { "a a a", 1 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_strv_ struct strv s = { 0 };

		strv_split(&s, rows[i].texts, " ");
		assert_int_equal(texts_twice((const char *const *)s.v, s.n), rows[i].twice);
	}
}

RUN_TESTS("strv", cmocka_unit_test(splits), cmocka_unit_test(stays_ended_by_null), cmocka_unit_test(adds_itself_once),
	  cmocka_unit_test(environment), cmocka_unit_test(many_variables), cmocka_unit_test(sorts_from_one_on),
	  cmocka_unit_test(the_first_that_stood_before))
