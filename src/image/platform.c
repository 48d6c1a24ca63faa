#include "platform.h"
#include "strv.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>

static const struct {
	const char *name, *arch, *variant;
} aliases[] = {
	{ "x86_64", "amd64", NULL },
	{ "x86-64", "amd64", NULL },
	{ "aarch64", "arm64", NULL },
	{ "i386", "386", NULL },
	{ "i486", "386", NULL },
	{ "i586", "386", NULL },
	{ "i686", "386", NULL },
	{ "armhf", "arm", "v7" },
	{ "armel", "arm", "v6" },
	{ "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },
	{ "armv8l", "arm", "v7" },
	{ "loongarch64", "loong64", NULL },
};

/* A variant that says no more than the architecture alone. */
static const struct {
	const char *arch, *variant;
} plain[] = { { "arm64", "v8" }, { "arm64", "8" }, { "amd64", "v1" } };

/* What else a processor runs, best first. */
static const struct {
	const char *on, *runs, *variant;
} also[] = {
	{ "amd64", "386", NULL }, { "arm64", "arm", "v8" }, { "arm64", "arm", "v7" },
	{ "arm64", "arm", "v6" }, { "arm64", "arm", "v5" },
};

static void platform_put(char *to, size_t room, const char *s)
{
	size_t i = 0;

	for (; s && s[i] && i < room - 1; i++)
		to[i] = (char)tolower((unsigned char)s[i]);
	to[i] = '\0';
}

void platform_set(struct platform *p, const char *os, const char *arch, const char *variant)
{
	platform_put(p->os, sizeof p->os, os && *os ? os : "linux");
	platform_put(p->arch, sizeof p->arch, arch);
	platform_put(p->variant, sizeof p->variant, variant);
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(p->arch, aliases[i].name) == 0) {
			platform_put(p->arch, sizeof p->arch, aliases[i].arch);
			if (!*p->variant)
				platform_put(p->variant, sizeof p->variant, aliases[i].variant);
			break;
		}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (strcmp(p->arch, plain[i].arch) == 0 && strcmp(p->variant, plain[i].variant) == 0)
			*p->variant = '\0';
	if (strcmp(p->arch, "arm") == 0 && !*p->variant)
		platform_put(p->variant, sizeof p->variant, "v7");
	if (strcmp(p->arch, "arm") == 0 && isdigit((unsigned char)*p->variant)) {
		p->variant[1] = p->variant[0];
		p->variant[0] = 'v';
		p->variant[2] = '\0';
	}
}

void platform_host(struct platform *ret)
{
	struct utsname u;

	(void)uname(&u);
	platform_set(ret, "linux", u.machine, NULL);
}

static int platform_wrong(const char *s, struct err *err)
{
	return err_hint(err, err_set(err, ERR_INVALID, "platform \"%.80s\": not of the form os/architecture[/variant]", s),
			"such as linux/amd64 or linux/arm/v7");
}

/* Words of letters, digits, dots, dashes and underscores with single slashes between them. */
static bool well_formed(const char *s)
{
	for (const char *c = s; *c; c++) {
		if (*c == '/' ? c == s || c[1] == '/' || !c[1] : !isalnum((unsigned char)*c) && !strchr("._-", *c))
			return false;
	}
	return strlen(s) <= 60;
}

static bool platform_too_long(const struct strv *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		if (strlen(parts->v[i]) >= sizeof((struct platform *)NULL)->os)
			return true;
	return false;
}

int platform_parse(const char *s, struct platform *ret, struct err *err)
{
	_cleanup_strv_ struct strv parts = { 0 };

	if (!s || !*s) {
		platform_host(ret);
		return 0;
	}
	if (!well_formed(s))
		return platform_wrong(s, err);
	strv_split(&parts, s, "/");
	if (parts.n > 3 || platform_too_long(&parts) || strcmp(s, "linux") == 0)
		return platform_wrong(s, err);
	if (parts.n == 1)
		platform_set(ret, "linux", parts.v[0], NULL);
	else
		platform_set(ret, parts.v[0], parts.v[1], parts.n > 2 ? parts.v[2] : NULL);
	return 0;
}

/* "v7" is 7; none is the lowest. */
static int level(const char *variant) { return variant[0] == 'v' && isdigit((unsigned char)variant[1]) ? variant[1] - '0' : 0; }

int platform_match(const struct platform *want, const struct platform *have)
{
	if (strcmp(want->os, have->os) != 0)
		return -1;
	if (strcmp(want->arch, have->arch) == 0) {
		if (strcmp(want->variant, have->variant) == 0)
			return 0;
		/* An older variant runs on a newer processor. */
		if (level(have->variant) < level(want->variant))
			return level(want->variant) - level(have->variant);
		return -1;
	}
	for (size_t i = 0; i < sizeof also / sizeof *also; i++)
		if (strcmp(want->arch, also[i].on) == 0 && strcmp(have->arch, also[i].runs) == 0 &&
		    (!also[i].variant || strcmp(have->variant, also[i].variant) == 0))
			return 100 + (int)i;
	return -1;
}

const char *platform_text(const struct platform *p, char out[PLATFORM_TEXT])
{
	(void)snprintf(out, PLATFORM_TEXT, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "", p->variant);
	return out;
}

const char *platform_label(const struct platform *p, char out[PLATFORM_TEXT])
{
	(void)snprintf(out, PLATFORM_TEXT, PLATFORM_LABELS "%s-%s%s%s", p->os, p->arch, *p->variant ? "-" : "", p->variant);
	return out;
}
