#include "keys.h"
#include <ctype.h>
#include <string.h>

static int parse_key(const char *s, size_t n, unsigned char *ret)
{
	if (n == 1 && isprint((unsigned char)*s)) {
		*ret = (unsigned char)*s;
		return 0;
	}
	if (n != 6 || strncasecmp(s, "ctrl-", 5) != 0)
		return -1;
	if (isalpha((unsigned char)s[5]))
		*ret = (unsigned char)(tolower((unsigned char)s[5]) - 'a' + 1);
	else if (s[5] == '@')
		*ret = 0;
	else if (strchr("[\\]^_", s[5]))
		*ret = (unsigned char)(s[5] - '[' + 27);
	else
		return -1;
	return 0;
}

int keys_parse(const char *s, struct keys *ret, struct err *err)
{
	struct keys k = { .n = 0 };

	for (const char *p = s;; p++) {
		size_t n = strcspn(p, ",");

		if (k.n == sizeof k.seq || parse_key(p, n, &k.seq[k.n++]) < 0)
			return err_hint(err, err_set(err, ERR_INVALID, "detach keys \"%.64s\": not a sequence of keys", s),
					"write a letter or ctrl- and one of a-z @ [ \\ ] ^ _, as in ctrl-p,ctrl-q");
		p += n;
		if (!*p)
			break;
	}
	*ret = k;
	return 0;
}

int keys_feed(struct keys *k, const char *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c != k->seq[k->matched]) {
			buf_add(out, k->seq, k->matched);
			k->matched = 0;
		}
		if (c != k->seq[k->matched]) {
			buf_addc(out, p[i]);
			continue;
		}
		if (++k->matched == k->n) {
			k->matched = 0;
			return 1;
		}
	}
	return 0;
}
