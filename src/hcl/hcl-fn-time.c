/* Functions of times, which are texts in RFC 3339 between 1677 and 2262, each in the zone that it names. */
#include "clock.h"
#include "hcl-function.h"
#include <math.h>
#include <string.h>

struct hcl_time {
	int64_t wall, zone; /* ns since the epoch; seconds east */
};

/* The zone stands last: "Z" or "+01:30". The rest is for clock_parse(), which also takes what Go does not: small letters, a blank,
 * a leap second. */
static bool hcl_time_read(struct hcl_args *a, uint32_t i, struct hcl_time *ret)
{
	const char *s = hcl_arg_text(a, i), *zone = s + a->v[i]->n - 6;
	int hours, minutes;

	*ret = (struct hcl_time){ 0 };
	if (a->v[i]->n < 20 || s[10] != 'T' || strchr(s, 'z') || !strncmp(s + 17, "60", 2) ||
	    clock_parse(s, &ret->wall, NULL) < 0) {
		(void)hcl_lost(a, i, "\"%.64s\" is no time in RFC 3339, as in 2006-01-02T15:04:05Z", s);
		return false;
	}
	if (*zone != '+' && *zone != '-')
		return true;
	hours = (zone[1] - '0') * 10 + zone[2] - '0';
	minutes = (zone[4] - '0') * 10 + zone[5] - '0';
	ret->zone = (*zone == '-' ? -60 : 60) * (hours * 60 + minutes);
	return true;
}

static struct tm hcl_time_local(const struct hcl_time *t)
{
	const int64_t ns = t->wall % NSEC_PER_SEC;
	const time_t seconds = t->wall / NSEC_PER_SEC - (ns < 0) + t->zone;
	struct tm tm = { 0 };

	(void)gmtime_r(&seconds, &tm);
	return tm;
}

static void hcl_time_zone(struct buf *out, int64_t zone, const char *utc, const char *between)
{
	const int64_t minutes = (zone < 0 ? -zone : zone) / 60;

	if (utc && !zone)
		buf_adds(out, utc);
	else
		buf_addf(out, "%c%02d%s%02d", zone < 0 ? '-' : '+', (int)(minutes / 60), between, (int)(minutes % 60));
}

static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
				      "July",    "August",   "September", "October", "November", "December" };
static const char *const week[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };

/* One or two of a letter: the number, or the number in two digits. */
static bool date_number(struct buf *out, int number, size_t n)
{
	buf_addf(out, "%0*d", (int)n, number);
	return n <= 2;
}

static bool date_name(struct buf *out, const char *name, size_t n)
{
	buf_add(out, name, n == 3 ? 3 : strlen(name));
	return n == 3 || n == 4;
}

static bool date_zone(struct buf *out, int64_t zone, size_t n)
{
	hcl_time_zone(out, zone, n == 1 ? "Z" : n == 3 ? "UTC" : NULL, n == 1 || n == 5 ? ":" : "");
	return n == 1 || (n >= 3 && n <= 5);
}

/* What @n times the letter @verb stand for. False: nothing. */
static bool date_verb(struct buf *out, const struct hcl_time *t, const struct tm *tm, char verb, size_t n)
{
	switch (verb) {
	case 'Y': buf_addf(out, "%0*d", (int)n, n == 2 ? tm->tm_year % 100 : tm->tm_year + 1900); return n == 2 || n == 4;
	case 'M': return n < 3 ? date_number(out, tm->tm_mon + 1, n) : date_name(out, months[tm->tm_mon], n);
	case 'D': return date_number(out, tm->tm_mday, n);
	case 'E': return date_name(out, week[tm->tm_wday], n);
	case 'h': return date_number(out, tm->tm_hour, n);
	case 'H': return date_number(out, tm->tm_hour % 12 ? tm->tm_hour % 12 : 12, n);
	case 'A': buf_adds(out, tm->tm_hour < 12 ? "AM" : "PM"); return n == 2;
	case 'a': buf_adds(out, tm->tm_hour < 12 ? "am" : "pm"); return n == 2;
	case 'm': return date_number(out, tm->tm_min, n);
	case 's': return date_number(out, tm->tm_sec, n);
	case 'Z': return date_zone(out, t->zone, n);
	default: return false;
	}
}

/* Behind 'a text', in which two quotes are one; two quotes alone are one, too. NULL: it has no end. */
static const char *date_quoted(struct buf *out, const char *p)
{
	if (p[1] == '\'') {
		buf_addc(out, '\'');
		return p + 2;
	}
	for (p++; *p; p++) {
		if (*p == '\'' && p[1] != '\'')
			return p + 1;
		p += *p == '\'';
		buf_addc(out, *p);
	}
	return NULL;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static const struct hcl_value *fn_formatdate(struct hcl_args *a)
{
	const char *p = hcl_arg_text(a, 0);
	_cleanup_buf_ struct buf out = { 0 };
	struct hcl_time t;
	struct tm tm;
	size_t n;

	if (hcl_spend(a->h, a->v[0]->n / 4) < 0 || !hcl_time_read(a, 1, &t))
		return NULL;
	for (tm = hcl_time_local(&t); *p; p += n) {
		n = 1;
		if (*p == '\'') {
			const char *end = date_quoted(&out, p);

			if (!end)
				return hcl_lost(a, 0, "a quote ' that does not end");
			n = (size_t)(end - p);
		} else if (is_letter(*p)) {
			while (p[n] == *p)
				n++;
			if (n > 5 || !date_verb(&out, &t, &tm, *p, n))
				return hcl_lost(a, 0, "\"%.*s\" is nothing of a date: YYYY MM DD hh mm ss Z and the like, 'text'",
						n > 40 ? 40 : (int)n, p);
		} else {
			buf_addc(&out, *p);
		}
	}
	return hcl_gives(a, &out);
}

static int64_t go_unit(const char *p, size_t n)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = { { "ns", 1 },
		      { "us", 1000 },
		      { "\xc2\xb5s", 1000 },
		      { "\xce\xbcs", 1000 },
		      { "ms", NSEC_PER_MSEC },
		      { "s", NSEC_PER_SEC },
		      { "m", 60 * NSEC_PER_SEC },
		      { "h", 3600 * NSEC_PER_SEC } };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strlen(units[i].name) == n && !memcmp(units[i].name, p, n))
			return units[i].ns;
	return 0;
}

/* "1.5" at @p, @n bytes. */
static long double go_number(const char *p, size_t n)
{
	long double number = 0, weight = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i] == '.')
			weight = 1;
		else if (weight == 0)
			number = number * 10 + (p[i] - '0');
		else
			number += (weight /= 10) * (p[i] - '0');
	return number;
}

/* As Go's time.ParseDuration: "-1h30m", "1.5h", "0". False: it is none, or too long for 64 bits of nanoseconds. */
static bool go_duration(const char *p, int64_t *ret)
{
	const bool minus = *p == '-';
	long double sum = 0;

	p += *p == '-' || *p == '+';
	if (!strcmp(p, "0")) {
		*ret = 0;
		return true;
	}
	do {
		const size_t whole = strspn(p, "0123456789"), rest = p[whole] == '.' ? 1 + strspn(p + whole + 1, "0123456789") : 0;
		const size_t n = strcspn(p + whole + rest, "0123456789.");
		const int64_t unit = go_unit(p + whole + rest, n);

		if (!unit || whole + rest == 0 || (!whole && rest == 1))
			return false;
		sum += truncl(go_number(p, whole + rest) * (long double)unit + 1e-6L);
		p += whole + rest + n;
	} while (*p && sum < 0x1p63L);
	if (sum >= 0x1p63L)
		return false;
	*ret = (int64_t)(minus ? -sum : sum);
	return true;
}

static const struct hcl_value *fn_timeadd(struct hcl_args *a)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct hcl_time t;
	int64_t add = 0;
	struct tm tm;

	if (hcl_spend(a->h, a->v[1]->n / 4) < 0 || !hcl_time_read(a, 0, &t))
		return NULL;
	if (!go_duration(hcl_arg_text(a, 1), &add))
		return hcl_lost(a, 1, "\"%.64s\" is no time span, as in 1h30m or -10s", hcl_arg_text(a, 1));
	if (__builtin_add_overflow(t.wall, add, &t.wall))
		return hcl_lost(a, UINT32_MAX, "a time before 1677 or after 2262");
	tm = hcl_time_local(&t);
	buf_addf(&out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		 tm.tm_sec);
	hcl_time_zone(&out, t.zone, "Z", ":");
	return hcl_gives(a, &out);
}

const struct hcl_function hcl_time_functions[] = {
	{ "formatdate", "tt", 2, 2, fn_formatdate },
	{ "timeadd", "tt", 2, 2, fn_timeadd },
	{ NULL, NULL, 0, 0, NULL },
};
