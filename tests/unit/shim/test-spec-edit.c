#include "test.h"
#include "spec-edit.h"
#include <string.h>

static struct span text_span(const char *text) { return (struct span){ text, strlen(text) }; }

/* @expected NULL: it stays. */
static void expect(bool changed, struct buf *out, const char *expected)
{
	assert_int_equal(changed, expected != NULL);
	if (expected)
		assert_string_equal(buf_str(out), expected);
	buf_done(out);
}

static void test_version(void **state)
{
	static const struct {
		const char *program, *spec, *expected;
	} rows[] = {
		{ "/usr/bin/crun", "{\"ociVersion\":\"1.3.0\",\"process\":{}}", "{\"ociVersion\":\"1.0.2\",\"process\":{}}" },
		{ "/usr/bin/crun", "{ \"process\" : {}, \"ociVersion\" : \"1.2.1-dev\" }",
		  "{ \"process\" : {}, \"ociVersion\" : \"1.0.2\" }" },
		{ "/opt/crun-static", "{\"ociVersion\":\"2.5\"}", "{\"ociVersion\":\"1.0.2\"}" },
		{ "crun", "{\"ociVersion\":\"1.0.2-dev\"}", NULL },
		{ "crun", "{\"ociVersion\":\"1.1.0\"}", NULL }, /* crun takes it */
		{ "crun", "{\"process\":{\"ociVersion\":\"1.3.0\"}}", NULL },
		{ "crun", "", NULL },
		{ "/usr/sbin/runc", "{\"ociVersion\":\"1.3.0\"}", NULL },
		{ "/opt/crun/bin/runsc", "{\"ociVersion\":\"1.3.0\"}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out = { 0 };

		expect(spec_lower_version(rows[i].program, text_span(rows[i].spec), &out), &out, rows[i].expected);
	}
}

static void test_terminal(void **state)
{
	static const struct {
		const char *process;
		bool terminal;
		const char *expected;
	} rows[] = {
		{ "{\"args\":[\"sh\"]}", true, "{\"terminal\":true,\"args\":[\"sh\"]}" },
		{ "{\"args\":[\"sh\"]}", false, NULL },
		{ "{\"terminal\":true,\"args\":[]}", true, NULL },
		{ "{\"terminal\": true ,\"args\":[]}", false, "{\"terminal\": false ,\"args\":[]}" },
		{ "{\"args\":[],\"Terminal\":false}", true, "{\"args\":[],\"Terminal\":true}" },
		{ "{\"env\":[\"terminal\"]}", false, NULL },
		{ "no object", true, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out = { 0 };

		expect(spec_set_terminal(text_span(rows[i].process), rows[i].terminal, &out), &out, rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
