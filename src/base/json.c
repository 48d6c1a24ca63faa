#include "json.h"
#include "clock.h"
#include "mem.h"
#include "utf8.h"
#include <limits.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

/* About what json-c takes for values, over the bytes that they are written with: 3 MB of "{}," would become 770. */
enum { OBJECT_COST = 800, ARRAY_COST = 400, VALUE_COST = 128, COST_MAX = 64 << 20 };

DEFINE_CLEANUP(struct json_tokener, json_tokener_free)

static int bad_json(const char *data, size_t at, const char *why, struct err *err)
{
	size_t line = 1, col = 1;

	for (size_t i = 0; i < at; i++) {
		col = data[i] == '\n' ? 1 : col + 1;
		line += data[i] == '\n';
	}
	return err_set(err, ERR_INVALID, "JSON line %zu column %zu: %s", line, col, why);
}

static size_t json_skip_blanks(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] && strchr(" \t\r\n", s[n]))
		n++;
	return n;
}

static size_t cost_of(char c) { return c == '{' ? OBJECT_COST : c == '[' ? ARRAY_COST : c == ',' ? VALUE_COST : 0; }

/* Even when strict, json-c takes 'a' as a key, NaN as a number, and control characters in strings. The place of the first byte
 * that JSON has no use for there, @len when there is none. A NUL is none either: it would cut the string short, for us and for
 * the kernel, so that what is checked is not what was sent. *@ret_cost: the memory that the values will take. */
static size_t stray_byte(const char *data, size_t len, size_t *ret_cost)
{
	bool inside = false;

	*ret_cost = len;

	for (size_t i = 0; i < len; i++) {
		if (!inside && (!data[i] || !strchr("{}[]:,\" \t\r\n0123456789+-.eEtrufalsn", data[i])))
			return i;
		if (inside && (unsigned char)data[i] < 0x20)
			return i;
		if (inside && len - i > 5 && !memcmp(data + i, "\\u0000", 6))
			return i;
		if (!inside)
			*ret_cost += cost_of(data[i]);
		if (data[i] == '"')
			inside = !inside;
		else if (data[i] == '\\' && inside)
			i++;
	}
	return len;
}

/* One value; *@ret_end is where it ended. */
static enum json_tokener_error json_parse_value(struct json_tokener *t, const char *data, size_t len, json **ret, size_t *ret_end)
{
	enum json_tokener_error e;

	*ret = json_tokener_parse_ex(t, data, (int)len);
	e = json_tokener_get_error(t);
	*ret_end = json_tokener_get_parse_end(t);
	if (e == json_tokener_continue) { /* a number at the very end needs to see that it ends */
		*ret = json_tokener_parse_ex(t, "\n", 1);
		e = json_tokener_get_error(t);
		*ret_end = len;
	}
	return e;
}

int json_parse(const char *data, size_t len, json **ret, struct err *err)
{
	_cleanup_(json_tokener_freep) struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
	_cleanup_json_ json *j = NULL;
	enum json_tokener_error e;
	size_t end, cost, stray = stray_byte(data, len, &cost);

	if (len > INT_MAX - 1)
		return err_set(err, ERR_EXHAUSTED, "JSON of %zu bytes is too long", len);
	if (stray < len)
		return bad_json(data, stray, data[stray] == '\\' ? "a NUL in a text" : "unexpected character", err);
	if (cost > COST_MAX)
		return err_set(err, ERR_EXHAUSTED, "JSON of %zu bytes has too many values: they would take %zu MiB", len,
			       cost >> 20);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	e = json_parse_value(t, data, len, &j, &end);
	if (e == json_tokener_continue)
		return bad_json(data, len, len ? "ends too early" : "empty", err);
	if (e != json_tokener_success)
		return bad_json(data, end, json_tokener_error_desc(e), err);
	end += json_skip_blanks(data + end, len - end);
	if (end < len)
		return bad_json(data, end, "something behind the value", err);
	*ret = TAKE_PTR(j);
	return 0;
}

json *json_get(json *obj, const char *key)
{
	json *v = NULL;

	if (json_object_is_type(obj, json_type_object))
		(void)json_object_object_get_ex(obj, key, &v);
	return v;
}

static json *get_typed(json *obj, const char *key, enum json_type type)
{
	json *v = json_get(obj, key);

	return v && json_object_is_type(v, type) ? v : NULL;
}

json *json_get_object(json *obj, const char *key) { return get_typed(obj, key, json_type_object); }
json *json_get_array(json *obj, const char *key) { return get_typed(obj, key, json_type_array); }
const char *json_get_str(json *obj, const char *key) { return json_text(json_get(obj, key)); }

const char *json_text(json *str) { return json_object_is_type(str, json_type_string) ? json_object_get_string(str) : NULL; }

int64_t json_get_int(json *obj, const char *key, int64_t otherwise)
{
	json *v = get_typed(obj, key, json_type_int);

	return v ? json_object_get_int64(v) : otherwise;
}

bool json_get_bool(json *obj, const char *key, bool otherwise)
{
	json *v = get_typed(obj, key, json_type_boolean);

	return v ? json_object_get_boolean(v) : otherwise;
}

size_t json_len(json *array) { return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0; }

json *json_at(json *array, size_t i) { return i < json_len(array) ? json_object_array_get_idx(array, i) : NULL; }

void json_get_strv(json *obj, const char *key, struct strv *out)
{
	json *a = json_get_array(obj, key);

	for (size_t i = 0; i < json_len(a); i++)
		if (json_text(json_at(a, i)))
			strv_push(out, json_text(json_at(a, i)));
}

/* An object has a key once, so that nothing is looked for among what is gathered: it may be hostile and long. */
void json_get_dict(json *obj, const char *key, struct dict *out)
{
	json *o = json_get_object(obj, key);
	_cleanup_dict_ struct dict its = { 0 };

	if (!o)
		return;
	json_object_object_foreach(o, k, v)
		if (json_text(v))
			dict_append(&its, k, json_text(v));
	dict_add(out, &its);
}

static json *made(json *j)
{
	if (!j)
		abort(); /* json-c's only failure here is memory */
	return j;
}

json *json_new_object(void) { return made(json_object_new_object()); }
json *json_new_array(void) { return made(json_object_new_array()); }

void json_put(json *obj, const char *key, json *value)
{
	if (json_object_object_add(obj, key, value) < 0)
		abort();
}

void json_append(json *array, json *value)
{
	if (json_object_array_add(array, value) < 0)
		abort();
}

void json_put_str(json *obj, const char *key, const char *value)
{
	if (value)
		json_put(obj, key, json_new_str(value));
}

void json_put_time(json *o, const char *key, int64_t at)
{
	char text[CLOCK_TEXT];

	if (at)
		json_put_str(o, key, clock_rfc3339(at, text));
}

void json_put_int(json *obj, const char *key, int64_t value) { json_put(obj, key, made(json_object_new_int64(value))); }

void json_put_bool(json *obj, const char *key, bool value) { json_put(obj, key, made(json_object_new_boolean(value))); }

void json_put_strv(json *obj, const char *key, const struct strv *s)
{
	json *a = json_new_array();

	for (size_t i = 0; i < s->n; i++)
		json_append(a, json_new_str(s->v[i]));
	json_put(obj, key, a);
}

void json_put_dict(json *obj, const char *key, const struct dict *d)
{
	json *o = json_new_object();

	for (size_t i = 0; i < d->n; i++)
		json_put_str(o, d->v[i].key, d->v[i].value);
	json_put(obj, key, o);
}

/* json-c escapes what JSON asks for; people read it as well. */
static void add_escaped(struct buf *out, const char *text) { utf8_escape_json(out, text, strlen(text)); }

void json_write(json *j, struct buf *out)
{
	add_escaped(out, json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

void json_write_pretty(json *j, struct buf *out)
{
	add_escaped(out, json_object_to_json_string_ext(j, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
}

json *json_new_str(const char *s)
{
	_cleanup_buf_ struct buf clean = { 0 };

	if (utf8_valid(s, strlen(s)))
		return made(json_object_new_string(s));
	utf8_mend(&clean, s, strlen(s));
	return made(json_object_new_string(buf_str(&clean)));
}

void json_quote(struct buf *out, const char *s, size_t len)
{
	buf_addc(out, '"');
	while (len) {
		unsigned char c = (unsigned char)*s;
		size_t n = utf8_len(s, len);

		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\u%04x", c);
		else if (n == 1)
			buf_addc(out, *s);
		else if (n)
			utf8_escape_json(out, s, n);
		else
			buf_adds(out, "\\ufffd");
		n = n ? n : 1;
		s += n;
		len -= n;
	}
	buf_addc(out, '"');
}
