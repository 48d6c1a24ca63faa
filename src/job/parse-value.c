/* Single values: sizes, counts, limits, signals, users, security options. */
#include "check.h"
#include "mem.h"
#include "name.h"
#include "parse.h"
#include <ctype.h>
#include <math.h>
#include <signal.h>
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
	n = ldexp(n, 10 * power);
	if (n >= ldexp(1, 62))
		return check_fail(what, s, "too large", err);
	*ret = (int64_t)n;
	return 0;
}

int parse_cpus(const char *s, double max, double *ret, struct err *err)
{
	double n = 0;
	const char *end = plain_number(s, &n);

	if (!end || *end || n < 0.01)
		return err_hint(err, check_fail("cpus", s, "not a number of processors", err), "at least 0.01, such as 1.5");
	if (max > 0 && n > max)
		return err_hint(err, check_fail("cpus", s, "more than there are", err), "this host has %g", max);
	*ret = n;
	return 0;
}

static const char *parse_limit(const char *s, uint64_t *ret)
{
	char *end;

	if (!strncmp(s, "unlimited", 9) || !strncmp(s, "-1", 2)) {
		*ret = UINT64_MAX;
		return s + (*s == '-' ? 2 : 9);
	}
	if (!isdigit((unsigned char)*s))
		return NULL;
	errno = 0;
	*ret = strtoull(s, &end, 10);
	return errno || *ret > INT64_MAX ? NULL : end;
}

int parse_ulimit(const char *s, struct task *t, struct err *err)
{
	size_t name = strcspn(s, "=");
	struct ulimit u = { 0 };
	const char *p = s[name] ? parse_limit(s + name + 1, &u.soft) : NULL;
	_cleanup_free_ char *owned = mem_strndup(s, name);
	int r;

	u.hard = u.soft;
	if (p && *p == ':')
		p = parse_limit(p + 1, &u.hard);
	if (!p || *p || !name)
		return err_hint(err, check_fail("ulimit", s, "not NAME=SOFT[:HARD]", err),
				"numbers, or \"unlimited\": nofile=1024:4096");
	u.name = owned;
	r = check_ulimit(&u, err);
	if (r < 0)
		return r;
	u.name = TAKE_PTR(owned);
	*task_add_ulimit(t) = u;
	return 0;
}

static int check_user_part(const char *s, const char *part, size_t n, struct err *err)
{
	if (n < 1 || n > 256)
		return check_fail("user", s, n ? "a name is longer than 256 characters" : "a name is empty", err);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)part[i] <= ' ' || part[i] == 0x7f || part[i] == '/')
			return check_fail("user", s, "white space, \"/\" or control characters", err);
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

int parse_pull(const char *s, enum pull_policy *ret, struct err *err)
{
	static const char *const words[] = { [PULL_MISSING] = "missing", [PULL_ALWAYS] = "always", [PULL_NEVER] = "never" };

	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(s, words[i])) {
			*ret = (enum pull_policy)i;
			return 0;
		}
	return err_hint(err, check_fail("pull policy", s, "there is no such policy", err), "missing, always or never");
}

static int set_seccomp(const char *value, struct task *t, struct err *err)
{
	char *profile = NULL;

	if (!strcmp(value, "unconfined")) {
		profile = mem_strdup(value);
	} else if (strcmp(value, "default") != 0 && strcmp(value, "builtin") != 0) {
		profile = realpath(value, NULL);
		if (!profile)
			return err_hint(err, err_sys(err, errno, "seccomp profile %.200s", value),
					"\"unconfined\", or a profile's file");
	}
	free(t->seccomp);
	t->seccomp = profile;
	return 0;
}

static int set_no_new_privileges(const char *value, struct task *t, struct err *err)
{
	if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return check_fail("no-new-privileges", value, "neither true nor false", err);
	t->no_new_privileges = !value || *value == 't';
	return 0;
}

int parse_security_opt(const char *s, struct task *t, struct err *err)
{
	static const char *const known[] = { "no-new-privileges", "seccomp", "apparmor", "systempaths" };
	size_t n = strcspn(s, "=:");
	_cleanup_free_ char *key = mem_strndup(s, n);
	const char *value = s[n] ? s + n + 1 : NULL, *near;
	int r;

	if (!strcmp(key, "no-new-privileges"))
		return set_no_new_privileges(value, t, err);
	if (!strcmp(key, "seccomp") && value && *value)
		return set_seccomp(value, t, err);
	if (!strcmp(key, "apparmor") && value && *value) {
		free(t->apparmor);
		t->apparmor = mem_strdup(value);
		return 0;
	}
	if (!strcmp(s, "systempaths=unconfined")) {
		if (!t->masked_paths_off.n)
			strv_push(&t->masked_paths_off, "all");
		return 0;
	}
	if (!strcmp(key, "label") && value && !strcmp(value, "disable"))
		return 0; /* scripts carry it, and it is so */
	if (!strcmp(key, "label"))
		return err_hint(err, check_fail("security option", s, "davit sets no SELinux labels", err),
				"label=disable is taken, and is so without");
	near = name_nearest(key, known, sizeof known / sizeof *known);
	r = check_fail("security option", s, "not one that davit has", err);
	if (near && strcmp(near, key) != 0)
		return err_hint(err, r, "did you mean \"%s\"?", near);
	return err_hint(err, r, "no-new-privileges[=false], seccomp=unconfined|FILE, apparmor=PROFILE, systempaths=unconfined");
}
