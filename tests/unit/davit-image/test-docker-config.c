#include "test.h"
#include "docker-config.h"
#include "file.h"
#include "loop.h"
#include "mem.h"
#include <stdlib.h>
#include <sys/stat.h>

static int find(const char *text, const char *host, struct credential *ret, struct err *err)
{
	_cleanup_(docker_config_done) struct docker_config d = { 0 };
	_cleanup_(loop_freep) struct loop *l = loop_new();
	struct ctx ctx = ctx_within(NULL, 10000);
	int r = docker_config_parse(text, strlen(text), &d, err);

	return r < 0 ? r : docker_config_find(&d, l, host, &ctx, ret, err);
}

static void finds_the_registry(void **state)
{
	static const struct {
		const char *text, *host, *user, *secret;
		bool identity;
	} cases[] = {
		{ "{\"auths\":{\"r.io\":{\"auth\":\"am9lOnNlY3JldA==\"}}}", "r.io", "joe", "secret", false },
		{ "{\"auths\":{\"https://r.io/v2/\":{\"auth\":\"am9lOnNlY3JldA==\"}}}", "r.io", "joe", "secret", false },
		{ "{\"auths\":{\"https://index.docker.io/v1/\":{\"username\":\"a\",\"password\":\"b:c\"}}}", "docker.io", "a",
		  "b:c", false },
		{ "{\"auths\":{\"r.io:5000\":{\"identitytoken\":\"tok\",\"auth\":\"am9lOg==\"}}}", "r.io:5000", NULL, "tok", true },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"am9lOmE6Yg==\"}}}", "r.io", "joe", "a:b", false },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"am9lO\\nnNl\\r\\nY3JldA==\\n\"}}}", "r.io", "joe", "secret", false },
	};
	static const struct {
		const char *text, *host;
	} none[] = {
		{ "{}", "r.io" },
		{ "{\"auths\":{\"r.io\":{}}}", "r.io" },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"%%%%\"}}}", "r.io" },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"am9l\"}}}", "r.io" },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"abc\"}}}", "r.io" },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"am9lOnNlY3JldA==\"}}}", "r.io:5000" },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"am9l OnNlY3JldA==\"}}}", "r.io" },
		{ "{\"auths\":[],\"credHelpers\":7}", "r.io" },
		{ "{\"auths\":{\"r.io\":null,\"q\":3}}", "r.io" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(credential_done) struct credential c = { 0 };

		assert_int_equal(find(cases[i].text, cases[i].host, &c, NULL), 1);
		if (cases[i].user)
			assert_string_equal(c.user, cases[i].user);
		else
			assert_null(c.user);
		assert_string_equal(c.secret, cases[i].secret);
		assert_int_equal(c.identity, cases[i].identity);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		struct credential c = { 0 };

		assert_int_equal(find(none[i].text, none[i].host, &c, NULL), 0);
	}
	assert_int_equal(find("[]", "r.io", NULL, NULL), -ERR_INVALID);
	assert_int_equal(find("{", "r.io", NULL, NULL), -ERR_INVALID);
}

static void write_helper(const char *dir, const char *name, const char *script)
{
	_cleanup_free_ char *path = mem_printf("%s/docker-credential-%s", dir, name);
	_cleanup_(fclosep) FILE *f = fopen(path, "we");

	assert_non_null(f);
	(void)fprintf(f, "#!/bin/sh\n%s\n", script);
	assert_int_equal(chmod(path, 0755), 0);
}

static void asks_helpers(void **state)
{
	char dir[] = "/tmp/test-helpers.XXXXXX";
	_cleanup_free_ char *path = NULL;
	static const struct {
		const char *text, *host;
		int r;
		const char *user, *secret;
	} cases[] = {
		{ "{\"credsStore\":\"echo\"}", "r.io", 1, "r.io", "s" },
		{ "{\"credsStore\":\"echo\"}", "docker.io", 1, "https://index.docker.io/v1/", "s" },
		{ "{\"credsStore\":\"fails\",\"credHelpers\":{\"r.io\":\"echo\"}}", "r.io", 1, "r.io", "s" },
		{ "{\"credsStore\":\"token\"}", "r.io", 1, NULL, "tok" },
		{ "{\"credsStore\":\"none\"}", "r.io", 0, NULL, NULL },
		{ "{\"credsStore\":\"fails\"}", "r.io", -ERR_UNAUTHENTICATED, NULL, NULL },
		{ "{\"credsStore\":\"missing\"}", "r.io", -ERR_PRECONDITION, NULL, NULL },
		{ "{\"credsStore\":\"../../bin/sh\"}", "r.io", -ERR_PRECONDITION, NULL, NULL },
		{ "{\"credsStore\":\"garbage\"}", "r.io", -ERR_INVALID, NULL, NULL },
	};

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_helper(dir, "echo", "read h; echo \"{\\\"Username\\\":\\\"$h\\\",\\\"Secret\\\":\\\"s\\\"}\"");
	write_helper(dir, "token", "echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}'");
	write_helper(dir, "none", "echo 'credentials not found in native keychain'; exit 1");
	write_helper(dir, "fails", "echo locked; exit 3");
	write_helper(dir, "garbage", "echo }");
	path = mem_printf("%s:/usr/bin:/bin", dir);
	assert_int_equal(setenv("PATH", path, 1), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(credential_done) struct credential c = { 0 };
		struct err err = ERR_INIT;
		int r = find(cases[i].text, cases[i].host, &c, &err);

		if (r != cases[i].r)
			fail_msg("%s: %d %s", cases[i].text, r, err.msg);
		if (r == 1 && cases[i].user)
			assert_string_equal(c.user, cases[i].user);
		if (r == 1)
			assert_string_equal(c.secret, cases[i].secret);
		if (r == 1)
			assert_int_equal(c.identity, !cases[i].user);
	}
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

static void names_a_helper_that_is_missing(void **state)
{
	static const char *const texts[] = { "{\"credsStore\":\"no-such-store\"}",
					     "{\"credHelpers\":{\"r.io\":\"no-such-store\"}}" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		_cleanup_(credential_done) struct credential c = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(find(texts[i], "r.io", &c, &err), -ERR_PRECONDITION);
		assert_string_equal(err.msg, "credential helper docker-credential-no-such-store: not found in PATH");
		assert_non_null(strstr(err.hint, "credsStore"));
	}
}

RUN_TESTS("docker-config", cmocka_unit_test(finds_the_registry), cmocka_unit_test(asks_helpers),
	  cmocka_unit_test(names_a_helper_that_is_missing))
