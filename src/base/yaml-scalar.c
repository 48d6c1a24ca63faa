#include "yaml-scalar.h"
#include <string.h>

static size_t plain_digits(const char *p, const char *of) { return strspn(p, of); }

/* Base 10 without a 0 before it, or 0x1f. */
static bool plain_whole(const char *p)
{
	const char *unsigned_p = p + (*p == '-' || *p == '+');
	size_t n = plain_digits(unsigned_p, "0123456789");

	if (n && !unsigned_p[n])
		return n == 1 || *unsigned_p != '0';
	n = !strncmp(p, "0x", 2) ? plain_digits(p + 2, "0123456789abcdefABCDEF") : 0;
	return n && !p[2 + n];
}

static bool plain_float(const char *p)
{
	size_t before, after = 0;
	bool dot;

	if (!strcmp(p, ".nan") || !strcmp(p, ".NaN") || !strcmp(p, ".NAN"))
		return true;
	p += *p == '-' || *p == '+';
	if (!strcmp(p, ".inf") || !strcmp(p, ".Inf") || !strcmp(p, ".INF"))
		return true;
	before = plain_digits(p, "0123456789");
	p += before;
	dot = *p == '.';
	if (dot)
		after = plain_digits(++p, "0123456789");
	p += after;
	if (!before && !after)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '-' || *p == '+';
		before = plain_digits(p, "0123456789");
		return before && !p[before];
	}
	return dot && !*p;
}

enum node_kind yaml_plain(const char *text, size_t len, bool *ret_yes)
{
	static const struct {
		const char *word;
		enum node_kind kind;
		bool yes;
	} words[] = {
		{ "", NODE_NULL, false },      { "~", NODE_NULL, false },     { "null", NODE_NULL, false },
		{ "Null", NODE_NULL, false },  { "NULL", NODE_NULL, false },  { "true", NODE_BOOL, true },
		{ "True", NODE_BOOL, true },   { "TRUE", NODE_BOOL, true },   { "false", NODE_BOOL, false },
		{ "False", NODE_BOOL, false }, { "FALSE", NODE_BOOL, false },
	};

	for (size_t i = 0; len <= 5 && i < sizeof words / sizeof *words; i++)
		if (!strcmp(text, words[i].word)) {
			*ret_yes = words[i].yes;
			return words[i].kind;
		}
	if (strchr("+-.0123456789", *text) && (plain_whole(text) || plain_float(text)))
		return NODE_NUMBER;
	return NODE_TEXT;
}
