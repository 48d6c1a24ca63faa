#include "utf8.h"

size_t utf8_len(const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *)str;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (n > len || (n > 2 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
				  (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* How many bytes from @s on are characters. */
static size_t valid_len(const char *s, size_t len)
{
	size_t at = 0, n;

	while (at < len && (n = utf8_len(s + at, len - at)))
		at += n;
	return at;
}

bool utf8_valid(const char *s, size_t len)
{
	return valid_len(s, len) == len;
}

void utf8_put(struct buf *b, unsigned c)
{
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };

	buf_addc(b, (char)(lead[more] | c >> 6 * more));
	while (more--)
		buf_addc(b, (char)(0x80 | (c >> 6 * more & 0x3f)));
}

void utf8_mend(struct buf *out, const char *s, size_t len)
{
	for (;;) {
		size_t n = valid_len(s, len);

		buf_add(out, s, n);
		if (n == len)
			return;
		utf8_put(out, 0xfffd);
		s += n + 1;
		len -= n + 1;
	}
}
