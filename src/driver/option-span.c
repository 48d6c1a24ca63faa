/* Durations in Go's words. Source: Go's documentation of time.ParseDuration. */
#include "option.h"
#include <string.h>

static const struct span_unit {
	const char *name;
	int64_t ns;
} span_units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 }, /* U+00B5 */
	{ "\xce\xbcs", 1000 }, /* U+03BC */
	{ "ms", 1000000 },
	{ "s", INT64_C(1000000000) },
	{ "m", INT64_C(60000000000) },
	{ "h", INT64_C(3600000000000) },
};

static const struct span_unit *span_unit(const char *s, size_t n)
{
	for (const struct span_unit *u = span_units; u < span_units + sizeof span_units / sizeof *span_units; u++)
		if (strlen(u->name) == n && !strncmp(u->name, s, n))
			return u;
	return NULL;
}

/* Digits, perhaps with a point among them, and a unit; *p behind it. NULL or what is wrong. */
static const char *span_part(const char **p, int64_t *sum)
{
	static const char digits[] = "0123456789";
	const char *whole = *p, *frac = whole + strspn(whole, digits),
		   *end = *frac == '.' ? frac + 1 + strspn(frac + 1, digits) : frac;
	const size_t unit = strcspn(end, "0123456789.");
	const struct span_unit *u = span_unit(end, unit);
	__int128 ns = 0, scale;

	if (end - whole == (*frac == '.'))
		return "no number";
	if (!u)
		return unit ? "an unknown unit" : "no unit";
	for (const char *c = whole; c < frac; c++)
		if ((ns = ns * 10 + (*c - '0')) > INT64_MAX)
			return "too long";
	ns *= u->ns;
	scale = u->ns;
	for (const char *c = frac + 1; c < end && scale; c++)
		ns += (*c - '0') * (scale /= 10);
	if ((ns += *sum) > INT64_MAX)
		return "too long";
	*sum = (int64_t)ns;
	*p = end + unit;
	return NULL;
}

int option_span(const char *text, int64_t *ret, struct err *err)
{
	const bool minus = *text == '-';
	const char *p = text + (minus || *text == '+'), *wrong = *p ? NULL : "no number";
	int64_t ns = 0;

	if (!strcmp(p, "0"))
		p++;
	while (!wrong && *p)
		wrong = span_part(&p, &ns);
	if (wrong)
		return err_hint(err, err_set(err, ERR_INVALID, "\"%.80s\" is no duration: %s", text, wrong),
				"write it as \"90s\", \"5m\" or \"1h30m\"");
	*ret = minus ? -ns : ns;
	return 0;
}
