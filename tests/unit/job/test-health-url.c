#include "health-url.h"
#include "test.h"
#include <arpa/inet.h>
#include <netinet/in.h>

/* "ADDRESS PORT HOST PATH", or "" for what is refused. */
static const char *parsed(enum health_kind kind, const char *text, char out[600])
{
	struct health_url u;
	char address[INET6_ADDRSTRLEN];
	const struct sockaddr_in *four = (const void *)&u.at;
	const struct sockaddr_in6 *six = (const void *)&u.at;
	bool is_six;

	*out = '\0';
	if (health_url_parse(kind, text, &u, NULL) < 0)
		return out;
	is_six = u.at.ss_family == AF_INET6;
	(void)inet_ntop(u.at.ss_family, is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr, address,
			sizeof address);
	(void)snprintf(out, 600, "%s %d %s %.*s", address, ntohs(is_six ? six->sin6_port : four->sin_port), u.host, u.path_len,
		       u.path);
	return out;
}

static void http(void **state)
{
	static const char *const table[][2] = {
		{ "/health?x=1", "127.0.0.1 80 localhost /health?x=1" },
		{ "http://10.1.2.3:8080/a#b", "10.1.2.3 8080 10.1.2.3:8080 /a" },
		{ "http://web.internal", "127.0.0.1 80 web.internal /" },
		{ "http://[::1]:81/x", "::1 81 [::1]:81 /x" },
		{ "http://[::1]", "::1 80 [::1] /" },
		{ "http://h?x", "127.0.0.1 80 h /" },
		{ "http://", "" },
		{ "http://h:0/", "" },
		{ "http://h:65536/", "" },
		{ "http://h:1x/", "" },
		{ "http://[::1/", "" },
		{ "http://[web]/", "" },
		{ "http://h/a b", "" },
		{ "http://h/a\r\nX: y", "" },
		{ "https://h/", "" },
		{ "h/", "" },
		{ "", "" },
	};
	char out[600];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(parsed(HEALTH_HTTP, table[i][0], out), table[i][1]);
}

static void tcp(void **state)
{
	static const char *const table[][2] = {
		{ "6379", "127.0.0.1 6379 127.0.0.1:6379 /" },
		{ "db:5432", "127.0.0.1 5432 db:5432 /" },
		{ "[fe80::1]:1", "fe80::1 1 [fe80::1]:1 /" },
		{ "db", "" },
		{ "0", "" },
		{ "1234567", "" },
		{ ":80", "" },
		{ "", "" },
	};
	char out[600];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(parsed(HEALTH_TCP, table[i][0], out), table[i][1]);
}

RUN_TESTS("health-url", cmocka_unit_test(http), cmocka_unit_test(tcp))
