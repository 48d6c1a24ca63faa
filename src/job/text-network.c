/* --network NAME, again and again, and its long form name=NAME,ip=...,mac-address=...,alias=... */
#include "check.h"
#include "csv.h"
#include "job-text.h"
#include "mem.h"
#include <string.h>

/* Where the words of one --network go. */
struct network_said {
	char **name, **mac;
	struct strv *ips, *aliases;
};

static void said_text(char **to, const char *s)
{
	free(*to);
	*to = mem_strdup(s);
}

static int said_word(const char *whole, const char *word, const struct network_said *to, struct err *err)
{
	const size_t n = strcspn(word, "=");
	const char *value = word[n] ? word + n + 1 : "";
	const char *const key = word;

#define IS(text) (n == sizeof text - 1 && !strncmp(key, text, n))
	if (!*value)
		return check_fail("network", whole, "not KEY=VALUE,...", err);
	if (IS("name"))
		said_text(to->name, value);
	else if (IS("ip") || IS("ip6"))
		strv_push(to->ips, value);
	else if (IS("mac-address") || IS("mac"))
		said_text(to->mac, value);
	else if (IS("alias"))
		strv_push(to->aliases, value);
	else
		return err_hint(err, check_fail("network", whole, "an unknown key", err), "name, ip, ip6, mac-address and alias");
	return 0;
#undef IS
}

static int said_words(const char *s, const struct network_said *to, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	int r = csv_split("network", s, &words, err);

	for (size_t i = 0; r >= 0 && i < words.n; i++)
		r = said_word(s, words.v[i], to, err);
	if (r >= 0 && !*to->name)
		r = err_hint(err, check_fail("network", s, "no name", err), "name=NAME,ip=ADDRESS,alias=NAME");
	return r;
}

/* Is it one of those that stand alone? */
static bool network_is_mode(const char *s)
{
	return !strcmp(s, "none") || !strcmp(s, "host") || network_joins(s) || network_foreign_netns(s);
}

int text_network(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	struct job *j = obj;
	const bool again = j->network != NULL;
	struct network_said to = { &j->network, &j->mac, &j->ips, &j->aliases };

	(void)in;
	if (!*s || (again && !strcmp(j->network, s))) /* a script's variable that is not set */
		return 0;
	if (again && (network_is_mode(j->network) || network_is_mode(s)))
		return err_set(err, ERR_INVALID, "flag --%s is given twice: \"%.80s\" stands alone", f->flag,
			       network_is_mode(s) ? s : j->network);
	if (again) {
		struct attachment *a = job_add_network(j);

		to = (struct network_said){ &a->name, &a->mac, &a->ips, &a->aliases };
	}
	if (strchr(s, '=') && !network_is_mode(s))
		return said_words(s, &to, err);
	said_text(to.name, s);
	return 0;
}
