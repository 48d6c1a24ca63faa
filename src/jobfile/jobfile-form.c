#include "jobfile-form.h"
#include <stdbool.h>
#include <string.h>

static const struct {
	const char *ending;
	enum jobfile_form form;
} endings[] = {
	{ ".json", FORM_JSON },     { ".nomad", FORM_NOMAD },  { ".hcl", FORM_NOMAD },
	{ ".yaml", FORM_ENSEMBLE }, { ".yml", FORM_ENSEMBLE },
};

static enum jobfile_form by_ending(const char *file)
{
	const size_t n = strlen(file);

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		const size_t k = strlen(endings[i].ending);

		if (n > k && !strcmp(file + n - k, endings[i].ending))
			return endings[i].form;
	}
	return FORM_UNKNOWN;
}

static const char *past_blanks(const char *s, const char *end)
{
	while (s < end && strchr(" \t\r\n", *s) && *s)
		s++;
	return s;
}

/* Behind what stands before the first word: a byte order mark, blanks, comments of either language. */
static const char *past_comments(const char *s, const char *end)
{
	if (end - s >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		s += 3;
	while ((s = past_blanks(s, end)) < end) {
		const char *stop = *s == '#' || (end - s > 1 && !memcmp(s, "//", 2)) ? "\n"
				   : end - s > 1 && !memcmp(s, "/*", 2)              ? "*/"
										     : NULL;

		if (!stop)
			break;
		s = memmem(s + 1, (size_t)(end - s - 1), stop, strlen(stop));
		if (!s)
			return end;
		s += strlen(stop);
	}
	return s;
}

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* A word and a colon is YAML; a word and a quote, a brace or "=" is HCL. */
static enum jobfile_form by_word(const char *s, const char *end)
{
	const char *begin = s;

	while (s < end && in_word(*s))
		s++;
	if (s == begin)
		return FORM_UNKNOWN;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	if (s == end)
		return FORM_UNKNOWN;
	return *s == ':' ? FORM_ENSEMBLE : *s == '"' || *s == '{' || *s == '=' ? FORM_NOMAD : FORM_UNKNOWN;
}

enum jobfile_form jobfile_form(const char *file, const char *data, size_t len)
{
	enum jobfile_form form = by_ending(file);
	const char *end = data + len, *s = past_comments(data, end);

	if (form == FORM_NOMAD && s < end && *s == '{')
		return FORM_JSON;
	if (form || s == end)
		return form;
	if (*s == '{' || *s == '[')
		return FORM_JSON;
	if (*s == '%' || *s == '"' || *s == '\'' || (end - s >= 3 && !memcmp(s, "---", 3)))
		return FORM_ENSEMBLE;
	return by_word(s, end);
}
