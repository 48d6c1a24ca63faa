#include "health-url.h"
#include "parse.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static int bad_url(const char *text, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, "health check \"%.200s\": %s", text, why);
}

/* The address; a name is the job itself. */
static void health_address(const char *host, unsigned port, struct health_url *u)
{
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)&u->at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&u->at;

	memset(&u->at, 0, sizeof u->at);
	if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		u->at_len = sizeof *six;
		return;
	}
	if (inet_pton(AF_INET, host, &four->sin_addr) != 1)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)port);
	u->at_len = sizeof *four;
}

static bool health_port(const char *s, size_t n, unsigned *ret)
{
	char digits[8];
	int64_t port;

	if (!n || n >= sizeof digits)
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (!parse_whole(digits, &port) || port < 1 || port > 65535)
		return false;
	*ret = (unsigned)port;
	return true;
}

/* "HOST", "HOST:PORT", "[::1]:PORT" in @n bytes. */
static bool health_authority(const char *s, size_t n, unsigned port, struct health_url *u)
{
	const bool six = n && *s == '[';
	const char *close = six ? memchr(s, ']', n) : NULL;
	const char *colon = six ? (close && close + 1 < s + n ? close + 1 : NULL) : memchr(s, ':', n);
	const char *end = colon ? colon : s + n;
	const char *from = six ? s + 1 : s, *to = six ? close : end;
	char host[256];

	if ((six && !close) || (colon && *colon != ':') || to <= from || (size_t)(to - from) >= sizeof host || n >= sizeof u->host)
		return false;
	if (colon && !health_port(colon + 1, (size_t)(s + n - colon - 1), &port))
		return false;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	memcpy(u->host, s, n);
	u->host[n] = '\0';
	health_address(host, port, u);
	return port != 0 && (!six || u->at.ss_family == AF_INET6);
}

/* What would end the line of a request. */
static bool health_has_blank(const char *text)
{
	for (; *text; text++)
		if (isspace((unsigned char)*text) || (unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static int parse_http(const char *text, struct health_url *u, struct err *err)
{
	static const char scheme[] = "http://";
	const char *host = text;
	size_t n;

	if (!strncmp(text, "https://", 8))
		return err_hint(err, bad_url(text, "davit asks by http alone", err),
				"a command that speaks TLS: --health-cmd 'curl -f %.100s'", text);
	if (*text != '/' && strncmp(text, scheme, sizeof scheme - 1) != 0)
		return err_hint(err, bad_url(text, "no URL", err), "http://127.0.0.1:8080/health");
	if (*text != '/')
		host += sizeof scheme - 1;
	n = strcspn(host, "/?#");
	u->path = host[n] == '/' ? host + n : "/";
	u->path_len = (int)strcspn(u->path, "#");
	if (*text == '/')
		return health_authority("localhost", 9, 80, u) ? 0 : bad_url(text, "no host", err);
	return health_authority(host, n, 80, u) ? 0 : bad_url(text, "not HOST or HOST:PORT", err);
}

int health_url_parse(enum health_kind kind, const char *text, struct health_url *ret, struct err *err)
{
	struct health_url u = { .path = "/", .path_len = 1 };
	char only[32];
	int r = 0;

	if (health_has_blank(text))
		return bad_url(text, "it has blanks", err);
	if (kind == HEALTH_HTTP) {
		r = parse_http(text, &u, err);
	} else {
		const bool number = text[strspn(text, "0123456789")] == '\0' && strlen(text) < 8;

		(void)snprintf(only, sizeof only, "127.0.0.1:%.8s", text);
		if (!health_authority(number ? only : text, strlen(number ? only : text), 0, &u))
			r = err_hint(err, bad_url(text, "not PORT or ADDRESS:PORT", err), "6379");
	}
	if (r >= 0)
		*ret = u;
	return r;
}
