#include "test.h"
#include "spec-text.h"
#include <string.h>

static struct span span_of(const char *s) { return (struct span){ s, strlen(s) }; }

static void finds_values_as_they_stand(void **state)
{
	static const struct {
		const char *object, *value; /* NULL: absent */
	} rows[] = {
		{ "{\"k\":1}", "1" },
		{ " {\n\t\"k\" : [ {\"k\": \"]}\"} ] , \"l\":2}", "[ {\"k\": \"]}\"} ]" },
		{ "{\"a\":{\"k\":1},\"k\":{}}", "{}" },
		{ "{\"a\":\"\\\"k\\\":1\",\"k\":\"x\\\\\"}", "\"x\\\\\"" },
		{ "{\"K\":true}", "true" }, /* runc takes it for the same */
		{ "{\"k\":null }", "null" },
		{ "{}", NULL },
		{ " { } ", NULL },
		{ "{\"a\":{\"k\":1},\"kk\":[1,2,{\"k\":3}]}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct span got = { 0 };
		const enum span_found found = span_get(span_of(rows[i].object), "k", &got);

		assert_int_equal(found, rows[i].value ? SPAN_FOUND : SPAN_ABSENT);
		if (rows[i].value) {
			assert_int_equal(got.len, strlen(rows[i].value));
			assert_memory_equal(got.at, rows[i].value, got.len);
		}
	}
}

static void is_unsure_of_what_it_cannot_tell(void **state)
{
	static const char *const rows[] = {
		"",
		"[]",
		"null",
		"\"k\"",
		"{",
		"{\"k\"",
		"{\"k\":",
		"{\"k\":[1",
		"{\"k\":\"x",
		"{\"k\":\"x\\\"}",
		"{\"a\":1",
		"{\"a\":1 \"k\":2}",
		"{a:1,\"k\":2}",
		"{\"\\u006b\":1}",
		"{\"\xe2\x84\xaa\":1}", /* KELVIN SIGN: a "k" to who folds cases by Unicode */
	};
	struct span got;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(span_get(span_of(rows[i]), "k", &got), SPAN_UNSURE);
}

static void follows_a_path(void **state)
{
	static const char *const keys[] = { "linux", "seccomp", "flags", NULL };
	struct span got;

	(void)state;
	assert_int_equal(span_path(span_of("{\"linux\":{\"seccomp\":{\"flags\":[]}}}"), keys, &got), SPAN_FOUND);
	assert_memory_equal(got.at, "[]", got.len);
	assert_int_equal(span_path(span_of("{\"linux\":{\"a\":{\"flags\":[]}}}"), keys, &got), SPAN_ABSENT);
	assert_int_equal(span_path(span_of("{\"linux\":[{\"seccomp\":{}}]}"), keys, &got), SPAN_UNSURE);
}

static void takes_plain_strings(void **state)
{
	struct span got;

	(void)state;
	assert_int_equal(span_string(span_of("\"a b\""), &got), SPAN_FOUND);
	assert_int_equal(got.len, 3);
	assert_int_equal(span_string(span_of("\"a\\n\""), &got), SPAN_UNSURE);
	assert_int_equal(span_string(span_of("7"), &got), SPAN_UNSURE);
	assert_int_equal(span_string(span_of("\""), &got), SPAN_UNSURE);
}

RUN_TESTS("spec-text", cmocka_unit_test(finds_values_as_they_stand), cmocka_unit_test(is_unsure_of_what_it_cannot_tell),
	  cmocka_unit_test(follows_a_path), cmocka_unit_test(takes_plain_strings))
