#include "value.h"
#include "check.h"
#include "job.h"
#include "name.h"
#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Digits with at most one point: no sign, exponent, hexadecimal, "inf" or "nan". Returns what is behind, NULL when there is
 * none. */
static const char *plain_number(const char *s, double *ret)
{
	size_t n = strspn(s, "0123456789");

	n += s[n] == '.' ? 1 + strspn(s + n + 1, "0123456789") : 0;
	if (!n || n > 40 || !isdigit((unsigned char)s[0]))
		return NULL;
	*ret = strtod(s, NULL);
	return s + n;
}

static int unit_power(const char *unit)
{
	static const char letters[] = "bkmgtp";
	const char *at = *unit ? strchr(letters, tolower((unsigned char)*unit)) : letters;

	if (!at)
		return -1;
	if (*unit && *at != 'b' && tolower((unsigned char)unit[1]) == 'i' && tolower((unsigned char)unit[2]) == 'b')
		unit += 2;
	else if (*unit && *at != 'b' && tolower((unsigned char)unit[1]) == 'b')
		unit += 1;
	return *unit && unit[1] ? -1 : (int)(at - letters);
}

int parse_size(const char *what, const char *s, int64_t *ret, struct err *err)
{
	double n = 0;
	const char *unit = plain_number(s, &n);
	int power = unit ? unit_power(unit) : -1, r;

	if (power < 0) {
		r = check_fail(what, s, "not a size", err);
		return err_hint(err, r, "a number and a unit of b, k, m, g, t or p: 512m, 1.5g, 1GiB");
	}
	if (ldexp(n, 10 * power) >= ldexp(1, 62))
		return check_fail(what, s, "too large", err);
	if (s[strspn(s, "0123456789")] == '.')
		*ret = (int64_t)ldexp(n, 10 * power);
	else /* a double would round bytes off */
		*ret = (int64_t)(strtoull(s, NULL, 10) << (10 * power));
	return 0;
}

/* How many seconds a unit at @s has; 0: it is none. */
static double duration_unit(const char *s, size_t *ret_len)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "ns", 1e-9 }, { "us", 1e-6 }, { "ms", 1e-3 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		*ret_len = strlen(units[i].unit);
		if (!strncmp(s, units[i].unit, *ret_len))
			return units[i].seconds;
	}
	return 0;
}

int parse_duration(const char *what, const char *s, int64_t *ret, struct err *err)
{
	const char *p = s;
	double sum = 0;
	size_t len = 0;
	int r;

	do {
		double n = 0, unit = 1;
		const char *end = plain_number(p, &n);

		if (end && (*end || p != s))
			unit = duration_unit(end, &len);
		else
			len = 0;
		if (!end || unit <= 0) {
			r = check_fail(what, s, "not a time", err);
			return err_hint(err, r, "seconds, or numbers with a unit of s, m, h or d: 90, 1m30s");
		}
		sum += n * unit;
		p = end + len;
	} while (*p);
	if (sum > DURATION_MAX)
		return check_fail(what, s, "more than ten years", err);
	*ret = (int64_t)ceil(sum);
	return 0;
}

int parse_cpus(const char *s, double *ret, struct err *err)
{
	double n = 0;
	const char *end = plain_number(s, &n);

	if (!end || *end || (n > 0 && n < 0.01)) /* 0: no limit, as Docker has it */
		return err_hint(err, check_fail("cpus", s, "not a number of processors", err), "at least 0.01, such as 1.5");
	*ret = n;
	return 0;
}

bool parse_whole(const char *s, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno || end == s || *end || isspace((unsigned char)*s))
		return false;
	*ret = n;
	return true;
}

bool parse_switch(const char *s, bool *ret)
{
	static const char *const words[] = { "false", "f", "0", "true", "t", "1" };

	for (size_t i = 0; i < 6; i++)
		if (!strcasecmp(s, words[i])) {
			*ret = i >= 3;
			return true;
		}
	return false;
}

static int check_user_part(const char *s, const char *part, size_t n, struct err *err)
{
	if (n > 256)
		return check_fail("user", s, "a name is longer than 256 characters", err);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)part[i] <= ' ' || part[i] == 0x7f || part[i] == '/')
			return check_fail("user", s, "white space, \"/\" or control characters", err);
	/* a name of digits alone is nobody's: useradd makes none */
	if (n && strspn(part, "0123456789") >= n && strtoull(part, NULL, 10) >= UINT32_MAX)
		return check_fail("user", s, "a number is above 4294967294", err);
	return 0;
}

int parse_user(const char *s, struct err *err)
{
	size_t n = strcspn(s, ":");
	int r = check_user_part(s, s, n, err);

	if (r < 0 || !s[n])
		return r;
	if (strchr(s + n + 1, ':'))
		return err_hint(err, check_fail("user", s, "more than one \":\"", err), "USER[:GROUP], names or numbers");
	return check_user_part(s, s + n + 1, strlen(s + n + 1), err);
}

/* Linux numbers as they are inside; the C library takes two real-time signals for itself, a container's may differ. */
enum { RT_MIN = 34, RT_MAX = 64 };

static int realtime_signal(const char *name)
{
	bool from_max = !strncasecmp(name, "RTMAX", 5);
	char *end = NULL;
	long n = 0;

	if (!from_max && strncasecmp(name, "RTMIN", 5) != 0)
		return 0;
	if (name[5] == (from_max ? '-' : '+') && isdigit((unsigned char)name[6]))
		n = strtol(name + 6, &end, 10);
	if ((end ? *end : name[5]) || n > RT_MAX - RT_MIN)
		return 0;
	return from_max ? RT_MAX - (int)n : RT_MIN + (int)n;
}

static int named_signal(const char *name)
{
	int rt = realtime_signal(name);

	if (rt)
		return rt;
	for (int i = 1; i < 32; i++)
		if (sigabbrev_np(i) && !strcasecmp(sigabbrev_np(i), name))
			return i;
	return !strcasecmp(name, "IOT") ? SIGABRT : !strcasecmp(name, "CLD") ? SIGCHLD : 0;
}

int parse_signal(const char *s, int *ret, struct err *err)
{
	const char *names[32], *near, *name = strncasecmp(s, "SIG", 3) ? s : s + 3;
	int n = 0, sig, r;

	if (isdigit((unsigned char)*s) && strlen(s) <= 2 && strspn(s, "0123456789") == strlen(s))
		sig = (int)strtol(s, NULL, 10);
	else
		sig = named_signal(name);
	if (sig >= 1 && sig <= RT_MAX) {
		*ret = sig;
		return 0;
	}
	r = check_fail("signal", s, "there is no such signal", err);
	for (int i = 1; i < 32; i++)
		if (sigabbrev_np(i))
			names[n++] = sigabbrev_np(i);
	near = name_nearest(name, names, (size_t)n);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : err_hint(err, r, "TERM, SIGKILL, RTMIN+3 ..., or 1 to 64");
}
