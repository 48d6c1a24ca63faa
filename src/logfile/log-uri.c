#include "log-uri.h"
#include "buf.h"
#include "mem.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { URI_MAX = 32768, WORDS_MAX = 64 };

void log_uri_done(struct log_uri *u)
{
	free(u->path);
	free(u->out);
	free(u->err);
	free(u->attach);
	free(u->results);
	free(u->lost);
	strv_done(&u->after);
	*u = (struct log_uri){ 0 };
}

bool log_uri_is(const char *address) { return !strncmp(address, LOG_URI, strlen(LOG_URI)); }

/* Percent-encoding (RFC 3986). */

static void add_encoded(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("/-._~", *text))
			buf_addc(out, *text);
		else
			buf_addf(out, "%%%02X", (unsigned char)*text);
}

static int nibble(char c) { return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1; }

/* False for what no encoder makes: a percent sign alone, or a NUL. */
static bool uri_decode(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		const bool is_escape = *s == '%';
		int high = is_escape ? nibble(s[1]) : 0, low = is_escape && high >= 0 ? nibble(s[2]) : 0;

		if (high < 0 || low < 0 || (is_escape && !(high | low)))
			return false;
		*to = is_escape ? (char)(high << 4 | low) : *s;
		s += is_escape ? 2 : 0;
	}
	*to = '\0';
	return true;
}

/* what each key is */

static bool uri_take_number(const char *value, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(value, &end, 10);
	return *value && !*end && !errno && *ret >= 0;
}

static bool uri_take_flag(const char *value, bool *ret)
{
	int64_t flag = 0;
	const bool ok = uri_take_number(value, &flag);

	*ret |= flag != 0;
	return ok;
}

static bool uri_take_path(const char *value, char **ret)
{
	free(*ret);
	*ret = *value ? mem_strdup(value) : NULL;
	return !*value || *value == '/';
}

/* The first is a program. */
static bool uri_take_word(const char *value, struct strv *out)
{
	if ((!out->n && *value != '/') || out->n >= WORDS_MAX)
		return false;
	strv_push(out, value);
	return true;
}

static bool uri_take_key(struct log_uri *u, const char *key, const char *value)
{
	bool ok = true;

	if (!strcmp(key, "size"))
		ok = uri_take_number(value, &u->size);
	else if (!strcmp(key, "files"))
		ok = uri_take_number(value, &u->files);
	else if (!strcmp(key, "unread"))
		ok = uri_take_flag(value, &u->unread);
	else if (!strcmp(key, "kept"))
		ok = uri_take_flag(value, &u->kept);
	else if (!strcmp(key, "out"))
		ok = uri_take_path(value, &u->out);
	else if (!strcmp(key, "err"))
		ok = uri_take_path(value, &u->err);
	else if (!strcmp(key, "attach"))
		ok = uri_take_path(value, &u->attach);
	else if (!strcmp(key, "results"))
		ok = uri_take_path(value, &u->results);
	else if (!strcmp(key, "lost"))
		ok = uri_take_path(value, &u->lost);
	else if (!strcmp(key, "after"))
		ok = uri_take_word(value, &u->after);
	return ok;
}

static bool uri_take_pair(struct log_uri *u, char *pair)
{
	char *value = strchr(pair, '=');

	if (!value)
		return !*pair;
	*value++ = '\0';
	return uri_decode(value) && uri_take_key(u, pair, value);
}

int log_uri_parse(const char *uri, struct log_uri *ret, struct err *err)
{
	_cleanup_(log_uri_done) struct log_uri u = { 0 };
	_cleanup_free_ char *text = NULL;
	char *query, *pair;

	if (!log_uri_is(uri) || strlen(uri) > URI_MAX)
		return err_set(err, ERR_INVALID, "stream address: no " LOG_URI ", or longer than %d bytes", URI_MAX);
	text = mem_strdup(uri + strlen(LOG_URI));
	query = strchr(text, '?');
	if (query)
		*query++ = '\0';
	if (!uri_decode(text) || !uri_take_path(text, &u.path))
		return err_set(err, ERR_INVALID, "stream address: %s is no absolute path", text);
	while ((pair = strsep(&query, "&")))
		if (!uri_take_pair(&u, pair))
			return err_set(err, ERR_INVALID, "stream address: %s has no such value", pair);
	*ret = TAKE_STRUCT(u);
	return 0;
}

static void uri_add_pair(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_addf(out, "&%s=", key);
	add_encoded(out, value);
}

char *log_uri_make(const struct log_uri *u)
{
	struct buf out = { 0 };

	buf_adds(&out, LOG_URI);
	add_encoded(&out, u->path ? u->path : "");
	buf_addf(&out, "?size=%" PRId64 "&files=%" PRId64, u->size, u->files);
	uri_add_pair(&out, "unread", u->unread ? "1" : NULL);
	uri_add_pair(&out, "kept", u->kept ? "1" : NULL);
	uri_add_pair(&out, "out", u->out);
	uri_add_pair(&out, "err", u->err);
	uri_add_pair(&out, "attach", u->attach);
	uri_add_pair(&out, "results", u->results);
	uri_add_pair(&out, "lost", u->lost);
	for (size_t i = 0; i < u->after.n; i++)
		uri_add_pair(&out, "after", u->after.v[i]);
	return buf_take(&out);
}
