#include "url.h"
#include "mem.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

void url_escape(struct buf *to, const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80 && (isalnum((unsigned char)*text) || strchr("-._~", *text)))
			buf_addc(to, *text);
		else
			buf_addf(to, "%%%02X", (unsigned char)*text);
	}
}

int url_split(const char *url, bool *ret_tls, const char **ret_host, size_t *ret_host_len, const char **ret_path)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	const char *host = url + (tls ? 8 : 7);
	size_t n;

	if (!tls && strncmp(url, "http://", 7) != 0)
		return -1;
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= 0x20 || *c == 0x7f || *c == '\\')
			return -1;
	n = strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]");
	if (!n || (host[n] && !strchr("/?#", host[n])))
		return -1;
	*ret_tls = tls;
	*ret_host = host;
	*ret_host_len = n;
	*ret_path = host + n;
	return 0;
}

bool url_loopback(const char *host, size_t len)
{
	_cleanup_free_ char *h = mem_strndup(host, len);
	unsigned a, b, c;
	int end = 0;

	if (strncmp(h, "[::1]", 5) == 0)
		return !h[5] || h[5] == ':';
	h[strcspn(h, ":")] = '\0';
	return strcmp(h, "localhost") == 0 ||
	       (sscanf(h, "127.%3u.%3u.%3u%n", &a, &b, &c, &end) == 3 && !h[end] && a < 256 && b < 256 && c < 256);
}
