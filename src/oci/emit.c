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

void emit_close(struct buf *b, char bracket) { buf_addc(b, bracket); }

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
