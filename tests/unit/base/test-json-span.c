#include "json-span.h"
#include "test.h"
#include <string.h>

static void finds(const char *text, const char *key, const char *want)
{
	const char *p = text;
	size_t n = strlen(text);

	assert_int_equal(json_span(&p, &n, key), want != NULL);
	if (!want) {
		assert_ptr_equal(p, text);
		return;
	}
	assert_int_equal(n, strlen(want));
	assert_memory_equal(p, want, n);
}

static void parts(void **state)
{
	(void)state;
	finds("{\"a\":[1]}", "a", "[1]");
	finds(" { \"b\" : 1 , \"a\" : {\"x\":[2,{}]} }", "a", "{\"x\":[2,{}]}");
	finds("{\"b\":{\"a\":[1]},\"a\":[2]}", "a", "[2]");
	finds("{\"b\":\"\\\"a\\\":[1]\",\"a\":[2]}", "a", "[2]");
	finds("{\"b\":\"x\\\\\",\"a\":[\"]\\\"}\"]}", "a", "[\"]\\\"}\"]");
	finds("{\"ab\":[1],\"a\":[2]}", "a", "[2]");
}

static void no_part(void **state)
{
	static const char *const texts[] = { "",       "[]",      "{}",   "{\"a\":1}",   "{\"b\":[1]}",        "{a:[1]}",
					     "{\"a\"", "{\"a\":", "{\"a", "{\"b\":\"\\", "{\"b\":{\"a\":[1]}", "x" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		finds(texts[i], "a", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parts), cmocka_unit_test(no_part) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
