/* Loops over the tables of job-table.c. A field's value stands at its offset in the struct; each type is read, written,
 * checked and freed in one place here. Rows without a key are flags alone. */
#include "job-table.h"
#include "mem.h"
#include "name.h"
#include "utf8.h"
#include "value.h"
#include <math.h>
#include <string.h>

static void *at(const void *obj, size_t offset) { return (char *)(uintptr_t)obj + offset; }
static void *shape_value_of(const struct field *f, const void *obj) { return at(obj, f->offset); }
static size_t *count_of(const struct field *f, const void *obj) { return at(obj, f->extra); }
static void *element(const struct field *f, const void *obj, size_t i)
{
	return *(char **)shape_value_of(f, obj) + i * f->of->size;
}

/* Any of the whole-number types as int64_t. */
static int64_t number_get(const struct field *f, const void *obj)
{
	const void *v = shape_value_of(f, obj);

	switch (f->type) {
	case FIELD_BOOL: return *(const bool *)v;
	case FIELD_INT32:
	case FIELD_ENUM: return *(const int *)v;
	case FIELD_U16: return *(const uint16_t *)v;
	case FIELD_LIMIT: return (int64_t) * (const uint64_t *)v; /* UINT64_MAX: -1 */
	case FIELD_INT:
	case FIELD_TIME:
	case FIELD_SIZE: return *(const int64_t *)v;
	case FIELD_STR:
	case FIELD_STRV:
	case FIELD_DICT:
	case FIELD_NUMBER:
	case FIELD_OBJECT:
	case FIELD_ARRAY: break;
	}
	return 0;
}

static void number_set(const struct field *f, void *obj, int64_t n)
{
	void *v = shape_value_of(f, obj);

	switch (f->type) {
	case FIELD_BOOL: *(bool *)v = n != 0; break;
	case FIELD_INT32:
	case FIELD_ENUM: *(int *)v = (int)n; break;
	case FIELD_U16: *(uint16_t *)v = (uint16_t)n; break;
	case FIELD_LIMIT: *(uint64_t *)v = (uint64_t)n; break;
	case FIELD_INT:
	case FIELD_TIME:
	case FIELD_SIZE: *(int64_t *)v = n; break;
	case FIELD_STR:
	case FIELD_STRV:
	case FIELD_DICT:
	case FIELD_NUMBER:
	case FIELD_OBJECT:
	case FIELD_ARRAY: break;
	}
}

void shape_init(const struct shape *s, void *obj)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!s->fields[i].key)
			continue;
		number_set(&s->fields[i], obj, s->fields[i].otherwise);
		if (s->fields[i].text)
			*(char **)shape_value_of(&s->fields[i], obj) = mem_strdup(s->fields[i].text);
	}
}

void *shape_add(const struct field *f, void *obj)
{
	size_t *n = count_of(f, obj);
	char **v = shape_value_of(f, obj), *made;

	*v = mem_resize(*v, (*n + 1) * f->of->size);
	made = *v + *n * f->of->size;
	memset(made, 0, f->of->size);
	shape_init(f->of, made);
	++*n;
	return made;
}

void *shape_make(const struct field *f, void *obj)
{
	void **v = shape_value_of(f, obj);

	if (!*v) {
		*v = mem_calloc(1, f->of->size);
		shape_init(f->of, *v);
	}
	return *v;
}

void *shape_owner(const struct shape *s, void *obj, const struct field *f, const struct shape **ret_shape)
{
	if (f >= s->fields && f < s->fields + s->n) {
		*ret_shape = s;
		return obj;
	}
	for (const struct field *o = s->fields; o < s->fields + s->n; o++)
		if (o->type == FIELD_OBJECT && o->key && f >= o->of->fields && f < o->of->fields + o->of->n) {
			*ret_shape = o->of;
			return shape_make(o, obj);
		}
	return NULL;
}

static void object_done(const struct field *f, void *obj)
{
	void *v = *(void **)shape_value_of(f, obj);

	if (v)
		shape_done(f->of, v);
	free(v);
}

static void array_done(const struct field *f, void *obj)
{
	for (size_t i = 0; i < *count_of(f, obj); i++)
		shape_done(f->of, element(f, obj, i));
	free(*(void **)shape_value_of(f, obj));
}

void shape_done(const struct shape *s, void *obj)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];

		if (!f->key)
			continue;
		if (f->type == FIELD_STR)
			free(*(char **)shape_value_of(f, obj));
		else if (f->type == FIELD_STRV)
			strv_done(shape_value_of(f, obj));
		else if (f->type == FIELD_DICT)
			dict_done(shape_value_of(f, obj));
		else if (f->type == FIELD_ARRAY)
			array_done(f, obj);
		else if (f->type == FIELD_OBJECT)
			object_done(f, obj);
	}
	memset(obj, 0, s->size);
}

static void array_copy(const struct field *f, const void *from, void *to)
{
	size_t n = *count_of(f, from);

	*(void **)shape_value_of(f, to) = mem_calloc(n, f->of->size);
	for (size_t i = 0; i < n; i++)
		shape_copy(f->of, element(f, from, i), element(f, to, i));
}

static void object_copy(const struct field *f, const void *from, void *to)
{
	const void *v = *(void *const *)shape_value_of(f, from);

	if (!v)
		return;
	*(void **)shape_value_of(f, to) = mem_calloc(1, f->of->size);
	shape_copy(f->of, v, *(void **)shape_value_of(f, to));
}

void shape_copy(const struct shape *s, const void *from, void *to)
{
	memcpy(to, from, s->size);
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];
		void *v = shape_value_of(f, to);

		if (!f->key)
			continue;
		if (f->type == FIELD_STR)
			*(char **)v = mem_strdup(*(char **)v);
		if (f->type == FIELD_ARRAY)
			array_copy(f, from, to);
		if (f->type == FIELD_OBJECT)
			object_copy(f, from, to);
		if (f->type == FIELD_STRV) {
			*(struct strv *)v = (struct strv){ 0 };
			strv_add(v, shape_value_of(f, from));
		}
		if (f->type == FIELD_DICT) {
			*(struct dict *)v = (struct dict){ 0 };
			dict_add(v, shape_value_of(f, from));
		}
	}
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

static bool is_default(const struct shape *s, const void *obj)
{
	_cleanup_json_ json *o = shape_write(s, obj);

	return !json_object_object_length(o);
}

static void write_object(const struct field *f, const void *obj, json *to)
{
	const void *v = *(void *const *)shape_value_of(f, obj);

	if (v && !is_default(f->of, v))
		json_put(to, f->key, shape_write(f->of, v));
}

static bool strv_given(const struct field *f, const void *obj)
{
	const struct strv *s = shape_value_of(f, obj);

	return f->extra ? *(bool *)at(obj, f->extra) : s->n > 0;
}

static void write_field(const struct field *f, const void *obj, json *to)
{
	const void *v = shape_value_of(f, obj);
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
	case FIELD_OBJECT: write_object(f, obj, to); break;
	case FIELD_BOOL:
		if (n != f->otherwise)
			json_put_bool(to, f->key, n != 0);
		break;
	case FIELD_ENUM:
		if (n != f->otherwise)
			json_put_str(to, f->key, f->words[n]);
		break;
	case FIELD_INT:
	case FIELD_TIME:
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
		if (s->fields[i].key)
			write_field(&s->fields[i], obj, to);
	return to;
}

/* checking: one value, one object, and all of them */

static bool absent(const struct field *f, const void *obj)
{
	if (f->type == FIELD_STR)
		return !*(char **)shape_value_of(f, obj) || !**(char **)shape_value_of(f, obj);
	if (f->type == FIELD_ARRAY)
		return !*count_of(f, obj);
	if (f->type == FIELD_OBJECT)
		return !*(void **)shape_value_of(f, obj);
	return number_get(f, obj) == 0;
}

static int bad_count(const struct field *f, size_t n, size_t most, struct err *err)
{
	return err_set(err, ERR_INVALID, "%zu %s: at most %zu are allowed", n, f->key, most);
}

/* A job is written down as JSON, and its record goes over protobuf: neither holds other bytes than UTF-8. */
static int check_text(const struct field *f, const char *text, const char *value, struct err *err)
{
	const char *bad = !utf8_valid(text, strlen(text)) ? text : value && !utf8_valid(value, strlen(value)) ? value : NULL;

	if (bad)
		return err_hint(err, err_set(err, ERR_INVALID, "invalid %s \"%.80s\": not UTF-8", f->key, bad),
				"pass other bytes in a file");
	return f->check ? f->check(text, value, err) : 0;
}

static int check_strv(const struct field *f, const struct strv *list, size_t *ret_at, struct err *err)
{
	const size_t most = f->max ? (size_t)f->max : TEXTS_MAX;

	if (list->n > most)
		return bad_count(f, list->n, most, err);
	for (size_t i = 0; i < list->n; i++) {
		int r = check_text(f, list->v[i], NULL, err);

		if (r < 0) {
			*ret_at = i;
			return r;
		}
	}
	return 0;
}

static int check_dict(const struct field *f, const struct dict *d, size_t *ret_at, struct err *err)
{
	if (d->n > ARRAY_MAX)
		return bad_count(f, d->n, ARRAY_MAX, err);
	for (size_t i = 0; i < d->n; i++) {
		int r = check_text(f, d->v[i].key, d->v[i].value, err);

		if (r < 0) {
			*ret_at = i;
			return r;
		}
	}
	return 0;
}

bool field_holds(const struct field *f, int64_t n)
{
	return n == f->otherwise || (!f->min && !f->max) || (n >= f->min && n <= f->max);
}

static int check_range(const struct field *f, const void *obj, struct err *err)
{
	int64_t n = number_get(f, obj);
	int r;

	if (f->type == FIELD_NUMBER) {
		double d = *(double *)shape_value_of(f, obj);

		if (d >= (double)f->min && d <= (double)f->max)
			return 0;
		r = err_set(err, ERR_INVALID, "%s %g: out of range", f->key, d);
	} else {
		if (field_holds(f, n))
			return 0;
		r = err_set(err, ERR_INVALID, "%s %lld: out of range", f->key, (long long)n);
	}
	return err_hint(err, r, "%lld to %lld", (long long)f->min, (long long)f->max);
}

/* One field, without the elements of an array. *@ret_at: which text of a list an error is about, else untouched. */
static int check_value(const struct field *f, const void *obj, size_t *ret_at, struct err *err)
{
	const void *v = shape_value_of(f, obj);

	switch (f->type) {
	case FIELD_STR: return *(char *const *)v ? check_text(f, *(char *const *)v, NULL, err) : 0;
	case FIELD_STRV: return check_strv(f, v, ret_at, err);
	case FIELD_DICT: return check_dict(f, v, ret_at, err);
	case FIELD_ARRAY: return *count_of(f, obj) > ARRAY_MAX ? bad_count(f, *count_of(f, obj), ARRAY_MAX, err) : 0;
	case FIELD_OBJECT: return 0;
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_TIME:
	case FIELD_SIZE:
	case FIELD_INT32:
	case FIELD_U16:
	case FIELD_LIMIT:
	case FIELD_NUMBER:
	case FIELD_ENUM: break;
	}
	return check_range(f, obj, err);
}

static int check_required(const struct shape *s, const void *obj, struct err *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->fields[i].required && absent(&s->fields[i], obj))
			return err_set(err, ERR_INVALID, "%s without %s", s->noun, s->fields[i].key);
	return 0;
}

/* An element is named where it has a name or where there are others. */
static int wrap_element(const struct field *f, const void *obj, size_t i, int r, struct err *err)
{
	const char *name = f->of->named ? *(char **)shape_value_of(&f->of->fields[0], element(f, obj, i)) : NULL;

	if (name && *name)
		return err_wrap(err, r, "%s %.80s", f->of->noun, name);
	return f->of->named && *count_of(f, obj) == 1 ? r : err_wrap(err, r, "%s[%zu]", f->key, i);
}

static int check_elements(const struct field *f, const void *obj, struct err *err)
{
	for (size_t i = 0; i < *count_of(f, obj); i++) {
		int r = shape_check(f->of, element(f, obj, i), err);

		if (r < 0)
			return wrap_element(f, obj, i, r, err);
	}
	return 0;
}

static int check_object(const struct field *f, const void *obj, struct err *err)
{
	const void *v = *(void *const *)shape_value_of(f, obj);
	int r = v && !is_default(f->of, v) ? shape_check(f->of, v, err) : 0;

	return r < 0 ? err_wrap(err, r, "%s", f->key) : r;
}

int shape_check(const struct shape *s, const void *obj, struct err *err)
{
	int r = check_required(s, obj, err);
	size_t unused;

	for (size_t i = 0; r >= 0 && i < s->n; i++) {
		const struct field *f = &s->fields[i];

		if (!f->key)
			continue;
		r = check_value(f, obj, &unused, err);
		if (r >= 0 && f->type == FIELD_ARRAY)
			r = check_elements(f, obj, err);
		if (r >= 0 && f->type == FIELD_OBJECT)
			r = check_object(f, obj, err);
	}
	return r >= 0 && s->check ? s->check(obj, err) : r;
}

/* reading */

static int wants(const struct field *f, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "key \"%s\": wants %s", f->key, what);
}

static int read_str(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	char **v = shape_value_of(f, obj);

	(void)ret_bad;
	if (!node_text(from))
		return wants(f, "text", err);
	free(*v);
	*v = mem_strdup(node_text(from));
	return 0;
}

static int read_strv(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	if (from->kind != NODE_LIST || from->n > TEXTS_MAX)
		return wants(f, "a list of at most 65536 texts", err);
	for (const struct node *m = from->first; m; m = m->next) {
		if (!node_text(m)) {
			*ret_bad = m;
			return wants(f, "a list of texts", err);
		}
		strv_push(shape_value_of(f, obj), m->text);
	}
	if (f->extra)
		*(bool *)at(obj, f->extra) = true;
	return 0;
}

static int read_dict(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	const struct node *twice;

	if (from->kind != NODE_MAP || from->n > ARRAY_MAX)
		return wants(f, "an object of at most 4096 texts", err);
	twice = node_twice(from);
	for (const struct node *m = from->first; m; m = m->next) {
		*ret_bad = m;
		if (!node_text(m))
			return err_set(err, ERR_INVALID, "key \"%s\": \"%.80s\" wants text", f->key, m->key);
		if (m == twice)
			return err_set(err, ERR_INVALID, "key \"%s\": \"%.80s\" is given twice", f->key, m->key);
		dict_append(shape_value_of(f, obj), m->key, m->text);
	}
	return 0;
}

static int read_whole(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	int64_t n, max = f->type == FIELD_U16 ? UINT16_MAX : f->type == FIELD_INT32 ? INT32_MAX : INT64_MAX;
	int64_t min = f->type == FIELD_U16 ? 0 : f->type == FIELD_INT32 ? INT32_MIN : f->type == FIELD_LIMIT ? -1 : INT64_MIN;
	bool fits;
	int r;

	(void)ret_bad;
	if (f->type == FIELD_SIZE && node_text(from)) {
		r = field_size(f, f->key, from->text, &n, err);
		if (r < 0)
			return r;
	} else if (f->type == FIELD_TIME && node_text(from)) {
		r = parse_duration(f->key, from->text, &n, err);
		if (r < 0)
			return r;
	} else if (node_whole(from, &n, &fits)) {
		if (!fits || n < min || n > max)
			return err_set(err, ERR_INVALID, "key \"%s\": %.40s is out of range", f->key, from->text);
	} else {
		return wants(f,
			     f->type == FIELD_SIZE   ? "a number of bytes or text such as \"64m\""
			     : f->type == FIELD_TIME ? "a number of seconds or text such as \"1m30s\""
						     : "a whole number",
			     err);
	}
	number_set(f, obj, n);
	return 0;
}

static int read_number(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	double d;

	(void)ret_bad;
	if (!node_number(from, &d))
		return wants(f, "a number", err);
	*(double *)shape_value_of(f, obj) = d;
	return isfinite(d) ? 0 : wants(f, "a finite number", err);
}

static int read_bool(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	(void)ret_bad;
	if (from->kind != NODE_BOOL)
		return wants(f, "true or false", err);
	number_set(f, obj, from->yes);
	return 0;
}

static int read_enum(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	_cleanup_buf_ struct buf allowed = { 0 };
	const char *s = node_text(from);

	(void)ret_bad;
	for (int i = 0; f->words[i]; i++) {
		if (s && !strcmp(s, f->words[i])) {
			number_set(f, obj, i);
			return 0;
		}
		buf_addf(&allowed, "%s\"%s\"", i ? ", " : "", f->words[i]);
	}
	return err_set(err, ERR_INVALID, "key \"%s\": wants one of %s", f->key, buf_str(&allowed));
}

static int read_array(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	size_t i = 0;

	if (from->kind != NODE_LIST || from->n > ARRAY_MAX)
		return wants(f, "a list of at most 4096 objects", err);
	*(void **)shape_value_of(f, obj) = mem_calloc(from->n, f->of->size);
	*count_of(f, obj) = from->n;
	for (size_t k = 0; k < from->n; k++)
		shape_init(f->of, element(f, obj, k));
	for (const struct node *m = from->first; m; m = m->next, i++) {
		int r;

		*ret_bad = m;
		r = shape_read(f->of, m, element(f, obj, i), ret_bad, err);
		if (r < 0)
			return wrap_element(f, obj, i, r, err);
	}
	return 0;
}

static int read_object(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	int r = shape_read(f->of, from, shape_make(f, obj), ret_bad, err);

	return r < 0 ? err_wrap(err, r, "%s", f->key) : r;
}

typedef int read_fn(const struct field *, const struct node *, void *obj, const struct node **ret_bad, struct err *);
static read_fn *const readers[] = {
	[FIELD_STR] = read_str,       [FIELD_STRV] = read_strv,     [FIELD_DICT] = read_dict,   [FIELD_BOOL] = read_bool,
	[FIELD_INT] = read_whole,     [FIELD_SIZE] = read_whole,    [FIELD_INT32] = read_whole, [FIELD_U16] = read_whole,
	[FIELD_LIMIT] = read_whole,   [FIELD_NUMBER] = read_number, [FIELD_ENUM] = read_enum,   [FIELD_ARRAY] = read_array,
	[FIELD_OBJECT] = read_object, [FIELD_TIME] = read_whole,
};

static const struct field *shape_find_key(const struct shape *s, const char *key)
{
	for (const struct field *f = s->fields; f < s->fields + s->n; f++)
		if (f->key && !strcmp(f->key, key))
			return f;
	return NULL;
}

/* The list whose objects have @key: who writes a job's image beside its name has the right key in the wrong place. */
static const struct field *shape_find_below(const struct shape *s, const char *key)
{
	for (const struct field *f = s->fields; f < s->fields + s->n; f++)
		if (f->key && f->type == FIELD_ARRAY && shape_find_key(f->of, key))
			return f;
	return NULL;
}

static int unknown_key(const struct shape *s, const char *key, struct err *err)
{
	const struct field *below = shape_find_below(s, key);
	int r = err_set(err, ERR_INVALID, "unknown key \"%.80s\" of a %s", key, s->noun);
	const char **keys = mem_array(const char *, s->n), *near;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->fields[i].key)
			keys[n++] = s->fields[i].key;
	near = name_nearest(key, keys, n);
	free(keys);
	if (below)
		return err_hint(err, r, "it belongs to a %s: \"%s\": [{\"%.80s\": ...}]", below->of->noun, below->key, key);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : r;
}

/* Which of two meanings a reader takes is nobody's guess. There are no more members than fields here. */
static int check_once(const struct node *map, const struct node *member, struct err *err)
{
	for (const struct node *m = map->first; m != member; m = m->next)
		if (!strcmp(m->key, member->key))
			return err_set(err, ERR_INVALID, "key \"%s\" is given twice", m->key);
	return 0;
}

int shape_read_field(const struct field *f, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	size_t bad = 0;
	int r;

	*ret_bad = from;
	if (from->kind == NODE_NULL) /* as if absent */
		return 0;
	r = readers[f->type](f, from, obj, ret_bad, err);
	if (r < 0)
		return r;
	*ret_bad = from;
	r = check_value(f, obj, &bad, err);
	if (r < 0 && from->kind >= NODE_LIST)
		for (*ret_bad = from->first; bad && (*ret_bad)->next; bad--)
			*ret_bad = (*ret_bad)->next;
	return r;
}

int shape_read(const struct shape *s, const struct node *from, void *obj, const struct node **ret_bad, struct err *err)
{
	int r;

	*ret_bad = from;
	if (from->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "a %s is an object", s->noun);
	for (const struct node *m = from->first; m; m = m->next) {
		const struct field *f = shape_find_key(s, m->key);

		*ret_bad = m;
		if (!f)
			return unknown_key(s, m->key, err);
		r = check_once(from, m, err);
		if (r >= 0)
			r = shape_read_field(f, m, obj, ret_bad, err);
		if (r < 0)
			return r;
	}
	*ret_bad = from;
	r = check_required(s, obj, err);
	return r >= 0 && s->check ? s->check(obj, err) : r;
}
