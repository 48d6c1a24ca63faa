#include "hint.h"
#include "job-table.h"
#include "mem.h"
#include "option.h"
#include "task-conf.h"
#include <ctype.h>
#include <string.h>

#define OF_A_WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=%"

/* Flags of others' programs, which an operator can type. */
static const char *const others[] = { "make-shared", "sparse" };

static size_t hint_others(const char *at)
{
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (!strncmp(at, others[i], strlen(others[i])))
			return strlen(others[i]);
	return 0;
}

/* A flag's value stands behind it: "--userns host", "--userns=host". What begins with another sign is none. */
static size_t hint_value(const char *at, const char **ret)
{
	size_t n;

	*ret = at + 1;
	if (*at != ' ' && *at != '=')
		return 0;
	n = strspn(*ret, OF_A_WORD);
	while (n && strchr("./", (*ret)[n - 1]))
		n--;
	return **ret == '-' ? 0 : n;
}

/* The row of a flag with that value that jobs of Nomad have a key for; of a flag that takes PART=VALUE that of the part, and what
 * is before the value is taken away. */
static const struct field *hint_field(const char *flag, size_t n, const char **value, size_t *n_value)
{
	for (const struct shape *const *s = shapes_all; *s; s++)
		for (const struct field *f = (*s)->fields; f < (*s)->fields + (*s)->n; f++) {
			const size_t n_part = f->part ? strlen(f->part) + 1 : 0;

			if (!f->nomad || !f->flag || strlen(f->flag) != n || strncmp(f->flag, flag, n) != 0)
				continue;
			if (n_part &&
			    (*n_value < n_part || strncmp(*value, f->part, n_part - 1) != 0 || (*value)[n_part - 1] != '='))
				continue;
			*value += n_part;
			*n_value -= n_part;
			return f;
		}
	return NULL;
}

/* @at stands behind the dashes. What is behind flag and value; NULL: no option means that. */
static const char *hint_option(const char *at, struct buf *out)
{
	const size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
	const char *value;
	size_t n_value = hint_value(at + n, &value);
	const struct field *f = hint_field(at, n, &value, &n_value);
	const struct option *o = f ? task_conf_option(f->nomad) : NULL;

	if (!o || (n_value && o->type != OPTION_TEXT && o->type != OPTION_TEXTS))
		return NULL;
	if (!n_value) {
		buf_adds(out, o->name);
		return at + n;
	}
	buf_addf(out, o->type == OPTION_TEXT ? "%s = \"%.*s\"" : "%s = [\"%.*s\"]", o->name, (int)n_value, value);
	return value + n_value;
}

static int hint_options(const char *hint, struct buf *out)
{
	for (const char *at = hint; at && *at;) {
		const bool begins = at == hint || !strchr(OF_A_WORD, at[-1]);

		if (begins && !strncmp(at, "--", 2) && islower((unsigned char)at[2]) && !hint_others(at + 2))
			at = hint_option(at + 2, out);
		else
			buf_add(out, at++, 1);
		if (!at)
			return -1;
	}
	return 0;
}

static bool hint_has_davit(const char *part)
{
	for (const char *at = part; (at = strstr(at, "davit")); at++)
		if ((at == part || !strchr(OF_A_WORD, at[-1])) && (!at[5] || strchr(" :,", at[5])))
			return true;
	return false;
}

static const char *hint_begin(const char *part)
{
	while (*part == ' ')
		part++;
	return strncmp(part, "or ", 3) ? part : part + 3;
}

/* Parts stand between commas and semicolons. */
static void hint_parts(char *hint, struct buf *out)
{
	bool left_out = false;

	for (char *part = hint, *end; part && *part; part = end) {
		const size_t n = strcspn(part, ",;");
		const char sign = part[n];

		end = sign ? part + n + 1 : NULL;
		part[n] = '\0';
		left_out = hint_has_davit(part);
		if (left_out)
			continue;
		buf_adds(out, out->len ? part : hint_begin(part));
		if (sign)
			buf_add(out, &sign, 1);
	}
	if (left_out && out->len)
		buf_cut(out, out->len - 1);
}

const char *hint_for_nomad(const char *hint, char out[PLUGIN_HINT_TEXT])
{
	_cleanup_free_ char *parts = mem_strdup(hint);
	_cleanup_buf_ struct buf kept = { 0 }, worded = { 0 };

	hint_parts(parts, &kept);
	if (!kept.len || hint_options(buf_str(&kept), &worded) < 0)
		return NULL;
	(void)snprintf(out, PLUGIN_HINT_TEXT, "%s", buf_str(&worded));
	return out;
}
