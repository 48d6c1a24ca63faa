#include "test.h"
#include "term.h"

static void set(const char *name, const char *value) { assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0); }

static void asks_the_locale(void **state)
{
	static const struct {
		const char *all, *ctype, *lang;
		bool utf8;
	} rows[] = {
		{ NULL, NULL, NULL, false },     { NULL, NULL, "C", false },
		{ NULL, NULL, "C.UTF-8", true }, { NULL, NULL, "de_DE.utf8", true },
		{ "C", NULL, "C.UTF-8", false }, { "POSIX", "C.UTF-8", "C.UTF-8", false },
		{ "", "", "en_US.UTF-8", true }, { NULL, "en_US.ISO-8859-1", "C.UTF-8", false },
		{ "C.UTF-8", "C", "C", true },   { NULL, NULL, "en_US", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		set("LC_ALL", rows[i].all);
		set("LC_CTYPE", rows[i].ctype);
		set("LANG", rows[i].lang);
		assert_int_equal(term_utf8(), rows[i].utf8);
	}
}

static void takes_columns_from_the_shell(void **state)
{
	static const struct {
		const char *columns;
		unsigned width;
	} rows[] = {
		{ "40", 40 }, { "0", 0 }, { "-3", 0 }, { "many", 0 }, { "80x", 0 }, { "", 0 }, { "99999999999999999999", 0 },
	};
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		set("COLUMNS", rows[i].columns);
		assert_int_equal(term_width(p[1]), rows[i].width);
	}
	set("COLUMNS", NULL);
	assert_int_equal(term_width(p[1]), 0);
	assert_false(term_color(p[1]));
}

RUN_TESTS("term", cmocka_unit_test(asks_the_locale), cmocka_unit_test(takes_columns_from_the_shell))
