#include "image-change.h"
#include "clock.h"
#include "mem.h"
#include "strv.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum change_kind { CHANGE_COMMAND, CHANGE_TEXT, CHANGE_ENV, CHANGE_LABEL, CHANGE_PORTS, CHANGE_VOLUMES, CHANGE_HEALTH };
static const struct {
	const char *word, *key;
	enum change_kind kind;
} changes[] = {
	{ "CMD", "Cmd", CHANGE_COMMAND },
	{ "ENTRYPOINT", "Entrypoint", CHANGE_COMMAND },
	{ "ENV", "Env", CHANGE_ENV },
	{ "LABEL", "Labels", CHANGE_LABEL },
	{ "EXPOSE", "ExposedPorts", CHANGE_PORTS },
	{ "USER", "User", CHANGE_TEXT },
	{ "WORKDIR", "WorkingDir", CHANGE_TEXT },
	{ "STOPSIGNAL", "StopSignal", CHANGE_TEXT },
	{ "VOLUME", "Volumes", CHANGE_VOLUMES },
	{ "HEALTHCHECK", "Healthcheck", CHANGE_HEALTH },
};
enum { N_CHANGES = sizeof changes / sizeof *changes };

/* A JSON array of words, with @exec before them; else what a shell is to run, behind @shell and @dash_c. Each may be NULL. */
static int command_words(const char *value, const char *exec, const char *shell, const char *dash_c, struct strv *ret,
			 struct err *err)
{
	_cleanup_json_ json *list = NULL;
	int r = 0;

	if (*value != '[') {
		strv_push(ret, shell);
		if (dash_c)
			strv_push(ret, dash_c);
		strv_push(ret, value);
		return 0;
	}
	if (exec)
		strv_push(ret, exec);
	r = json_parse(value, strlen(value), &list, err);
	for (size_t i = 0; r >= 0 && i < json_len(list); i++) {
		if (!json_text(json_at(list, i)))
			return err_set(err, ERR_INVALID, "word %zu is no string", i + 1);
		strv_push(ret, json_text(json_at(list, i)));
	}
	return r;
}

static int change_command(json *config, const char *key, const char *value, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	int r = command_words(value, NULL, "/bin/sh", "-c", &words, err);

	if (r >= 0)
		json_put_strv(config, key, &words);
	return r;
}

/* A word of a Dockerfile's: blanks end it, but in quotes and behind a backslash. @at goes behind it; false: there is none. */
static bool next_word(const char **at, struct buf *word)
{
	char quote = 0;

	buf_reset(word);
	*at += strspn(*at, " \t");
	if (!**at)
		return false;
	for (; **at && (quote || !strchr(" \t", **at)); ++*at) {
		if (**at == '\\' && (*at)[1] && quote != '\'')
			buf_addc(word, *++*at);
		else if (quote ? **at == quote : **at == '"' || **at == '\'')
			quote = quote ? 0 : **at;
		else
			buf_addc(word, **at);
	}
	return true;
}

static void put_label(json *config, const char *name, const char *value)
{
	json *labels = json_get_object(config, "Labels");

	if (!labels)
		json_put(config, "Labels", labels = json_new_object());
	json_put_str(labels, name, value);
}

static void change_env(json *config, const char *name, const char *value)
{
	_cleanup_free_ char *pair = mem_printf("%s=%s", name, value);
	_cleanup_strv_ struct strv env = { 0 };

	json_get_strv(config, "Env", &env);
	strv_setenv(&env, pair);
	json_put_strv(config, "Env", &env);
}

/* "KEY=VALUE KEY=VALUE", or "KEY VALUE", which goes to the end. */
static int put_pairs(json *config, const char *text, void (*put)(json *, const char *, const char *), struct err *err)
{
	_cleanup_buf_ struct buf word = { 0 };
	const char *at = text;
	bool first = true;

	while (next_word(&at, &word)) {
		_cleanup_free_ char *name = mem_strndup(buf_str(&word), strcspn(buf_str(&word), "="));
		const char *value = buf_str(&word) + strlen(name), *rest = at + strspn(at, " \t");

		if (!*name || (!*value && (!first || !*rest)))
			return err_set(err, ERR_INVALID, "not of the form KEY=VALUE");
		if (!*value) {
			put(config, name, rest);
			return 0;
		}
		put(config, name, value + 1);
		first = false;
	}
	return 0;
}

/* "NONE", or "[--interval=TIME] ... CMD COMMAND". */
static int put_health(json *config, const char *key, const char *text, struct err *err)
{
	static const struct {
		const char *flag, *key;
	} times[] = { { "--interval=", "Interval" },
		      { "--timeout=", "Timeout" },
		      { "--start-period=", "StartPeriod" },
		      { "--start-interval=", "StartInterval" } };
	const size_t n_times = sizeof times / sizeof *times;
	_cleanup_json_ json *health = json_new_object();
	_cleanup_strv_ struct strv test = { 0 };
	int64_t n;
	int r = 0;

	for (; !strncmp(text, "--", 2) && r >= 0; text += strcspn(text, " \t"), text += strspn(text, " \t")) {
		_cleanup_free_ char *flag = mem_strndup(text, strcspn(text, " \t"));
		size_t i = 0;

		while (i < n_times && strncmp(flag, times[i].flag, strlen(times[i].flag)) != 0)
			i++;
		if (i < n_times)
			r = clock_parse_span(flag + strlen(times[i].flag), &n, err);
		else if (strncmp(flag, "--retries=", 10) != 0 || !(n = strtol(flag + 10, NULL, 10)) || n < 0)
			r = err_set(err, ERR_INVALID, "%s: unknown", flag);
		if (r >= 0)
			json_put_int(health, i < n_times ? times[i].key : "Retries", n);
	}
	if (r < 0)
		return r;
	if (!strcmp(text, "NONE"))
		strv_push(&test, "NONE");
	else if (strncmp(text, "CMD ", 4) != 0)
		return err_set(err, ERR_INVALID, "neither NONE nor CMD");
	else
		r = command_words(text + 4 + strspn(text + 4, " \t"), "CMD", "CMD-SHELL", NULL, &test, err);
	if (r < 0)
		return r;
	json_put_strv(health, "Test", &test);
	json_put(config, key, json_object_get(health));
	return 0;
}

/* "8080" is 8080/tcp. */
static int check_port(const char *p, struct err *err)
{
	const size_t n = strspn(p, "0123456789");

	if (!n || n > 5 || strtol(p, NULL, 10) > 65535 || strtol(p, NULL, 10) < 1 ||
	    (p[n] && strcmp(p + n, "/tcp") != 0 && strcmp(p + n, "/udp") != 0 && strcmp(p + n, "/sctp") != 0))
		return err_hint(err, err_set(err, ERR_INVALID, "port \"%.40s\": not a port", p), "such as 8080 or 53/udp");
	return 0;
}

static int put_set(json *config, const char *key, const char *value, bool ports, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_json_ json *list = NULL;
	json *set = json_get_object(config, key);
	int r = 0;

	if (*value == '[')
		r = json_parse(value, strlen(value), &list, err);
	else
		strv_split(&words, value, " \t");
	for (size_t i = 0; r >= 0 && i < json_len(list); i++)
		if (json_text(json_at(list, i)))
			strv_push(&words, json_text(json_at(list, i)));
	if (!set)
		json_put(config, key, set = json_new_object());
	for (size_t i = 0; r >= 0 && i < words.n; i++) {
		_cleanup_free_ char *name = mem_printf("%s%s", words.v[i], ports && !strchr(words.v[i], '/') ? "/tcp" : "");

		r = ports ? check_port(name, err) : 0;
		if (r >= 0)
			json_put(set, name, json_new_object());
	}
	return r;
}

static int change_make(json *config, size_t i, const char *value, struct err *err)
{
	const char *key = changes[i].key;

	switch (changes[i].kind) {
	case CHANGE_COMMAND: return change_command(config, key, value, err);
	case CHANGE_ENV: return put_pairs(config, value, change_env, err);
	case CHANGE_LABEL: return put_pairs(config, value, put_label, err);
	case CHANGE_HEALTH: return put_health(config, key, value, err);
	case CHANGE_PORTS: return put_set(config, key, value, true, err);
	case CHANGE_VOLUMES: return put_set(config, key, value, false, err);
	case CHANGE_TEXT: break;
	}
	json_put_str(config, key, value);
	return 0;
}

int image_change(json *config, const char *text, struct err *err)
{
	const size_t n = strcspn(text, " \t");
	const char *value = text + n + strspn(text + n, " \t");

	for (size_t i = 0; i < N_CHANGES; i++)
		if (strlen(changes[i].word) == n && strncasecmp(changes[i].word, text, n) == 0) {
			int r = *value ? change_make(config, i, value, err) : err_set(err, ERR_INVALID, "nothing behind it");

			return r < 0 ? err_wrap(err, r, "change \"%.80s\"", text) : 0;
		}
	return err_hint(err, err_set(err, ERR_INVALID, "change \"%.80s\": unknown", text),
			"CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR");
}
