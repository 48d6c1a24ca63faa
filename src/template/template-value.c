/* What a template works with: JSON values, as Go would take, compare and print them. */
#include "template-value.h"
#include "mem.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PRINT_DEPTH = 64 };

int value_too_long(struct err *err) { return err_set(err, ERR_INVALID, "makes a text that is too long"); }

int value_give_text(struct buf *b, size_t room, json **ret, struct err *err)
{
	if (b->len > room)
		return value_too_long(err);
	*ret = json_new_str(buf_str(b));
	return 0;
}

int value_want_text(json *j, const char *what, struct err *err)
{
	return value_is_text(j) ? 0 : err_set(err, ERR_INVALID, "%s is text", what);
}

int value_want_int(json *j, int64_t min, int64_t max, const char *what, int64_t *ret, struct err *err)
{
	if (!value_is_int(j) || json_object_get_int64(j) < min || json_object_get_int64(j) > max)
		return err_set(err, ERR_INVALID, "%s is a number from %" PRId64 " to %" PRId64, what, min, max);
	*ret = json_object_get_int64(j);
	return 0;
}

bool value_true(json *j)
{
	switch (json_object_get_type(j)) {
	case json_type_boolean: return json_object_get_boolean(j);
	case json_type_int: return json_object_get_int64(j) != 0;
	case json_type_double: return json_object_get_double(j) != 0;
	case json_type_string: return json_object_get_string_len(j) > 0;
	case json_type_array: return json_object_array_length(j) > 0;
	case json_type_object: return json_object_object_length(j) > 0;
	case json_type_null: break;
	}
	return false;
}

static int by_value_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

const char **value_keys(json *object, size_t *ret_n)
{
	size_t n = json_object_is_type(object, json_type_object) ? (size_t)json_object_object_length(object) : 0, i = 0;
	const char **keys = mem_array(const char *, n + 1);

	if (n) {
		json_object_object_foreach(object, key, value) {
			(void)value;
			keys[i++] = key;
		}
		qsort(keys, n, sizeof *keys, by_value_text);
	}
	*ret_n = n;
	return keys;
}

static bool print_at(json *j, size_t limit, unsigned depth, struct buf *out);

static bool print_object(json *j, size_t limit, unsigned depth, struct buf *out)
{
	size_t n = 0;
	_cleanup_free_ const char **keys = value_keys(j, &n);

	buf_adds(out, "map[");
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "%s%s:", i ? " " : "", keys[i]);
		if (!print_at(json_get(j, keys[i]), limit, depth + 1, out))
			return false;
	}
	buf_adds(out, "]");
	return out->len <= limit;
}

static bool print_array(json *j, size_t limit, unsigned depth, struct buf *out)
{
	buf_adds(out, "[");
	for (size_t i = 0; i < json_len(j); i++) {
		buf_adds(out, i ? " " : "");
		if (!print_at(json_at(j, i), limit, depth + 1, out))
			return false;
	}
	buf_adds(out, "]");
	return out->len <= limit;
}

static bool print_at(json *j, size_t limit, unsigned depth, struct buf *out)
{
	if (out->len > limit || depth > PRINT_DEPTH)
		return false;
	switch (json_object_get_type(j)) {
	case json_type_string: buf_adds(out, json_text(j)); break;
	case json_type_null: buf_adds(out, "<no value>"); break;
	case json_type_boolean: buf_adds(out, json_object_get_boolean(j) ? "true" : "false"); break;
	case json_type_int: buf_addf(out, "%" PRId64, json_object_get_int64(j)); break;
	case json_type_double: buf_addf(out, "%.15g", json_object_get_double(j)); break;
	case json_type_array: return print_array(j, limit, depth, out);
	case json_type_object: return print_object(j, limit, depth, out);
	}
	return out->len <= limit;
}

bool value_print(json *j, size_t room, struct buf *out) { return print_at(j, out->len + room, 0, out); }

int value_compare(json *a, json *b, int *ret, struct err *err)
{
	if (value_is_int(a) && value_is_int(b)) {
		int64_t x = json_object_get_int64(a), y = json_object_get_int64(b);

		*ret = (x > y) - (x < y);
	} else if (value_is_number(a) && value_is_number(b)) {
		double x = json_object_get_double(a), y = json_object_get_double(b);

		*ret = (x > y) - (x < y);
	} else if (value_is_text(a) && value_is_text(b)) {
		*ret = strcmp(json_text(a), json_text(b));
	} else {
		return err_set(err, ERR_INVALID, "what differs in kind cannot be compared");
	}
	return 0;
}

int value_same(json *a, json *b, bool *ret, struct err *err)
{
	int order = 0, r;

	if (!a || !b)
		*ret = a == b;
	else if (json_object_is_type(a, json_type_boolean) && json_object_is_type(b, json_type_boolean))
		*ret = json_object_get_boolean(a) == json_object_get_boolean(b);
	else {
		r = value_compare(a, b, &order, err);
		*ret = !order;
		return r;
	}
	return 0;
}

void value_cut(struct buf *text, size_t characters)
{
	size_t i = 0, n = 0;

	for (; i < text->len; i++)
		if ((text->data[i] & 0xc0) != 0x80 && n++ == characters)
			break;
	buf_cut(text, i);
}
