#include "test.h"
#include "import.h"

static void splits_commands(void **state)
{
	static const struct {
		const char *text;
		int r;
		size_t n;
		const char *first;
	} cases[] = {
		{ "sh", 0, 1, "sh" },
		{ "httpd -f -p\t80", 0, 4, "httpd" },
		{ "[\"sh\",\"-c\",\"a b\"]", 0, 3, "sh" },
		{ "[]", 0, 0, NULL },
		{ "  ", 0, 0, NULL },
		{ "[\"sh\"", -ERR_INVALID, 0, NULL },
		{ "[1]", -ERR_INVALID, 0, NULL },
		{ "[\"a\"] x", -ERR_INVALID, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_strv_ struct strv words = { 0 };

		assert_int_equal(import_words(cases[i].text, &words, NULL), cases[i].r);
		if (cases[i].r < 0)
			continue;
		assert_int_equal(words.n, cases[i].n);
		if (cases[i].first)
			assert_string_equal(words.v[0], cases[i].first);
	}
}

/* What a user gave is looked at before anything is asked of containerd: there is none here. */
static void looks_at_the_options_first(void **state)
{
	static const struct {
		const char *name, *env, *port, *dir, *says;
	} cases[] = {
		{ "UPPER", NULL, NULL, NULL, "lower case" },
		{ "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL, NULL, NULL, "no digest" },
		{ "a", "NOVALUE", NULL, NULL, "NAME=VALUE" },
		{ "a", "=x", NULL, NULL, "NAME=VALUE" },
		{ "a", NULL, "0", NULL, "not a port" },
		{ "a", NULL, "65536", NULL, "not a port" },
		{ "a", NULL, "80/quic", NULL, "not a port" },
		{ "a", NULL, "x", NULL, "not a port" },
		{ "a", NULL, NULL, "relative", "absolute" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct import_spec spec = { .file = "/nowhere", .name = cases[i].name, .workdir = cases[i].dir };
		struct session s = { 0 };
		struct err err = ERR_INIT;

		platform_host(&s.platform);
		if (cases[i].env)
			strv_push(&spec.env, cases[i].env);
		if (cases[i].port)
			strv_push(&spec.expose, cases[i].port);
		assert_int_equal(import_image(&s, &spec, NULL, &err), -ERR_INVALID);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s", err.msg);
		strv_done(&spec.env);
		strv_done(&spec.expose);
	}
}

RUN_TESTS("import", cmocka_unit_test(splits_commands), cmocka_unit_test(looks_at_the_options_first))
