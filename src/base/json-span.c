#include "json-span.h"
#include <string.h>

struct span {
	const char *p, *end;
};

static void span_blanks(struct span *s)
{
	while (s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p)
		s->p++;
}

/* Behind the text's last quote; it begins at the first. */
static void span_quoted(struct span *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
	s->p = s->p < s->end ? s->p + 1 : s->end;
}

/* Behind the value, whatever it is. */
static void span_value(struct span *s)
{
	size_t depth = 0;

	while (s->p < s->end) {
		const char c = *s->p;

		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return;
		if (c == '"') {
			span_quoted(s);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		s->p++;
		if (depth == 0 && (c == '}' || c == ']'))
			return;
	}
}

/* At a member's name: whether it is @key, and its value is next. */
static bool span_member(struct span *s, const char *key, bool *ret_is)
{
	const char *name = s->p + 1;

	if (s->p == s->end || *s->p != '"')
		return false;
	span_quoted(s);
	*ret_is = (size_t)(s->p - name) == strlen(key) + 1 && !memcmp(name, key, strlen(key));
	span_blanks(s);
	if (s->p == s->end || *s->p != ':')
		return false;
	s->p++;
	span_blanks(s);
	return s->p < s->end;
}

bool json_span(const char **text, size_t *n, const char *key)
{
	struct span s = { *text, *text + *n };
	bool is;

	span_blanks(&s);
	if (s.p == s.end || *s.p != '{')
		return false;
	do {
		const char *value;

		s.p++;
		span_blanks(&s);
		if (!span_member(&s, key, &is))
			return false;
		value = s.p;
		span_value(&s);
		if (is && (*value == '{' || *value == '[')) {
			*text = value;
			*n = (size_t)(s.p - value);
			return true;
		}
		span_blanks(&s);
	} while (s.p < s.end && *s.p == ',');
	return false;
}
