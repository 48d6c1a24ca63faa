/* Loops over the tables of job-table.c. A field's value stands at its offset in the struct; each type is read, written,
 * compared and freed in one place here. */
#include "job-table.h"
#include "mem.h"
#include "name.h"
#include "utf8.h"
#include "value.h"
#include <math.h>
#include <string.h>

/* Of any list in a job, and of one of texts, such as the environment: bounds what a file can make us allocate and compare. */
enum { ARRAY_MAX = 4096, TEXTS_MAX = 65536 };

static void *at(const void *obj, size_t offset) { return (char *)(uintptr_t)obj + offset; }
static void *value_of(const struct field *f, const void *obj) { return at(obj, f->offset); }
static size_t *count_of(const struct field *f, const void *obj) { return at(obj, f->extra); }
static void *element(const struct field *f, const void *obj, size_t i) { return *(char **)value_of(f, obj) + i * f->of->size; }

/* Any of the whole-number types as int64_t. */
static int64_t number_get(const struct field *f, const void *obj)
{
	const void *v = value_of(f, obj);

	switch (f->type) {
	case FIELD_BOOL: return *(const bool *)v;
	case FIELD_INT32:
	case FIELD_ENUM: return *(const int *)v;
	case FIELD_U16: return *(const uint16_t *)v;
	case FIELD_LIMIT: return (int64_t) * (const uint64_t *)v; /* UINT64_MAX: -1 */
	case FIELD_INT:
	case FIELD_SIZE: return *(const int64_t *)v;
	case FIELD_STR:
	case FIELD_STRV:
	case FIELD_DICT:
	case FIELD_NUMBER:
	case FIELD_ARRAY: break;
	}
	return 0;
}

static void number_set(const struct field *f, void *obj, int64_t n)
{
	void *v = value_of(f, obj);

	switch (f->type) {
	case FIELD_BOOL: *(bool *)v = n != 0; break;
	case FIELD_INT32:
	case FIELD_ENUM: *(int *)v = (int)n; break;
	case FIELD_U16: *(uint16_t *)v = (uint16_t)n; break;
	case FIELD_LIMIT: *(uint64_t *)v = (uint64_t)n; break;
	case FIELD_INT:
	case FIELD_SIZE: *(int64_t *)v = n; break;
	case FIELD_STR:
	case FIELD_STRV:
	case FIELD_DICT:
	case FIELD_NUMBER:
	case FIELD_ARRAY: break;
	}
}

void shape_init(const struct shape *s, void *obj)
{
	for (size_t i = 0; i < s->n; i++) {
		number_set(&s->fields[i], obj, s->fields[i].otherwise);
		if (s->fields[i].text)
			*(char **)value_of(&s->fields[i], obj) = mem_strdup(s->fields[i].text);
	}
}

static void array_done(const struct field *f, void *obj)
{
	for (size_t i = 0; i < *count_of(f, obj); i++)
		shape_done(f->of, element(f, obj, i));
	free(*(void **)value_of(f, obj));
}

void shape_done(const struct shape *s, void *obj)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];

		if (f->type == FIELD_STR)
			free(*(char **)value_of(f, obj));
		else if (f->type == FIELD_STRV)
			strv_done(value_of(f, obj));
		else if (f->type == FIELD_DICT)
			dict_done(value_of(f, obj));
		else if (f->type == FIELD_ARRAY)
			array_done(f, obj);
	}
	memset(obj, 0, s->size);
}

/* The shortest text that reads back as the same number: 0.1, not 0.10000000000000001. */
static json *double_new(double d)
{
	char text[32];
	int digits = 1;

	do
		(void)snprintf(text, sizeof text, "%.*g", digits, d);
	while (strtod(text, NULL) != d && ++digits <= 17);
	return json_object_new_double_s(d, text);
}

static json *array_new(const struct field *f, const void *obj)
{
	json *a = json_new_array();

	for (size_t i = 0; i < *count_of(f, obj); i++)
		json_append(a, shape_write(f->of, element(f, obj, i)));
	return a;
}

static bool strv_given(const struct field *f, const void *obj)
{
	const struct strv *s = value_of(f, obj);

	return f->extra ? *(bool *)at(obj, f->extra) : s->n > 0;
}

static void write_field(const struct field *f, const void *obj, json *to)
{
	const void *v = value_of(f, obj);
	int64_t n = number_get(f, obj);

	switch (f->type) {
	case FIELD_STR:
		if (*(char *const *)v && (!f->text || strcmp(*(char *const *)v, f->text) != 0))
			json_put_str(to, f->key, *(char *const *)v);
		break;
	case FIELD_STRV:
		if (strv_given(f, obj))
			json_put_strv(to, f->key, v);
		break;
	case FIELD_DICT:
		if (((const struct dict *)v)->n)
			json_put_dict(to, f->key, v);
		break;
	case FIELD_NUMBER:
		if (*(const double *)v != 0)
			json_put(to, f->key, double_new(*(const double *)v));
		break;
	case FIELD_ARRAY:
		if (*count_of(f, obj))
			json_put(to, f->key, array_new(f, obj));
		break;
	case FIELD_BOOL:
		if (n != f->otherwise)
			json_put_bool(to, f->key, n != 0);
		break;
	case FIELD_ENUM:
		if (n != f->otherwise)
			json_put_str(to, f->key, f->words[n]);
		break;
	case FIELD_INT:
	case FIELD_SIZE:
	case FIELD_INT32:
	case FIELD_U16:
	case FIELD_LIMIT:
		if (n != f->otherwise || f->required)
			json_put_int(to, f->key, n);
		break;
	}
}

json *shape_write(const struct shape *s, const void *obj)
{
	json *to = json_new_object();

	for (size_t i = 0; i < s->n; i++)
		write_field(&s->fields[i], obj, to);
	return to;
}

static int wants(const struct field *f, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "key \"%s\": wants %s", f->key, what);
}

static int read_str(const struct field *f, json *j, void *obj, struct err *err)
{
	char **v = value_of(f, obj);

	if (!json_text(j))
		return wants(f, "text", err);
	free(*v);
	*v = mem_strdup(json_text(j));
	return 0;
}

static int read_strv(const struct field *f, json *j, void *obj, struct err *err)
{
	if (!json_object_is_type(j, json_type_array) || json_len(j) > TEXTS_MAX)
		return wants(f, "a list of at most 65536 texts", err);
	for (size_t i = 0; i < json_len(j); i++) {
		if (!json_text(json_at(j, i)))
			return wants(f, "a list of texts", err);
		strv_push(value_of(f, obj), json_text(json_at(j, i)));
	}
	if (f->extra)
		*(bool *)at(obj, f->extra) = true;
	return 0;
}

static int read_dict(const struct field *f, json *j, void *obj, struct err *err)
{
	if (!json_object_is_type(j, json_type_object) || json_object_object_length(j) > ARRAY_MAX)
		return wants(f, "an object of at most 4096 texts", err);
	json_object_object_foreach(j, k, v) {
		if (!json_text(v))
			return err_set(err, ERR_INVALID, "key \"%s\": \"%s\" wants text", f->key, k);
		dict_set(value_of(f, obj), k, json_text(v));
	}
	return 0;
}

static int read_whole(const struct field *f, json *j, void *obj, struct err *err)
{
	int64_t n, max = f->type == FIELD_U16 ? UINT16_MAX : f->type == FIELD_INT32 ? INT32_MAX : INT64_MAX;
	int64_t min = f->type == FIELD_U16 ? 0 : f->type == FIELD_INT32 ? INT32_MIN : f->type == FIELD_LIMIT ? -1 : INT64_MIN;
	int r;

	if (f->type == FIELD_SIZE && json_text(j)) {
		r = parse_size(f->key, json_text(j), &n, err);
		if (r < 0)
			return r;
	} else if (json_object_is_type(j, json_type_int)) {
		n = json_object_get_int64(j);
		if (n < min || n > max || json_object_get_uint64(j) > INT64_MAX) /* json-c saturates: more than int64_t holds */
			return err_set(err, ERR_INVALID, "key \"%s\": %s is out of range", f->key, json_object_to_json_string(j));
	} else {
		return wants(f, f->type == FIELD_SIZE ? "a number of bytes or text such as \"64m\"" : "a whole number", err);
	}
	number_set(f, obj, n);
	return 0;
}

static int read_number(const struct field *f, json *j, void *obj, struct err *err)
{
	if (!json_object_is_type(j, json_type_double) && !json_object_is_type(j, json_type_int))
		return wants(f, "a number", err);
	*(double *)value_of(f, obj) = json_object_get_double(j);
	return isfinite(*(double *)value_of(f, obj)) ? 0 : wants(f, "a finite number", err);
}

static int read_bool(const struct field *f, json *j, void *obj, struct err *err)
{
	if (!json_object_is_type(j, json_type_boolean))
		return wants(f, "true or false", err);
	number_set(f, obj, json_object_get_boolean(j));
	return 0;
}

static int read_enum(const struct field *f, json *j, void *obj, struct err *err)
{
	const char *s = json_text(j);
	struct buf allowed = { 0 };
	int r;

	for (int i = 0; f->words[i]; i++) {
		if (s && !strcmp(s, f->words[i])) {
			number_set(f, obj, i);
			buf_done(&allowed);
			return 0;
		}
		buf_addf(&allowed, "%s\"%s\"", i ? ", " : "", f->words[i]);
	}
	r = err_set(err, ERR_INVALID, "key \"%s\": wants one of %s", f->key, buf_str(&allowed));
	buf_done(&allowed);
	return r;
}

static int read_array(const struct field *f, json *j, void *obj, struct err *err)
{
	size_t n = json_len(j);
	int r;

	if (!json_object_is_type(j, json_type_array) || n > ARRAY_MAX)
		return wants(f, "a list of at most 4096 objects", err);
	array_done(f, obj);
	*(void **)value_of(f, obj) = mem_calloc(n, f->of->size);
	*count_of(f, obj) = n;
	for (size_t i = 0; i < n; i++) {
		shape_init(f->of, element(f, obj, i));
		r = shape_read(f->of, json_at(j, i), element(f, obj, i), err);
		if (r < 0)
			return err_wrap(err, r, "%s[%zu]", f->key, i);
	}
	return 0;
}

typedef int read_fn(const struct field *, json *, void *obj, struct err *);
static read_fn *const readers[] = {
	[FIELD_STR] = read_str,     [FIELD_STRV] = read_strv,     [FIELD_DICT] = read_dict,   [FIELD_BOOL] = read_bool,
	[FIELD_INT] = read_whole,   [FIELD_SIZE] = read_whole,    [FIELD_INT32] = read_whole, [FIELD_U16] = read_whole,
	[FIELD_LIMIT] = read_whole, [FIELD_NUMBER] = read_number, [FIELD_ENUM] = read_enum,   [FIELD_ARRAY] = read_array,
};

static int unknown_key(const struct shape *s, const char *key, struct err *err)
{
	int r = err_set(err, ERR_INVALID, "unknown key \"%.80s\" of a %s", key, s->noun);
	const char *keys[64], *near;

	for (size_t i = 0; i < s->n; i++)
		keys[i] = s->fields[i].key;
	near = name_nearest(key, keys, s->n);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : r;
}

int shape_read(const struct shape *s, json *from, void *obj, struct err *err)
{
	if (!json_object_is_type(from, json_type_object))
		return err_set(err, ERR_INVALID, "a %s is a JSON object", s->noun);
	json_object_object_foreach(from, key, v) {
		const struct field *f = s->fields;
		int r;

		while (f < s->fields + s->n && strcmp(f->key, key))
			f++;
		if (f == s->fields + s->n)
			return unknown_key(s, key, err);
		r = v ? readers[f->type](f, v, obj, err) : 0; /* null: as if absent */
		if (r < 0)
			return r;
	}
	return 0;
}

static bool absent(const struct field *f, const void *obj)
{
	if (f->type == FIELD_STR)
		return !*(char **)value_of(f, obj) || !**(char **)value_of(f, obj);
	if (f->type == FIELD_ARRAY)
		return !*count_of(f, obj);
	return number_get(f, obj) == 0;
}

/* A job is written down as JSON, and its record goes over protobuf: neither holds other bytes. */
static int check_text(const struct field *f, const char *text, struct err *err)
{
	if (!text || utf8_valid(text, strlen(text)))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "invalid %s \"%.80s\": not UTF-8", f->key, text),
			"pass other bytes in a file");
}

static int check_texts(const struct field *f, const void *obj, struct err *err)
{
	const struct strv *list = f->type == FIELD_STRV ? value_of(f, obj) : NULL;
	const struct dict *dict = f->type == FIELD_DICT ? value_of(f, obj) : NULL;
	int r = f->type == FIELD_STR ? check_text(f, *(char **)value_of(f, obj), err) : 0;

	for (size_t i = 0; r == 0 && list && i < list->n; i++)
		r = check_text(f, list->v[i], err);
	for (size_t i = 0; r == 0 && dict && i < dict->n; i++) {
		r = check_text(f, dict->v[i].key, err);
		if (r == 0)
			r = check_text(f, dict->v[i].value, err);
	}
	return r;
}

static int check_field(const struct shape *s, const struct field *f, const void *obj, struct err *err)
{
	double n = f->type == FIELD_NUMBER ? *(double *)value_of(f, obj) : (double)number_get(f, obj);
	int r;

	if (f->required && absent(f, obj))
		return err_set(err, ERR_INVALID, "%s without %s", s->noun, f->key);
	if ((f->min || f->max) && n != (double)f->otherwise && (n < (double)f->min || n > (double)f->max || isnan(n))) {
		r = err_set(err, ERR_INVALID, "%s %.17g: out of range", f->key, n);
		return err_hint(err, r, "%lld to %lld", (long long)f->min, (long long)f->max);
	}
	r = check_texts(f, obj, err);
	if (r < 0)
		return r;
	for (size_t i = 0; f->type == FIELD_ARRAY && i < *count_of(f, obj); i++) {
		r = shape_check(f->of, element(f, obj, i), err);
		if (r < 0)
			return err_wrap(err, r, "%s[%zu]", f->key, i);
	}
	return 0;
}

int shape_check(const struct shape *s, const void *obj, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		int r = check_field(s, &s->fields[i], obj, err);

		if (r < 0)
			return r;
	}
	return 0;
}
