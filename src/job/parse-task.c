/* What one task is given in words: limits, the pull policy, security options. */
#include "check.h"
#include "mem.h"
#include "name.h"
#include "parse.h"
#include <ctype.h>
#include <string.h>

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

static int add_selinux(const char *value, struct task *t, struct err *err)
{
	int r = check_selinux(value, err);

	if (r >= 0)
		strv_push(&t->selinux, value);
	return r;
}

int parse_security_opt(const char *s, struct task *t, struct err *err)
{
	static const char *const known[] = { "no-new-privileges", "seccomp", "apparmor", "label", "systempaths" };
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
	if (!strcmp(key, "label") && value)
		return add_selinux(value, t, err);
	near = name_nearest(key, known, sizeof known / sizeof *known);
	r = check_fail("security option", s, "not one that davit has", err);
	if (near && strcmp(near, key) != 0)
		return err_hint(err, r, "did you mean \"%s\"?", near);
	return err_hint(err, r,
			"no-new-privileges[=false], seccomp=unconfined|FILE, apparmor=unconfined|PROFILE, "
			"label=disable|type:T, systempaths=unconfined");
}
