#include "opt.h"
#include "keys.h"
#include "mem.h"
#include "name.h"
#include "value.h"
#include <string.h>
#include <strings.h>

enum { SECONDS_MAX = 365 * 24 * 3600 };

struct flag {
	const struct opt *opt;
	const struct opt_table *of;
};

static int flag_take(const struct flag *f, const char *value, struct err *err)
{
	if (f->of->seen)
		f->of->seen(f->opt, f->of->into);
	return f->opt->set(f->opt, value, f->of->into, err);
}

static bool names(const struct opt *o, const char *name, size_t len)
{
	return (strncmp(o->name, name, len) == 0 && !o->name[len]) ||
	       (o->also && strncmp(o->also, name, len) == 0 && !o->also[len]);
}

static bool find_name(const struct opt_table *t, size_t n, const char *name, size_t len, struct flag *ret)
{
	for (; n; n--, t++)
		for (const struct opt *o = t->opts; o && o->name; o++)
			if (names(o, name, len)) {
				*ret = (struct flag){ o, t };
				return true;
			}
	return false;
}

static bool find_letter(const struct opt_table *t, size_t n, char letter, struct flag *ret)
{
	for (; n; n--, t++)
		for (const struct opt *o = t->opts; o && o->name; o++)
			if (o->letter && o->letter == letter && !(t->behind && o->early)) {
				*ret = (struct flag){ o, t };
				return true;
			}
	return false;
}

/* The words that may be written for @o, and for each the name to suggest. */
static void candidates_of(const struct opt *o, struct strv *words, struct strv *names_of)
{
	size_t before = words->n;

	if (o->hidden)
		return;
	strv_push(words, o->name);
	if (o->also)
		strv_push(words, o->also);
	if (o->meant)
		strv_split(words, o->meant, " ");
	for (size_t i = before; i < words->n; i++)
		strv_push(names_of, o->also && strcmp(words->v[i], o->also) == 0 ? o->also : o->name);
}

/* @flag as it was written. */
static int unknown_flag(const char *where, const char *flag, const char *near, const char *instead, struct err *err)
{
	const char *colon = *where ? ": " : "";
	int r;

	if (near)
		return err_set(err, ERR_INVALID, "%s%sunknown flag %s: did you mean --%s?", where, colon, flag, near);
	r = err_set(err, ERR_INVALID, "%s%sunknown flag %s", where, colon, flag);
	if (instead)
		return err_hint(err, r, "%s", instead);
	return err_hint(err, r, "davit help%s%s lists the flags", *where ? " " : "", where);
}

static int unknown_name(const struct opt_table *t, size_t n, const char *where, const char *name, size_t len, struct err *err)
{
	_cleanup_free_ char *word = mem_printf("--%.*s", (int)len, name);
	_cleanup_strv_ struct strv words = { 0 }, names_of = { 0 };
	const char *near, *meant = NULL;

	for (; n; n--, t++)
		for (const struct opt *o = t->opts; o && o->name; o++)
			candidates_of(o, &words, &names_of);
	near = name_nearest(word + 2, (const char *const *)strv_argv(&words), words.n);
	for (size_t i = 0; near && i < words.n; i++)
		if (words.v[i] == near)
			meant = names_of.v[i];
	return unknown_flag(where, word, meant, NULL, err);
}

/* @word is the whole "-itx". */
static int unknown_letter(const struct opt_table *t, size_t n, const char *where, const char *word, char letter, struct err *err)
{
	_cleanup_free_ char *flag = word[2] && word[2] != '=' ? mem_printf("-%c in %s", letter, word) : mem_printf("-%c", letter);

	for (; n; n--, t++)
		for (const struct opt *o = t->opts; o && o->name; o++)
			if (o->letter == letter && o->early)
				return err_hint(err, unknown_flag(where, flag, o->name, NULL, err),
						"-%c stands before the command only", letter);
	return unknown_flag(where, flag, NULL, NULL, err);
}

static int needs_value(const struct opt *o, const char *where, struct err *err)
{
	return err_hint(err, err_set(err, ERR_INVALID, "flag --%s needs a value", o->name), "--%s %s; davit help%s%s tells more",
			o->name, o->arg, *where ? " " : "", where);
}

/* @word is behind the "--". */
static int long_flag(const struct opt_table *t, size_t n, const char *where, const char *word, char *const *argv, size_t *i,
		     struct err *err)
{
	size_t len = strcspn(word, "=");
	const char *value = word[len] ? word + len + 1 : NULL;
	struct flag flag;

	if (!find_name(t, n, word, len, &flag))
		return unknown_name(t, n, where, word, len, err);
	if (flag.opt->instead)
		return unknown_flag(where, word - 2, NULL, flag.opt->instead, err);
	if (!value && !flag.opt->arg)
		value = "true";
	if (!value && argv[*i])
		value = argv[(*i)++];
	if (!value)
		return needs_value(flag.opt, where, err);
	return flag_take(&flag, value, err);
}

/* @word is the whole "-it"; a letter that takes a value ends it. */
static int short_flags(const struct opt_table *t, size_t n, const char *where, const char *word, char *const *argv, size_t *i,
		       struct err *err)
{
	size_t len = strcspn(word + 1, "=");
	struct flag whole;

	if (len > 1 && find_name(t, n, word + 1, len, &whole) && whole.opt->one_dash)
		return long_flag(t, n, where, word + 1, argv, i, err);
	if (len > 1 && find_name(t, n, word + 1, len, &whole)) /* -name is a dash too few, not -n ame */
		return unknown_flag(where, word, whole.opt->instead ? NULL : whole.opt->name, whole.opt->instead, err);
	for (const char *p = word + 1; *p; p++) {
		const char *value = p[1] == '=' ? p + 2 : NULL;
		struct flag flag;
		int r;

		if (!find_letter(t, n, *p, &flag))
			return unknown_letter(t, n, where, word, *p, err);
		if (flag.opt->instead)
			return unknown_flag(where, word, NULL, flag.opt->instead, err);
		if (!flag.opt->arg && !value) {
			r = flag_take(&flag, "true", err);
			if (r < 0)
				return r;
			continue;
		}
		if (!value && p[1])
			value = p + 1;
		if (!value && argv[*i])
			value = argv[(*i)++];
		if (!value)
			return needs_value(flag.opt, where, err);
		return flag_take(&flag, value, err);
	}
	return 0;
}

int opt_flags(const struct opt_table *tables, size_t n, const char *where, char *const *argv, size_t *i, struct err *err)
{
	while (argv[*i]) {
		const char *word = argv[*i];
		int r;

		if (word[0] != '-' || !word[1])
			return 0;
		(*i)++;
		if (strcmp(word, "--") == 0)
			return 1;
		if (word[1] == '-')
			r = long_flag(tables, n, where, word + 2, argv, i, err);
		else
			r = short_flags(tables, n, where, word, argv, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int opt_parse(const struct opt_table *tables, size_t n, const char *where, bool stop_at_first, char *const *argv, size_t i,
	      struct strv *args, struct err *err)
{
	bool flags_over = false;

	for (;;) {
		if (!flags_over) {
			int r = opt_flags(tables, n, where, argv, &i, err);

			if (r < 0)
				return r;
			flags_over = r > 0 || stop_at_first;
		}
		if (!argv[i])
			return 0;
		strv_push(args, argv[i++]);
	}
}

int opt_to_bool(const struct opt *o, const char *value, bool *ret, struct err *err)
{
	if (parse_switch(value, ret))
		return 0;
	return err_set(err, ERR_INVALID, "flag --%s is true or false, not \"%s\"", o->name, value);
}

int opt_to_number(const struct opt *o, const char *value, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	int64_t n;

	if (!parse_whole(value, &n) || n < min || n > max)
		return err_set(err, ERR_INVALID, "flag --%s is a number from %lld to %lld, not \"%s\"", o->name, (long long)min,
			       (long long)max, value);
	*ret = n;
	return 0;
}

static void *field(const struct opt *o, void *into) { return (char *)into + o->at; }

int opt_bool(const struct opt *o, const char *value, void *into, struct err *err)
{
	return opt_to_bool(o, value, field(o, into), err);
}

int opt_string(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)err;
	*(const char **)field(o, into) = value;
	return 0;
}

int opt_list(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)err;
	strv_push(field(o, into), value);
	return 0;
}

int opt_word(const struct opt *o, const char *value, void *into, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_free_ char *list = NULL;
	int r;

	strv_split(&words, o->words, " ");
	if (strv_has(&words, value))
		return opt_string(o, value, into, err);
	list = strv_join(&words, ", ");
	r = err_set(err, ERR_INVALID, "flag --%s is one of %s, not \"%s\"", o->name, list, value);
	if (strstr(value, "{{") && strv_has(&words, "json"))
		return err_hint(err, r, "davit has no templates: --%s json | jq takes a field out", o->name);
	return r;
}

int opt_keys(const struct opt *o, const char *value, void *into, struct err *err)
{
	struct keys unused;
	int r = keys_parse(value, &unused, err);

	return r < 0 ? r : opt_string(o, value, into, err);
}

int opt_seconds(const struct opt *o, const char *value, void *into, struct err *err)
{
	return opt_to_number(o, value, 0, SECONDS_MAX, field(o, into), err);
}
