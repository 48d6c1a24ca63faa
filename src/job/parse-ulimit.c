/* Resource limits. */
#include "check.h"
#include "mem.h"
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
