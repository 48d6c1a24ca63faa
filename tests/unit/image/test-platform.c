#include "test.h"
#include "platform.h"

static void parses(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "linux/amd64", "linux/amd64" },     { "linux/x86_64", "linux/amd64" },   { "Linux/AMD64", "linux/amd64" },
		{ "arm64", "linux/arm64" },           { "linux/arm64/v8", "linux/arm64" }, { "linux/aarch64", "linux/arm64" },
		{ "linux/arm", "linux/arm/v7" },      { "linux/arm/7", "linux/arm/v7" },   { "linux/arm/v6", "linux/arm/v6" },
		{ "armhf", "linux/arm/v7" },          { "armel", "linux/arm/v6" },         { "i686", "linux/386" },
		{ "windows/amd64", "windows/amd64" }, { "linux/amd64/v1", "linux/amd64" }, { "linux/amd64/v3", "linux/amd64/v3" },
		{ "linux/riscv64", "linux/riscv64" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct platform p;
		char text[PLATFORM_TEXT];

		assert_int_equal(platform_parse(cases[i].in, &p, NULL), 0);
		assert_string_equal(platform_text(&p, text), cases[i].out);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {
		"linux",        "/",
		"/amd64",       "linux/",
		"linux//amd64", "linux/amd64/v1/x",
		"li nux/amd64", "linux/amd64;rm",
		"l\xc3\xa9/x",  "linux/a-very-long-architecture-name",
		"linux/amd64/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct platform p;
		struct err err = ERR_INIT;

		if (platform_parse(cases[i], &p, &err) != -ERR_INVALID)
			fail_msg("%s is taken", cases[i]);
		assert_non_null(strstr(err.hint, "linux/amd64"));
	}
}

static void the_host_is_the_default(void **state)
{
	struct platform host, p;

	(void)state;
	platform_host(&host);
	assert_string_equal(host.os, "linux");
	assert_int_equal(platform_parse(NULL, &p, NULL), 0);
	assert_memory_equal(p.arch, host.arch, strlen(host.arch) + 1);
	assert_int_equal(platform_parse("", &p, NULL), 0);
	assert_int_equal(platform_match(&host, &p), 0);
}

/* For each wish the suitable ones in their order. */
static void matches_best_first(void **state)
{
	static const struct {
		const char *want, *have[6], *never[4];
	} cases[] = {
		{ "linux/amd64", { "linux/amd64", "linux/386" }, { "linux/arm64", "windows/amd64", "linux/amd64/v3" } },
		{ "linux/amd64/v3", { "linux/amd64/v3", "linux/amd64/v2", "linux/amd64" }, { "linux/amd64/v4" } },
		{ "linux/arm/v7", { "linux/arm/v7", "linux/arm/v6", "linux/arm/v5" }, { "linux/arm/v8", "linux/arm64" } },
		{ "linux/arm64", { "linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6" }, { "linux/amd64" } },
		{ "linux/s390x", { "linux/s390x" }, { "linux/amd64" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct platform want, have;
		int last = -1;

		assert_int_equal(platform_parse(cases[i].want, &want, NULL), 0);
		for (size_t k = 0; k < 6 && cases[i].have[k]; k++) {
			int score;

			assert_int_equal(platform_parse(cases[i].have[k], &have, NULL), 0);
			score = platform_match(&want, &have);
			if (score <= last)
				fail_msg("%s on %s: %d after %d", cases[i].have[k], cases[i].want, score, last);
			last = score;
		}
		for (size_t k = 0; k < 4 && cases[i].never[k]; k++) {
			assert_int_equal(platform_parse(cases[i].never[k], &have, NULL), 0);
			assert_int_equal(platform_match(&want, &have), -1);
		}
	}
}

static void survives_long_names(void **state)
{
	char os[300], text[PLATFORM_TEXT];
	struct platform p;

	(void)state;
	memset(os, 'x', sizeof os - 1);
	os[sizeof os - 1] = '\0';
	platform_set(&p, os, os, os);
	assert_true(strlen(platform_text(&p, text)) < PLATFORM_TEXT);
	assert_true(strlen(platform_label(&p, text)) < PLATFORM_TEXT);
	platform_set(&p, NULL, NULL, NULL);
	assert_string_equal(platform_text(&p, text), "linux/");
	platform_set(&p, "linux", "arm", "9999999999999999999999999");
	assert_string_equal(platform_text(&p, text), "linux/arm/v9");
}

RUN_TESTS("platform", cmocka_unit_test(parses), cmocka_unit_test(refuses), cmocka_unit_test(the_host_is_the_default),
	  cmocka_unit_test(matches_best_first), cmocka_unit_test(survives_long_names))
