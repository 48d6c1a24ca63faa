#include "emit.h"
#include "json.h"
#include <inttypes.h>
#include <string.h>

void emit_key(struct buf *b, const char *key)
{
	char last = b->len ? b->data[b->len - 1] : '\0';

	if (last && !strchr("{[:,", last))
		buf_addc(b, ',');
	if (key) {
		json_quote(b, key, strlen(key));
		buf_addc(b, ':');
	}
}

void emit_open(struct buf *b, const char *key, char bracket)
{
	emit_key(b, key);
	buf_addc(b, bracket);
}

void emit_close(struct buf *b, char bracket)
{
	buf_addc(b, bracket);
}

void emit_str(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	emit_key(b, key);
	json_quote(b, value, strlen(value));
}

void emit_int(struct buf *b, const char *key, int64_t value)
{
	emit_key(b, key);
	buf_addf(b, "%" PRId64, value);
}

void emit_uint(struct buf *b, const char *key, uint64_t value)
{
	emit_key(b, key);
	buf_addf(b, "%" PRIu64, value);
}

void emit_bool(struct buf *b, const char *key, bool value)
{
	emit_key(b, key);
	buf_adds(b, value ? "true" : "false");
}

void emit_strv(struct buf *b, const char *key, const struct strv *s)
{
	emit_open(b, key, '[');
	for (size_t i = 0; i < s->n; i++)
		emit_str(b, NULL, s->v[i]);
	emit_close(b, ']');
}

void emit_words(struct buf *b, const char *key, const char *words)
{
	const char *between = "\"";

	emit_open(b, key, '[');
	while (*(words += strspn(words, " "))) {
		size_t n = strcspn(words, " ");

		buf_adds(b, between);
		buf_add(b, words, n);
		between = "\",\"";
		words += n;
	}
	buf_adds(b, *between == '"' && between[1] ? "\"]" : "]");
}

/* Bytes of the sequence that starts with @lead, and the least code point that needs so many; 0: none does. */
static int sequence(unsigned char lead, uint32_t *ret_bits, uint32_t *ret_least)
{
	static const struct { unsigned char mask, lead; int len; uint32_t least; } kinds[] = {
		{ 0x80, 0x00, 1, 0 }, { 0xe0, 0xc0, 2, 0x80 }, { 0xf0, 0xe0, 3, 0x800 }, { 0xf8, 0xf0, 4, 0x10000 },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if ((lead & kinds[i].mask) == kinds[i].lead) {
			*ret_bits = lead & (unsigned char)~kinds[i].mask;
			*ret_least = kinds[i].least;
			return kinds[i].len;
		}
	return 0;
}

bool utf8_valid(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t c = 0, least = 0;
		int n;

		if (!((unsigned char)s[i] & 0x80)) {
			i++;
			continue;
		}
		n = sequence((unsigned char)s[i], &c, &least);
		if (!n || (size_t)n > len - i)
			return false;
		for (int k = 1; k < n; k++) {
			if (((unsigned char)s[i + (size_t)k] & 0xc0) != 0x80)
				return false;
			c = c << 6 | ((unsigned char)s[i + (size_t)k] & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return false;
		i += (size_t)n;
	}
	return true;
}
