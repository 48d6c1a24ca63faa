#include "test.h"
#include "url.h"

static void splits_addresses(void **state)
{
	static const struct {
		const char *url;
		int r;
		bool tls;
		const char *host, *path;
	} cases[] = {
		{ "https://a.b:5/c/d", 0, true, "a.b:5", "/c/d" },
		{ "http://a", 0, false, "a", "" },
		{ "http://[::1]:5/x", 0, false, "[::1]:5", "/x" },
		{ "https://a?q", 0, true, "a", "?q" },
		{ "ftp://a", -1, false, NULL, NULL },
		{ "https://", -1, false, NULL, NULL },
		{ "https://u@h/", -1, false, NULL, NULL },
		{ "http://a\r\nX: y", -1, false, NULL, NULL },
		{ "https:/a", -1, false, NULL, NULL },
		{ "http://a\\b", -1, false, NULL, NULL },
		{ "", -1, false, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *host, *path;
		size_t n;
		bool tls;

		assert_int_equal(url_split(cases[i].url, &tls, &host, &n, &path), cases[i].r);
		if (cases[i].r < 0)
			continue;
		assert_int_equal(tls, cases[i].tls);
		assert_int_equal(n, strlen(cases[i].host));
		assert_memory_equal(host, cases[i].host, n);
		assert_string_equal(path, cases[i].path);
	}
}

static void knows_this_machine(void **state)
{
	static const struct {
		const char *host;
		bool is;
	} cases[] = {
		{ "localhost", true },    { "localhost:80", true },
		{ "127.0.0.1", true },    { "127.255.0.3:5000", true },
		{ "[::1]", true },        { "[::1]:5", true },
		{ "127.0.0.1.x", false }, { "127.0.0", false },
		{ "128.0.0.1", false },   { "localhost.x", false },
		{ "127.0.0.999", false }, { "127.0.0.1x", false },
		{ "[::1]x", false },      { "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (url_loopback(cases[i].host, strlen(cases[i].host)) != cases[i].is)
			fail_msg("%s", cases[i].host);
}

static void escapes(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	url_escape(&b, "repository:a/b:pull &=\xc3\xa9~");
	assert_string_equal(buf_str(&b), "repository%3Aa%2Fb%3Apull%20%26%3D%C3%A9~");
}

RUN_TESTS("url", cmocka_unit_test(splits_addresses), cmocka_unit_test(knows_this_machine), cmocka_unit_test(escapes))
