#include "grpc-text.h"
#include "clock.h"
#include <ctype.h>
#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>

void grpc_percent_encode(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c > 0x7e || c == '%')
			buf_addf(out, "%%%02X", c);
		else
			buf_addc(out, (char)c);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void grpc_percent_decode(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int hi = s[i] == '%' && n - i > 2 ? hex_digit(s[i + 1]) : -1;
		int lo = hi >= 0 ? hex_digit(s[i + 2]) : -1;
		char c = s[i];

		if (lo >= 0) {
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		buf_addc(out, c ? c : '?');
	}
}

static const struct unit {
	char name;
	int64_t ns;
} units[] = {
	{ 'n', 1 },
	{ 'u', 1000 },
	{ 'm', NSEC_PER_MSEC },
	{ 'S', NSEC_PER_SEC },
	{ 'M', 60 * NSEC_PER_SEC },
	{ 'H', 3600 * NSEC_PER_SEC },
};
enum { N_UNITS = sizeof units / sizeof *units, DIGITS_MAX = 8, VALUE_MAX = 99999999 };

const char *grpc_timeout_format(int64_t ns, char out[GRPC_TIMEOUT_TEXT])
{
	size_t u = 0;

	while (u < N_UNITS - 1 && ns / units[u].ns >= VALUE_MAX)
		u++;
	int64_t v = ns / units[u].ns + (ns % units[u].ns != 0);
	(void)snprintf(out, GRPC_TIMEOUT_TEXT, "%" PRId64 "%c", v, units[u].name);
	return out;
}

int grpc_timeout_parse(const char *s, size_t n, int64_t *ret_ns, struct err *err)
{
	int64_t v = 0;

	if (n < 2 || n > DIGITS_MAX + 1)
		return err_set(err, ERR_INVALID, "grpc-timeout of %zu characters", n);
	for (size_t i = 0; i < n - 1; i++) {
		if (!isdigit((unsigned char)s[i]))
			return err_set(err, ERR_INVALID, "grpc-timeout %.*s is no number", (int)n, s);
		v = v * 10 + (s[i] - '0');
	}
	for (size_t u = 0; u < N_UNITS; u++) {
		if (units[u].name != s[n - 1])
			continue;
		if (__builtin_mul_overflow(v, units[u].ns, ret_ns))
			*ret_ns = INT64_MAX;
		return 0;
	}
	return err_set(err, ERR_INVALID, "grpc-timeout %.*s has an unknown unit", (int)n, s);
}

int grpc_number_parse(const char *s, size_t n)
{
	int v = 0;

	if (!n || n > 9)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

enum errc grpc_code_of_http(int status)
{
	switch (status) {
	case 400: return ERR_INTERNAL;
	case 401: return ERR_UNAUTHENTICATED;
	case 403: return ERR_PERMISSION;
	case 404: return ERR_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504: return ERR_UNAVAILABLE;
	default: return ERR_UNKNOWN;
	}
}

enum errc grpc_code_of_h2(uint32_t error_code)
{
	switch (error_code) {
	case NGHTTP2_REFUSED_STREAM: return ERR_UNAVAILABLE;
	case NGHTTP2_CANCEL: return ERR_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM: return ERR_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY: return ERR_PERMISSION;
	default: return ERR_INTERNAL;
	}
}
