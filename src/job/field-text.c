/* A flag's value into its field: by the row's own text form, as a part of a flag that takes PART=VALUE, or as the type has it. */
#include "check.h"
#include "job-table.h"
#include "mem.h"
#include "name.h"
#include "value.h"
#include <string.h>

static void *value_of(const struct field *f, void *obj) { return (char *)obj + f->offset; }

/* "memory", "log-opt max-size": what an error calls it. */
static char *flag_name(const struct field *f) { return mem_printf("%s%s%s", f->flag, f->part ? " " : "", f->part ? f->part : ""); }

int text_enum(const struct field *f, const char *text, void *obj, struct err *err)
{
	_cleanup_buf_ struct buf words = { 0 };

	for (int i = 0; f->words[i]; i++) {
		if (!strcmp(text, f->words[i])) {
			*(int *)value_of(f, obj) = i;
			return 0;
		}
		buf_addf(&words, "%s%s", i ? ", " : "", f->words[i]);
	}
	return err_set(err, ERR_INVALID, "flag --%s is one of %s, not \"%.200s\"", f->flag, buf_str(&words), text);
}

static int text_bool(const struct field *f, const char *text, void *obj, struct err *err)
{
	_cleanup_free_ char *name = flag_name(f);

	if (!parse_switch(text, value_of(f, obj)))
		return err_set(err, ERR_INVALID, "flag --%s is true or false, not \"%.200s\"", name, text);
	return 0;
}

static int text_number(const struct field *f, const char *text, void *obj, struct err *err)
{
	_cleanup_free_ char *name = flag_name(f);
	int64_t n;

	if (!parse_whole(text, &n) || !field_holds(f, n))
		return err_set(err, ERR_INVALID, "flag --%s is a number from %lld to %lld, not \"%.200s\"", name, (long long)f->min,
			       (long long)f->max, text);
	if (f->type == FIELD_INT32)
		*(int *)value_of(f, obj) = (int)n;
	else
		*(int64_t *)value_of(f, obj) = n;
	return 0;
}

/* "6m": the largest unit that divides it. */
static char *size_text(int64_t n)
{
	static const char units[] = "\0kmgtp";
	size_t unit = 0;

	for (; n && n % 1024 == 0 && unit < 5; unit++)
		n /= 1024;
	return mem_printf("%lld%.1s", (long long)n, units + unit);
}

int field_size(const struct field *f, const char *what, const char *text, int64_t *ret, struct err *err)
{
	if (f->min == -1 && !strcmp(text, "-1")) { /* no limit */
		*ret = -1;
		return 0;
	}
	return parse_size(what, text, ret, err);
}

static int text_size(const struct field *f, const char *text, void *obj, struct err *err)
{
	_cleanup_free_ char *name = flag_name(f), *least = size_text(f->min);
	int64_t n = -1;
	int r = field_size(f, name, text, &n, err);

	if (r < 0)
		return r;
	if (n > f->max)
		return check_fail(name, text, "too large", err);
	if (!field_holds(f, n))
		return err_hint(err, err_set(err, ERR_INVALID, "flag --%s is at least %s, not \"%.200s\"", name, least, text),
				text[strspn(text, "0123456789")] ? "512m is 512 MiB, 2g are 2 GiB"
								 : "a bare number is bytes: 512m is 512 MiB, 2g are 2 GiB");
	*(int64_t *)value_of(f, obj) = n;
	return 0;
}

static int text_time(const struct field *f, const char *text, void *obj, struct err *err)
{
	_cleanup_free_ char *name = flag_name(f);
	int64_t n;
	int r = parse_duration(name, text, &n, err);

	if (r < 0)
		return r;
	if (!field_holds(f, n))
		return err_set(err, ERR_INVALID, "flag --%s is a time from %llds to %llds, not \"%.200s\"", name, (long long)f->min,
			       (long long)f->max, text);
	*(int64_t *)value_of(f, obj) = n;
	return 0;
}

/* "" is a script's variable that is not set: as though the flag were absent, as Docker has it. */
static int text_plain(const struct field *f, const char *text, void *obj)
{
	char **v = value_of(f, obj);

	free(*v);
	*v = *text ? mem_strdup(text) : NULL;
	return 0;
}

static int text_by_type(const struct field *f, const char *text, void *obj, struct err *err)
{
	switch (f->type) {
	case FIELD_STR: return text_plain(f, text, obj);
	case FIELD_STRV: strv_push(value_of(f, obj), text); return 0;
	case FIELD_BOOL: return text_bool(f, text, obj, err);
	case FIELD_INT:
	case FIELD_INT32: return text_number(f, text, obj, err);
	case FIELD_SIZE: return text_size(f, text, obj, err);
	case FIELD_TIME: return text_time(f, text, obj, err);
	case FIELD_ENUM: return text_enum(f, text, obj, err);
	case FIELD_DICT:
	case FIELD_U16:
	case FIELD_LIMIT:
	case FIELD_NUMBER:
	case FIELD_OBJECT:
	case FIELD_ARRAY: break;
	}
	return err_set(err, ERR_INTERNAL, "flag --%s: no text form", f->flag); /* a test holds every row against this */
}

static int unknown_part(const struct shape *s, const struct field *flag, const char *text, size_t len, struct err *err)
{
	/* "security-opt" is of a security option */
	_cleanup_free_ char *noun = mem_printf("%.*s option", (int)strcspn(flag->flag, "-"), flag->flag);
	_cleanup_free_ char *word = mem_strndup(text, len);
	const char **parts = mem_array(const char *, s->n), *near;
	size_t n = 0;
	int r = check_fail(noun, text, "not one that davit has", err);

	for (const struct field *f = s->fields; f < s->fields + s->n; f++)
		if (f->part && !strcmp(f->flag, flag->flag))
			parts[n++] = f->part;
	near = name_nearest(word, parts, n);
	free(parts);
	return near && strcmp(near, word) != 0 ? err_hint(err, r, "did you mean \"%s\"?", near) : err_hint(err, r, "%s", flag->doc);
}

static int text_of_part(const struct shape *s, const struct field *flag, const char *text, void *obj, const struct text_in *in,
			struct err *err)
{
	size_t n = strcspn(text, "=:");

	for (const struct field *f = s->fields; f < s->fields + s->n; f++) {
		const char *value = text[n] ? text + n + 1 : f->type == FIELD_BOOL ? "true" : NULL;

		if (!f->part || strcmp(f->flag, flag->flag) != 0 || strlen(f->part) != n || strncmp(f->part, text, n) != 0)
			continue;
		if (value && (*value || f->type != FIELD_STR))
			return f->parse ? f->parse(f, value, obj, in, err) : text_by_type(f, value, obj, err);
	}
	return unknown_part(s, flag, text, n, err);
}

int field_text(const struct shape *s, const struct field *f, const char *text, void *obj, const struct text_in *in, struct err *err)
{
	if (f->parse)
		return f->parse(f, text, obj, in, err);
	return f->key ? text_by_type(f, text, obj, err) : text_of_part(s, f, text, obj, in, err);
}
