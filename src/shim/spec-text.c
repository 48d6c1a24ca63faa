#include "spec-text.h"
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static size_t behind_space(struct span s, size_t i)
{
	while (i < s.len && s.at[i] && strchr(" \t\r\n", s.at[i]))
		i++;
	return i;
}

static char char_at(struct span s, size_t i) { return i < s.len ? s.at[i] : '\0'; }

/* The end of the string that begins at @i; 0: it has none. */
static size_t string_end(struct span s, size_t i)
{
	for (i++; i < s.len; i++) {
		if (s.at[i] == '\\')
			i++;
		else if (s.at[i] == '"')
			return i + 1;
	}
	return 0;
}

/* Of an object or an array: where as many have been closed as were opened, outside strings. */
static size_t nest_end(struct span s, size_t i)
{
	for (size_t depth = 0; i < s.len; i++) {
		if (s.at[i] == '"') {
			i = string_end(s, i);
			if (!i--)
				return 0;
		} else if (s.at[i] == '{' || s.at[i] == '[') {
			depth++;
		} else if (s.at[i] == '}' || s.at[i] == ']') {
			if (!--depth)
				return i + 1;
		}
	}
	return 0;
}

static size_t value_end(struct span s, size_t i)
{
	const size_t begin = i;

	if (char_at(s, i) == '"')
		return string_end(s, i);
	if (char_at(s, i) == '{' || char_at(s, i) == '[')
		return nest_end(s, i);
	while (i < s.len && s.at[i] && !strchr(",]} \t\r\n", s.at[i]))
		i++;
	return i > begin ? i : 0;
}

static bool is_plain_text(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '\\' || (unsigned char)s.at[i] >= 0x80 || (unsigned char)s.at[i] < ' ')
			return false;
	return true;
}

/* The member that begins at @i; returns its end, 0: there is none that we can tell. */
static size_t read_member(struct span s, size_t i, struct span *ret_name, struct span *ret_value)
{
	size_t end = char_at(s, i) == '"' ? string_end(s, i) : 0;

	if (!end)
		return 0;
	*ret_name = (struct span){ s.at + i + 1, end - i - 2 };
	i = behind_space(s, end);
	if (char_at(s, i) != ':' || !is_plain_text(*ret_name))
		return 0;
	i = behind_space(s, i + 1);
	end = value_end(s, i);
	*ret_value = (struct span){ s.at + i, end - i };
	return end;
}

enum span_found span_get(struct span s, const char *key, struct span *ret)
{
	const size_t n = strlen(key);
	size_t i = behind_space(s, 0);
	struct span name, value;

	if (char_at(s, i) != '{')
		return SPAN_UNSURE;
	i = behind_space(s, i + 1);
	if (char_at(s, i) == '}')
		return SPAN_ABSENT;
	for (;;) {
		i = read_member(s, i, &name, &value);
		if (!i)
			return SPAN_UNSURE;
		if (name.len == n && !strncasecmp(name.at, key, n)) {
			*ret = value;
			return SPAN_FOUND;
		}
		i = behind_space(s, i);
		if (char_at(s, i) == '}')
			return SPAN_ABSENT;
		if (char_at(s, i) != ',')
			return SPAN_UNSURE;
		i = behind_space(s, i + 1);
	}
}

enum span_found span_path(struct span s, const char *const *keys, struct span *ret)
{
	enum span_found found = SPAN_FOUND;

	for (; *keys && found == SPAN_FOUND; keys++)
		found = span_get(s, *keys, &s);
	if (found == SPAN_FOUND)
		*ret = s;
	return found;
}

enum span_found span_string(struct span value, struct span *ret)
{
	const struct span inner = { value.at + 1, value.len - 2 };

	if (value.len < 2 || *value.at != '"' || !is_plain_text(inner))
		return SPAN_UNSURE;
	*ret = inner;
	return SPAN_FOUND;
}
