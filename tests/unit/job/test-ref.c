#include "test.h"
#include "digest.h"
#include "mem.h"
#include "ref.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void normalises(void **state)
{
	static const struct {
		const char *in, *name, *host, *path, *tag, *familiar;
	} cases[] = {
		{ "redis", "docker.io/library/redis:latest", "docker.io", "library/redis", "latest", "redis:latest" },
		{ "redis:7", "docker.io/library/redis:7", "docker.io", "library/redis", "7", "redis:7" },
		{ "docker.io/redis", "docker.io/library/redis:latest", "docker.io", "library/redis", "latest", "redis:latest" },
		{ "index.docker.io/redis:7", "docker.io/library/redis:7", "docker.io", "library/redis", "7", "redis:7" },
		{ "bitnami/redis:7.2", "docker.io/bitnami/redis:7.2", "docker.io", "bitnami/redis", "7.2", "bitnami/redis:7.2" },
		{ "localhost/a", "localhost/a:latest", "localhost", "a", "latest", "localhost/a:latest" },
		{ "localhost:5000/a/b:c", "localhost:5000/a/b:c", "localhost:5000", "a/b", "c", "localhost:5000/a/b:c" },
		{ "ghcr.io/x/y/z", "ghcr.io/x/y/z:latest", "ghcr.io", "x/y/z", "latest", "ghcr.io/x/y/z:latest" },
		{ "Host/a", "Host/a:latest", "Host", "a", "latest", "Host/a:latest" },
		{ "[::1]:5000/a:b", "[::1]:5000/a:b", "[::1]:5000", "a", "b", "[::1]:5000/a:b" },
		{ "a/b__c/d---e.f_g", "docker.io/a/b__c/d---e.f_g:latest", "docker.io", "a/b__c/d---e.f_g", "latest",
		  "a/b__c/d---e.f_g:latest" },
		{ "redis@" DIGEST, "docker.io/library/redis@" DIGEST, "docker.io", "library/redis", NULL, "redis@" DIGEST },
		{ "q.io/r:1@" DIGEST, "q.io/r:1@" DIGEST, "q.io", "r", "1", "q.io/r:1@" DIGEST },
		{ "docker.io/library/x/y", "docker.io/library/x/y:latest", "docker.io", "library/x/y", "latest",
		  "library/x/y:latest" },
		{ "docker.io/ker.io/x", "docker.io/ker.io/x:latest", "docker.io", "ker.io/x", "latest",
		  "docker.io/ker.io/x:latest" },
		{ "a:"
		  "UPPER_.-9",
		  "docker.io/library/a:UPPER_.-9", "docker.io", "library/a", "UPPER_.-9", "a:UPPER_.-9" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(ref_done) struct ref ref = { 0 }, again = { 0 };
		struct err err = ERR_INIT;

		if (ref_parse(cases[i].in, &ref, &err) < 0)
			fail_msg("%s: %s", cases[i].in, err.msg);
		assert_string_equal(ref.name, cases[i].name);
		assert_string_equal(ref.host, cases[i].host);
		assert_string_equal(ref.path, cases[i].path);
		if (cases[i].tag)
			assert_string_equal(ref.tag, cases[i].tag);
		else
			assert_null(ref.tag);
		assert_string_equal(ref_familiar(ref.name), cases[i].familiar);
		/* Both forms mean the same again. */
		assert_int_equal(ref_parse(ref_familiar(ref.name), &again, &err), 0);
		assert_string_equal(again.name, ref.name);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *in, *why;
	} cases[] = {
		{ "", "missing" },
		{ "/", "letters" },
		{ ":tag", "missing" },
		{ "a//b", "letters and digits" },
		{ "Redis", "lower case" },
		{ "redis:", "tag" },
		{ "redis:-a", "tag" },
		{ "redis:a b", "tag" },
		{ "re dis", "letters" },
		{ "a/b/", "letters" },
		{ "-a", "letters" },
		{ "a-", "letters" },
		{ "a..b", "letters" },
		{ "a___b", "letters" },
		{ "a._b", "letters" },
		{ "redis@sha256:12", "digest" },
		{ "redis@md5:0123", "digest" },
		{ "redis@", "digest" },
		{ "ho_st.x/a", "host" },
		{ "host:port/a", "host" },
		{ "host:123456/a", "host" },
		{ "host:65536/a", "host" },
		{ "host:0/a", "host" },
		{ "[zz]/a", "host" },
		{ "https://r.io/a:1", "without https://" },
		{ "http://r.io/a", "without https://" },
		{ ".x/a", "host" },
		{ "host:/a", "host" },
		{ "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "digest, not a name" },
		{ "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "as a digest is" },
		{ "docker.io/library/sha256:1", "as a digest is" },
		{ "sha512", "as a digest is" },
		{ "a\nb", "letters" },
		{ "\xc3\xa9", "letters" },
		{ "redis@" DIGEST "0", "digest" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ref ref = { .name = (char *)0x1 };
		struct err err = ERR_INIT;

		assert_int_equal(ref_parse(cases[i].in, &ref, &err), -ERR_INVALID);
		assert_ptr_equal(ref.name, (char *)0x1); /* written on success only */
		if (!strstr(err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].in, err.msg);
	}
}

static void bounds_lengths(void **state)
{
	struct {
		size_t path, tag;
		int r;
	} cases[] = {
		{ 200, 128, 0 }, { 200, 129, -ERR_INVALID }, { 237, 1, 0 }, { 238, 1, -ERR_INVALID }, { 100000, 1, -ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_free_ char *s = mem_zalloc(cases[i].path + cases[i].tag + 2);
		_cleanup_(ref_done) struct ref ref = { 0 };

		memset(s, 'a', cases[i].path + cases[i].tag + 1);
		s[cases[i].path] = ':';
		assert_int_equal(ref_parse(s, &ref, NULL), cases[i].r);
	}
}

static void knows_digests(void **state)
{
	(void)state;
	assert_true(digest_valid(DIGEST));
	assert_false(digest_valid(NULL));
	assert_false(digest_valid(""));
	assert_false(digest_valid(DIGEST "0"));
	assert_false(digest_valid("sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"));
	assert_false(digest_valid("sha512:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
}

RUN_TESTS("ref", cmocka_unit_test(normalises), cmocka_unit_test(refuses), cmocka_unit_test(bounds_lengths),
	  cmocka_unit_test(knows_digests))
