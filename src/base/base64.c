#include "base64.h"
#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (; len; p += 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (len > 1 ? (uint32_t)p[1] << 8 : 0) | (len > 2 ? p[2] : 0);

		buf_addc(out, digits[v >> 18]);
		buf_addc(out, digits[v >> 12 & 63]);
		buf_addc(out, len > 1 ? digits[v >> 6 & 63] : '=');
		buf_addc(out, len > 2 ? digits[v & 63] : '=');
		len -= len > 3 ? 3 : len;
	}
}

/* 4 digits into at most 3 bytes; the count, or 0 when they are none. */
static size_t decode_group(const char *s, unsigned char to[3])
{
	size_t n = s[3] != '=' ? 3 : s[2] != '=' ? 2 : 1;
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *d = s[i] ? strchr(digits, s[i]) : NULL;

		if (!d && (i <= n || s[i] != '='))
			return 0;
		v = v << 6 | (d ? (uint32_t)(d - digits) : 0);
	}
	to[0] = (unsigned char)(v >> 16);
	to[1] = (unsigned char)(v >> 8);
	to[2] = (unsigned char)v;
	return n;
}

int base64_decode(struct buf *out, const char *s, size_t len, struct err *err)
{
	size_t start = out->len;

	for (size_t i = 0; i + 4 <= len; i += 4) {
		unsigned char bytes[3];
		size_t n = decode_group(s + i, bytes);

		if (n == 0 || (n < 3 && i + 4 != len)) {
			buf_cut(out, start);
			return err_set(err, ERR_INVALID, "not base64 at byte %zu", i);
		}
		buf_add(out, bytes, n);
	}
	if (len % 4 == 0)
		return 0;
	buf_cut(out, start);
	return err_set(err, ERR_INVALID, "not base64: ends too early");
}
