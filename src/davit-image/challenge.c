#include "challenge.h"
#include "buf.h"
#include "mem.h"
#include <string.h>
#include <strings.h>

void challenge_done(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	*c = (struct challenge){ 0 };
}

static const char token_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";

static const char *blanks(const char *s) { return s + strspn(s, " \t,"); }

/* A token or a quoted string behind "="; returns what follows it. */
static const char *value(const char *s, struct buf *to)
{
	size_t n;

	if (*s != '"') {
		n = strcspn(s, ", \t");
		buf_add(to, s, n);
		return s + n;
	}
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		buf_addc(to, *s);
	}
	return *s ? s + 1 : s;
}

static void challenge_take(struct challenge *c, const char *key, size_t n, const struct buf *val)
{
	struct {
		const char *name;
		char **to;
	} known[] = {
		{ "realm", &c->realm },
		{ "service", &c->service },
		{ "scope", &c->scope },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strlen(known[i].name) == n && strncasecmp(key, known[i].name, n) == 0 && !*known[i].to)
			*known[i].to = mem_strdup(buf_str(val));
}

void challenge_parse(const char *s, struct challenge *ret)
{
	struct challenge c = { 0 };
	bool in_bearer = false;

	for (s = blanks(s); *s; s = blanks(s)) {
		_cleanup_buf_ struct buf val = { 0 };
		size_t n = strspn(s, token_chars);
		const char *after = s + n + strspn(s + n, " \t");

		if (!n) { /* no word begins here */
			s++;
			continue;
		}
		if (*after != '=') {
			in_bearer = n == 6 && strncasecmp(s, "bearer", 6) == 0;
			c.bearer = c.bearer || in_bearer;
			c.basic = c.basic || (n == 5 && strncasecmp(s, "basic", 5) == 0);
			s += n;
			continue;
		}
		after = value(after + 1 + strspn(after + 1, " \t"), &val);
		if (in_bearer)
			challenge_take(&c, s, n, &val);
		s = after;
	}
	c.bearer = c.bearer && c.realm;
	*ret = c;
}
