#include "clock.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

static int64_t now(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t clock_mono(void) { return now(CLOCK_MONOTONIC); }
int64_t clock_wall(void) { return now(CLOCK_REALTIME); }

const char *clock_rfc3339(int64_t wall_ns, char out[CLOCK_TEXT])
{
	int64_t sec = wall_ns / NSEC_PER_SEC, ns = wall_ns % NSEC_PER_SEC;
	time_t t;
	struct tm tm;
	size_t n;

	if (ns < 0) {
		ns += NSEC_PER_SEC;
		sec--;
	}
	t = (time_t)sec;
	(void)gmtime_r(&t, &tm);
	n = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, CLOCK_TEXT - n, ".%09" PRId64 "Z", ns);
	return out;
}

/* Exactly @n digits at *@p, at most @max; -1 when they are not there. */
static int digits(const char **p, int n, int max)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v <= max ? v : -1;
}

static bool skip_any(const char **p, const char *any_of) { return **p && strchr(any_of, **p) && (*p)++; }

static bool parse_date(const char **p, struct tm *tm)
{
	return (tm->tm_year = digits(p, 4, 9999) - 1900) >= -1900 && skip_any(p, "-") && (tm->tm_mon = digits(p, 2, 12) - 1) >= 0 &&
	       skip_any(p, "-") && (tm->tm_mday = digits(p, 2, 31)) > 0;
}

static bool parse_time(const char **p, struct tm *tm)
{
	return (tm->tm_hour = digits(p, 2, 23)) >= 0 && skip_any(p, ":") && (tm->tm_min = digits(p, 2, 59)) >= 0 &&
	       skip_any(p, ":") && (tm->tm_sec = digits(p, 2, 60)) >= 0;
}

/* ".5": what is finer than nanoseconds is dropped. Nothing there is fine. */
static bool parse_fraction(const char **p, int64_t *ns)
{
	int64_t unit = NSEC_PER_SEC;

	if (!skip_any(p, "."))
		return true;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++) {
		unit /= 10;
		*ns += (**p - '0') * unit;
	}
	return true;
}

/* "Z", "+hh:mm", "-hh:mm" and nothing behind it. */
static bool parse_zone(const char *p, int64_t *sec)
{
	int sign = *p == '-' ? -1 : 1, h, m;

	if (skip_any(&p, "Zz"))
		return !*p;
	if (!skip_any(&p, "+-") || (h = digits(&p, 2, 23)) < 0 || !skip_any(&p, ":") || (m = digits(&p, 2, 59)) < 0)
		return false;
	*sec = (h * 60 + m) * 60 * sign;
	return !*p;
}

static bool day_exists(const struct tm *tm)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = tm->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return tm->tm_mday <= days[tm->tm_mon] + (leap && tm->tm_mon == 1);
}

static bool parse_rfc3339(const char *p, int64_t *ret)
{
	struct tm tm = { 0 };
	int64_t ns = 0, zone = 0, wall;

	if (!parse_date(&p, &tm) || !day_exists(&tm) || !skip_any(&p, "Tt ") || !parse_time(&p, &tm) || !parse_fraction(&p, &ns) ||
	    !parse_zone(p, &zone))
		return false;
	return !__builtin_mul_overflow((int64_t)timegm(&tm) - zone, NSEC_PER_SEC, &wall) && !__builtin_add_overflow(wall, ns, ret);
}

int clock_parse(const char *s, int64_t *ret_wall_ns, struct err *err)
{
	int64_t wall;

	if (!parse_rfc3339(s, &wall))
		return err_set(err, ERR_INVALID, "time \"%.64s\": not RFC 3339, as in 2006-01-02T15:04:05Z", s);
	*ret_wall_ns = wall;
	return 0;
}

int clock_parse_epoch(const char *s, int64_t *ret_wall_ns, struct err *err)
{
	const size_t n = strspn(s, "0123456789");
	const char *p = s + n;
	int64_t ns = 0, wall;

	if (!n || n > 10 || !parse_fraction(&p, &ns) || *p || __builtin_mul_overflow(strtoll(s, NULL, 10), NSEC_PER_SEC, &wall) ||
	    __builtin_add_overflow(wall, ns, &wall))
		return err_set(err, ERR_INVALID, "time \"%.64s\": not seconds since the epoch, as date +%%s prints them", s);
	*ret_wall_ns = wall;
	return 0;
}

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", NSEC_PER_MSEC },
	{ "s", NSEC_PER_SEC },
	{ "m", 60 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ "d", 86400 * NSEC_PER_SEC },
};

static int64_t unit_of(const char *p, size_t n)
{
	if (!n)
		return NSEC_PER_SEC;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strlen(units[i].name) == n && !strncmp(units[i].name, p, n))
			return units[i].ns;
	return 0;
}

/* One "1.5h" at *@p, added to @sum. A number without a unit is seconds and stands alone. */
static bool parse_part(const char **p, bool first, double *sum)
{
	char *end;
	size_t n, len = strspn(*p, "0123456789.");
	double v;
	int64_t unit;

	if (!isdigit((unsigned char)**p))
		return false;
	v = strtod(*p, &end);
	if (end != *p + len) /* strtod() knows more forms than people do: 0x1p3, 1e5 */
		return false;
	n = strspn(end, "nusmhd");
	unit = n || (first && !*end) ? unit_of(end, n) : 0;
	*p = end + n;
	*sum += v * (double)unit;
	return unit && *sum <= 100.0 * 365 * 86400 * 1e9;
}

int clock_parse_span(const char *s, int64_t *ret_ns, struct err *err)
{
	double sum = 0;
	const char *p = s;

	do {
		if (!parse_part(&p, p == s, &sum))
			return err_set(err, ERR_INVALID, "duration \"%.64s\": not a time span, as in 10s, 500ms or 1h30m", s);
	} while (*p);
	*ret_ns = (int64_t)sum;
	return 0;
}
