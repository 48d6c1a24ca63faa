#include "utf8.h"
#include <string.h>

size_t utf8_len(const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *)str;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (n > len || (n > 2 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
				  (s[0] == 0xf4 && s[1] > 0x8f))))
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

bool utf8_valid(const char *s, size_t len) { return valid_len(s, len) == len; }

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

/* Code points that may not be shown, in order. U+2065 and the like are not assigned yet and would be of their neighbours' kind. */
static const struct {
	unsigned first, last;
} unshown[] = {
	{ 0x0, 0x1f },      { 0x7f, 0x9f },     { 0x61c, 0x61c },   { 0x180e, 0x180e }, { 0x200b, 0x200b },   { 0x200e, 0x200f },
	{ 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

bool utf8_shown(unsigned c)
{
	if (c >= 0x20 && c < 0x7f)
		return true;
	for (size_t i = 0; i < sizeof unshown / sizeof *unshown && unshown[i].first <= c; i++)
		if (c <= unshown[i].last)
			return false;
	return true;
}

/* The character at @s of @n bytes, which is one. */
static unsigned code_point(const char *s, size_t n)
{
	static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned c = (unsigned char)*s & lead[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

/* The length of the character at @s when it may be shown, else 0 and in @ret_skip what stands there instead. */
static size_t shown_len(const char *s, size_t len, size_t *ret_skip)
{
	size_t n = utf8_len(s, len);

	*ret_skip = n ? n : 1;
	return n && utf8_shown(code_point(s, n)) ? n : 0;
}

void utf8_disarm(char *s)
{
	char *to = s;
	size_t skip;

	for (size_t len = strlen(s); len; s += skip, len -= skip) {
		size_t n = shown_len(s, len, &skip);

		if (n)
			memmove(to, s, n);
		else
			*to = '?';
		to += n ? n : 1;
	}
	*to = '\0';
}

/* A colour: ESC [ digits, semicolons and colons, m; at most so many bytes of them. */
static size_t colour_len(const char *s, size_t len)
{
	enum { COLOUR_MAX = 32 };
	size_t n = 2;

	if (len < 3 || s[0] != '\033' || s[1] != '[')
		return 0;
	while (n < len && n < COLOUR_MAX && strchr("0123456789;:", s[n]) && s[n])
		n++;
	return n < len && s[n] == 'm' ? n + 1 : 0;
}

/* A carriage return belongs to the end of a line; anywhere else it hides what stands before it. */
static bool stays_in_text(const char *s, size_t len)
{
	return *s == '\n' || *s == '\t' || (*s == '\r' && (len == 1 || s[1] == '\n'));
}

bool utf8_disarm_text(struct buf *out, const char *s, size_t len)
{
	bool coloured = false;
	size_t skip;

	for (; len; s += skip, len -= skip) {
		size_t n = shown_len(s, len, &skip), colour = n ? 0 : colour_len(s, len);

		if (colour)
			skip = colour;
		coloured |= colour > 0;
		if (n || colour || stays_in_text(s, len))
			buf_add(out, s, skip);
		else
			buf_addc(out, '?');
	}
	return coloured;
}

void utf8_escape_json(struct buf *out, const char *s, size_t len)
{
	size_t skip, plain = 0; /* bytes before @s that were not added yet: most text is all of that */

	for (; len; s += skip, len -= skip) {
		size_t n = shown_len(s, len, &skip);
		unsigned c = n ? 0 : code_point(s, skip);

		if (n || (unsigned char)*s < 0x20) { /* JSON has no control characters but white space between its parts */
			plain += skip;
			continue;
		}
		buf_add(out, s - plain, plain);
		plain = 0;
		if (!utf8_len(s, len))
			utf8_put(out, 0xfffd);
		else if (c < 0x10000)
			buf_addf(out, "\\u%04x", c);
		else
			buf_addf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
	}
	buf_add(out, s - plain, plain);
}
