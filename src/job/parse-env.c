/* NAME=VALUE lines: environment, labels, sysctls, and files of them. */
#include "check.h"
#include "file.h"
#include "mem.h"
#include "parse.h"
#include <ctype.h>
#include <string.h>

/* Labels are one message to containerd; variables are what execve(2) takes, in number and in a file. */
enum { LABELS_MAX = 4096, VARIABLES_MAX = 65536, FILE_MAX = 4 << 20 };

static const char *env_value(char *const *env, const char *key)
{
	size_t n = strlen(key);

	for (; env && *env; env++)
		if (!strncmp(*env, key, n) && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

int parse_env(const char *s, char *const *env, struct strv *out, struct err *err)
{
	const char *value;
	int r;

	if (out->n >= VARIABLES_MAX)
		return err_set(err, ERR_EXHAUSTED, "environment: more than %d variables", VARIABLES_MAX);
	if (strchr(s, '=')) {
		r = check_env(s, NULL, err);
		if (r >= 0)
			strv_push(out, s);
		return r;
	}
	if (!*s)
		return check_fail("environment variable", s, "no name", err);
	value = env_value(env, s);
	if (value)
		strv_pushf(out, "%s=%s", s, value);
	return 0;
}

int parse_label(const char *s, struct dict *out, struct err *err)
{
	size_t n = strcspn(s, "=");
	_cleanup_free_ char *key = mem_strndup(s, n);
	const char *value = s[n] ? s + n + 1 : "";
	int r = check_label(key, value, err);

	if (r < 0)
		return r;
	if (out->n >= LABELS_MAX)
		return err_set(err, ERR_EXHAUSTED, "labels: more than %d", LABELS_MAX);
	dict_set(out, key, value);
	return 0;
}

int parse_sysctl(const char *s, struct task *t, struct err *err)
{
	size_t n = strcspn(s, "=");
	_cleanup_free_ char *key = mem_strndup(s, n);
	int r;

	if (!n || !s[n] || !s[n + 1])
		return err_hint(err, check_fail("sysctl", s, "not NAME=VALUE", err), "such as net.core.somaxconn=1024");
	for (char *p = key; *p; p++)
		*p = *p == '/' ? '.' : *p;
	r = check_sysctl(key, s + n + 1, err);
	if (r < 0)
		return r;
	dict_set(&t->sysctl, key, s + n + 1);
	return 0;
}

/* One line of a file at a time, without its comments; NULL at the end. */
struct lines {
	char *next;
	size_t number;
};

static char *next_line(struct lines *l)
{
	while (l->next && *l->next) {
		char *line = l->next, *end = strchr(line, '\n');

		l->number++;
		l->next = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		else
			end = line + strlen(line);
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		line += strspn(line, " \t");
		if (*line && *line != '#')
			return line;
	}
	return NULL;
}

static int lines_open(const char *path, const struct ctx *ctx, struct buf *text, struct lines *ret, struct err *err)
{
	int r = file_read_given(path, FILE_MAX, ctx, text, err);

	if (r < 0)
		return r;
	if (strlen(buf_str(text)) != text->len)
		return err_set(err, ERR_INVALID, "%s: has a NUL byte, so it is not text", path);
	*ret = (struct lines){ .next = text->data };
	if (text->data && !strncmp(text->data, "\xef\xbb\xbf", 3)) /* a byte order mark, as some editors write */
		ret->next += 3;
	return 0;
}

/* A name with white space in it is a mistake: "export A=1", "A = 1". */
static int check_name(const char *line, struct err *err)
{
	for (size_t i = 0, n = strcspn(line, "="); i < n; i++)
		if (isspace((unsigned char)line[i]))
			return check_fail("line", line, "white space in the name before \"=\"", err);
	return 0;
}

int parse_env_file(const char *path, char *const *env, const struct ctx *ctx, struct strv *out, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct lines lines = { 0 };
	int r = lines_open(path, ctx, &text, &lines, err);

	if (r < 0)
		return err_wrap(err, r, "env file");
	for (char *line; (line = next_line(&lines));) {
		r = check_name(line, err);
		if (r >= 0)
			r = parse_env(line, env, out, err);
		if (r < 0)
			return err_wrap(err, r, "%s:%zu", path, lines.number);
	}
	return 0;
}

int parse_label_file(const char *path, const struct ctx *ctx, struct dict *out, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct lines lines = { 0 };
	int r = lines_open(path, ctx, &text, &lines, err);

	if (r < 0)
		return err_wrap(err, r, "label file");
	for (char *line; (line = next_line(&lines));) {
		r = check_name(line, err);
		if (r >= 0)
			r = parse_label(line, out, err);
		if (r < 0)
			return err_wrap(err, r, "%s:%zu", path, lines.number);
	}
	return 0;
}
