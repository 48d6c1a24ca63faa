/* What a template can call, as Go's text/template and Docker's own additions have it. Each checks its arguments; how many there
 * may be stands in the table. */
#include "template-tree.h"
#include "mem.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { ANY = 1000, WIDTH_MAX = 1000, PARTS_MAX = 100000, PRINT_DEPTH = 64 };

typedef int func_fn(const struct args *, size_t room, json **ret, struct err *err);

static bool is_text(json *j) { return json_object_is_type(j, json_type_string); }
static bool is_int(json *j) { return json_object_is_type(j, json_type_int); }
static bool is_number(json *j) { return is_int(j) || json_object_is_type(j, json_type_double); }

static int text_too_long(struct err *err) { return err_set(err, ERR_INVALID, "makes a text that is too long"); }

static int give_text(struct buf *b, size_t room, json **ret, struct err *err)
{
	if (b->len > room)
		return text_too_long(err);
	*ret = json_new_str(buf_str(b));
	return 0;
}

static int give_bool(bool b, json **ret)
{
	*ret = json_object_new_boolean(b);
	return 0;
}

static int want_text(json *j, const char *what, struct err *err)
{
	return is_text(j) ? 0 : err_set(err, ERR_INVALID, "%s is text", what);
}

static int want_int(json *j, int64_t min, int64_t max, const char *what, int64_t *ret, struct err *err)
{
	if (!is_int(j) || json_object_get_int64(j) < min || json_object_get_int64(j) > max)
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

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

const char **value_keys(json *object, size_t *ret_n)
{
	size_t n = json_object_is_type(object, json_type_object) ? (size_t)json_object_object_length(object) : 0, i = 0;
	const char **keys = mem_array(const char *, n + 1);

	if (n) {
		json_object_object_foreach(object, key, value) {
			(void)value;
			keys[i++] = key;
		}
		qsort(keys, n, sizeof *keys, by_text);
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

/* Comparing: numbers with numbers, text with text, true with false. */

static int compare(json *a, json *b, int *ret, struct err *err)
{
	if (is_int(a) && is_int(b)) {
		int64_t x = json_object_get_int64(a), y = json_object_get_int64(b);

		*ret = (x > y) - (x < y);
	} else if (is_number(a) && is_number(b)) {
		double x = json_object_get_double(a), y = json_object_get_double(b);

		*ret = (x > y) - (x < y);
	} else if (is_text(a) && is_text(b)) {
		*ret = strcmp(json_text(a), json_text(b));
	} else {
		return err_set(err, ERR_INVALID, "what differs in kind cannot be compared");
	}
	return 0;
}

static int same_values(json *a, json *b, bool *ret, struct err *err)
{
	int order = 0, r;

	if (!a || !b)
		*ret = a == b;
	else if (json_object_is_type(a, json_type_boolean) && json_object_is_type(b, json_type_boolean))
		*ret = json_object_get_boolean(a) == json_object_get_boolean(b);
	else {
		r = compare(a, b, &order, err);
		*ret = !order;
		return r;
	}
	return 0;
}

static int f_eq(const struct args *a, size_t room, json **ret, struct err *err)
{
	bool any = false;

	(void)room;
	for (size_t i = 1; !any && i < a->n; i++) {
		int r = same_values(a->v[0], a->v[i], &any, err);

		if (r < 0)
			return r;
	}
	return give_bool(any, ret);
}

static int f_ne(const struct args *a, size_t room, json **ret, struct err *err)
{
	bool equal = false;
	int r = same_values(a->v[0], a->v[1], &equal, err);

	(void)room;
	return r < 0 ? r : give_bool(!equal, ret);
}

#define ORDER(name, test) \
	static int name(const struct args *a, size_t room, json **ret, struct err *err) \
	{ \
		int order = 0, r = compare(a->v[0], a->v[1], &order, err); \
		(void)room; \
		return r < 0 ? r : give_bool(order test 0, ret); \
	}
ORDER(f_lt, <)
ORDER(f_le, <=)
ORDER(f_gt, >)
ORDER(f_ge, >=)

static int f_not(const struct args *a, size_t room, json **ret, struct err *err)
{
	(void)room;
	(void)err;
	return give_bool(!value_true(a->v[0]), ret);
}

static int f_len(const struct args *a, size_t room, json **ret, struct err *err)
{
	json *j = a->v[0];
	int64_t n;

	(void)room;
	if (is_text(j))
		n = json_object_get_string_len(j);
	else if (json_object_is_type(j, json_type_array))
		n = (int64_t)json_len(j);
	else if (json_object_is_type(j, json_type_object))
		n = json_object_object_length(j);
	else if (!j)
		n = 0;
	else
		return err_set(err, ERR_INVALID, "len is of text, a list or an object");
	*ret = json_object_new_int64(n);
	return 0;
}

/* An absent key is "", as Go's maps of texts have it. */
static int index_one(json *of, json *key, json **ret, struct err *err)
{
	int64_t i = 0;
	int r;

	if (json_object_is_type(of, json_type_object) && is_text(key)) {
		json *found = json_get(of, json_text(key));

		*ret = found ? json_object_get(found) : json_new_str("");
		return 0;
	}
	if (!json_object_is_type(of, json_type_array))
		return err_set(err, ERR_INVALID, "index is of a list by number, or of an object by text");
	if (!json_len(of))
		return err_set(err, ERR_INVALID, "index of an empty list");
	r = want_int(key, 0, (int64_t)json_len(of) - 1, "this list's index", &i, err);
	if (r >= 0)
		*ret = json_object_get(json_at(of, (size_t)i));
	return r;
}

static int f_index(const struct args *a, size_t room, json **ret, struct err *err)
{
	json *at = json_object_get(a->v[0]);

	(void)room;
	for (size_t i = 1; i < a->n; i++) {
		json *next = NULL;
		int r = index_one(at, a->v[i], &next, err);

		json_freep(&at);
		if (r < 0)
			return r;
		at = next;
	}
	*ret = at;
	return 0;
}

static int f_slice(const struct args *a, size_t room, json **ret, struct err *err)
{
	const bool text = is_text(a->v[0]);
	int64_t len = text ? json_object_get_string_len(a->v[0]) : (int64_t)json_len(a->v[0]), from = 0, to = len;
	int r = 0;

	(void)room;
	if (!text && !json_object_is_type(a->v[0], json_type_array))
		return err_set(err, ERR_INVALID, "slice is of text or a list");
	if (a->n > 1)
		r = want_int(a->v[1], 0, len, "where a slice begins", &from, err);
	if (r >= 0 && a->n > 2)
		r = want_int(a->v[2], from, len, "where this slice ends", &to, err);
	if (r < 0)
		return r;
	if (text) {
		_cleanup_free_ char *part = mem_strndup(json_text(a->v[0]) + from, (size_t)(to - from));

		*ret = json_new_str(part);
		return 0;
	}
	*ret = json_new_array();
	for (int64_t i = from; i < to; i++)
		json_append(*ret, json_object_get(json_at(a->v[0], (size_t)i)));
	return 0;
}

/* Blanks stand between operands when neither is text (print), or always (println). */
static int print_all(const struct args *a, bool line, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };

	for (size_t i = 0; i < a->n; i++) {
		if (i && (line || (!is_text(a->v[i]) && !is_text(a->v[i - 1]))))
			buf_addc(&out, ' ');
		if (out.len > room || !value_print(a->v[i], room - out.len, &out))
			return text_too_long(err);
	}
	if (line)
		buf_addc(&out, '\n');
	return give_text(&out, room, ret, err);
}

static int f_print(const struct args *a, size_t room, json **ret, struct err *err) { return print_all(a, false, room, ret, err); }
static int f_println(const struct args *a, size_t room, json **ret, struct err *err) { return print_all(a, true, room, ret, err); }

/* %[-+ 0#][width][.precision]verb */
struct verb {
	bool left, plus, zero, hash;
	int width, precision;
	char verb;
};

static int small_number(const char **p, struct err *err)
{
	int n = 0;

	for (; isdigit((unsigned char)**p); (*p)++) {
		n = n * 10 + (**p - '0');
		if (n > WIDTH_MAX)
			return err_set(err, ERR_INVALID, "a width is at most %d", WIDTH_MAX);
	}
	return n;
}

/* Behind the '%'. */
static int read_verb(const char **p, struct verb *v, struct err *err)
{
	*v = (struct verb){ .precision = -1 };
	for (; **p && strchr("-+ 0#", **p); (*p)++) {
		v->left |= **p == '-';
		v->plus |= **p == '+';
		v->zero |= **p == '0';
		v->hash |= **p == '#';
	}
	v->width = small_number(p, err);
	if (v->width >= 0 && **p == '.') {
		(*p)++;
		v->precision = small_number(p, err);
	}
	if (v->width < 0 || (v->precision < 0 && v->precision != -1))
		return -ERR_INVALID;
	if (!**p)
		return err_set(err, ERR_INVALID, "the format ends within a verb");
	v->verb = *(*p)++;
	return 0;
}

static size_t characters_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void add_padded(const struct verb *v, const char *text, struct buf *out)
{
	size_t len = characters_of(text), pad = (size_t)v->width > len ? (size_t)v->width - len : 0;
	bool zeros = v->zero && !v->left && strchr("dxXfgeEG", v->verb);

	if (zeros && (*text == '-' || *text == '+')) {
		buf_addc(out, *text++);
	}
	for (size_t i = 0; !v->left && i < pad; i++)
		buf_addc(out, zeros ? '0' : ' ');
	buf_adds(out, text);
	for (size_t i = 0; v->left && i < pad; i++)
		buf_addc(out, ' ');
}

static void add_hex(const struct verb *v, json *j, struct buf *out)
{
	const char *digits = v->verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	int64_t n = json_object_get_int64(j);

	if (is_int(j)) {
		buf_addf(out, v->verb == 'X' ? "%s%" PRIX64 : "%s%" PRIx64, n < 0 ? "-" : "", n < 0 ? -(uint64_t)n : (uint64_t)n);
		return;
	}
	for (const char *s = json_text(j); *s; s++) {
		buf_addc(out, digits[(unsigned char)*s >> 4]);
		buf_addc(out, digits[*s & 15]);
	}
}

static void add_float(const struct verb *v, double d, struct buf *out)
{
	const int precision = v->precision < 0 ? (v->verb == 'g' ? 15 : 6) : v->precision;

	if (v->verb == 'f')
		buf_addf(out, v->plus ? "%+.*f" : "%.*f", precision, d);
	else if (v->verb == 'e')
		buf_addf(out, v->plus ? "%+.*e" : "%.*e", precision, d);
	else
		buf_addf(out, v->plus ? "%+.*g" : "%.*g", precision, d);
}

/* What @v makes of @j; false when it does not go with it. */
static bool add_value(const struct verb *v, json *j, size_t room, struct buf *out)
{
	const char verb = v->verb;

	if (verb == 'v' || (verb == 's' && !is_number(j) && !json_object_is_type(j, json_type_boolean)))
		return value_print(j, room, out);
	if (verb == 'd' && is_int(j))
		buf_addf(out, "%s%" PRId64, v->plus && json_object_get_int64(j) >= 0 ? "+" : "", json_object_get_int64(j));
	else if (verb == 'q' && is_text(j))
		json_quote(out, json_text(j), (size_t)json_object_get_string_len(j));
	else if ((verb == 'x' || verb == 'X') && (is_int(j) || is_text(j)))
		add_hex(v, j, out);
	else if (verb == 't' && json_object_is_type(j, json_type_boolean))
		buf_adds(out, json_object_get_boolean(j) ? "true" : "false");
	else if (strchr("feg", verb) && json_object_is_type(j, json_type_double))
		add_float(v, json_object_get_double(j), out);
	else
		return false;
	return true;
}

static void cut_to_precision(const struct verb *v, struct buf *text)
{
	size_t i = 0, n = 0;

	if (v->verb != 's' || v->precision < 0)
		return;
	for (; i < text->len; i++)
		if ((text->data[i] & 0xc0) != 0x80 && n++ == (size_t)v->precision)
			break;
	buf_cut(text, i);
}

static int add_verb(const struct verb *v, const struct args *a, size_t *i, size_t room, struct buf *out, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	json *j = *i < a->n ? a->v[*i] : NULL;

	if (v->verb == '%') {
		buf_addc(out, '%');
		return 0;
	}
	if (*i >= a->n) {
		buf_addf(out, "%%!%c(MISSING)", v->verb);
		return 0;
	}
	(*i)++;
	if (add_value(v, j, room, &text)) {
		cut_to_precision(v, &text);
		add_padded(v, buf_str(&text), out);
		return 0;
	}
	if (text.len > room)
		return text_too_long(err);
	buf_addf(out, "%%!%c(", v->verb); /* as Go has it */
	if (!value_print(j, room, out))
		return text_too_long(err);
	buf_adds(out, ")");
	return 0;
}

static int f_printf(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	size_t i = 1;
	int r = want_text(a->v[0], "printf's format", err);

	for (const char *p = r < 0 ? "" : json_text(a->v[0]); *p && r >= 0;) {
		struct verb v;

		if (out.len > room)
			return text_too_long(err);
		if (*p != '%') {
			buf_addc(&out, *p++);
			continue;
		}
		p++;
		r = read_verb(&p, &v, err);
		if (r >= 0)
			r = add_verb(&v, a, &i, room - out.len, &out, err);
	}
	if (r >= 0 && i < a->n)
		buf_adds(&out, "%!(EXTRA)");
	return r < 0 ? r : give_text(&out, room, ret, err);
}

static int f_json(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };

	if (a->v[0])
		json_write(a->v[0], &out);
	else
		buf_adds(&out, "null");
	return give_text(&out, room, ret, err);
}

/* "join .List sep", and the other way round, which is how a pipe hands the list on. */
static int f_join(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	bool piped = is_text(a->v[0]);
	json *list = a->v[piped], *between = a->v[!piped];

	if (list && !json_object_is_type(list, json_type_array))
		return err_set(err, ERR_INVALID, "join is of a list");
	if (!is_text(between))
		return err_set(err, ERR_INVALID, "what join puts between is text");
	for (size_t i = 0; i < json_len(list); i++) {
		if (i)
			buf_adds(&out, json_text(between));
		if (out.len > room || !value_print(json_at(list, i), room - out.len, &out))
			return text_too_long(err);
	}
	return give_text(&out, room, ret, err);
}

static int f_split(const struct args *a, size_t room, json **ret, struct err *err)
{
	const char *s = json_text(a->v[0]), *between = json_text(a->v[1]), *end;

	if (!s || !between)
		return err_set(err, ERR_INVALID, "split is of text, by text");
	if (strlen(s) > room)
		return text_too_long(err);
	*ret = json_new_array();
	for (; *between && (end = strstr(s, between)) != NULL; s = end + strlen(between)) {
		_cleanup_free_ char *part = mem_strndup(s, (size_t)(end - s));

		json_append(*ret, json_new_str(part));
		if (json_len(*ret) == PARTS_MAX) {
			json_freep(ret);
			*ret = NULL;
			return err_set(err, ERR_INVALID, "split makes more than %d parts", PARTS_MAX);
		}
	}
	json_append(*ret, json_new_str(s));
	return 0;
}

enum text_case { CASE_LOWER, CASE_UPPER, CASE_TITLE };
static int recase(const struct args *a, enum text_case to, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	bool first = true;
	int r = want_text(a->v[0], "what changes its case", err);

	if (r < 0)
		return r;
	buf_adds(&out, json_text(a->v[0]));
	for (size_t i = 0; i < out.len; i++) {
		unsigned char c = (unsigned char)out.data[i];

		if (c < 0x80 && (to == CASE_UPPER || (to == CASE_TITLE && first)))
			out.data[i] = (char)toupper(c);
		else if (c < 0x80 && to == CASE_LOWER)
			out.data[i] = (char)tolower(c);
		first = c == ' ' || c == '\t' || c == '\n';
	}
	return give_text(&out, room, ret, err);
}

static int f_lower(const struct args *a, size_t room, json **ret, struct err *err) { return recase(a, CASE_LOWER, room, ret, err); }
static int f_upper(const struct args *a, size_t room, json **ret, struct err *err) { return recase(a, CASE_UPPER, room, ret, err); }
static int f_title(const struct args *a, size_t room, json **ret, struct err *err) { return recase(a, CASE_TITLE, room, ret, err); }

/* pad TEXT BEFORE BEHIND: blanks around it. */
static int f_pad(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	int64_t before = 0, behind = 0;
	int r = want_text(a->v[0], "what is padded", err);

	if (r >= 0)
		r = want_int(a->v[1], 0, WIDTH_MAX, "what pad adds", &before, err);
	if (r >= 0)
		r = want_int(a->v[2], 0, WIDTH_MAX, "what pad adds", &behind, err);
	if (r < 0)
		return r;
	if (*json_text(a->v[0]))
		buf_addf(&out, "%*s%s%*s", (int)before, "", json_text(a->v[0]), (int)behind, "");
	return give_text(&out, room, ret, err);
}

static int f_truncate(const struct args *a, size_t room, json **ret, struct err *err)
{
	const struct verb v = { .verb = 's', .precision = 0 };
	struct verb to = v;
	_cleanup_buf_ struct buf out = { 0 };
	int64_t n = 0;
	int r = want_text(a->v[0], "what is cut", err);

	if (r >= 0)
		r = want_int(a->v[1], 0, INT32_MAX, "a length", &n, err);
	if (r < 0)
		return r;
	to.precision = (int)n;
	buf_adds(&out, json_text(a->v[0]));
	cut_to_precision(&to, &out);
	return give_text(&out, room, ret, err);
}

static const struct {
	const char *name;
	func_fn *fn;
	size_t min, max;
} funcs[] = {
	{ "and", NULL, 2, ANY },
	{ "or", NULL, 2, ANY },
	{ "not", f_not, 1, 1 },
	{ "eq", f_eq, 2, ANY },
	{ "ne", f_ne, 2, 2 },
	{ "lt", f_lt, 2, 2 },
	{ "le", f_le, 2, 2 },
	{ "gt", f_gt, 2, 2 },
	{ "ge", f_ge, 2, 2 },
	{ "len", f_len, 1, 1 },
	{ "index", f_index, 1, ANY },
	{ "slice", f_slice, 1, 3 },
	{ "print", f_print, 0, ANY },
	{ "printf", f_printf, 1, ANY },
	{ "println", f_println, 0, ANY },
	{ "json", f_json, 1, 1 },
	{ "join", f_join, 2, 2 },
	{ "split", f_split, 2, 2 },
	{ "lower", f_lower, 1, 1 },
	{ "upper", f_upper, 1, 1 },
	{ "title", f_title, 1, 1 },
	{ "pad", f_pad, 3, 3 },
	{ "truncate", f_truncate, 2, 2 },
};

bool func_find(const char *name, func_id *ret)
{
	for (size_t i = 0; i < sizeof funcs / sizeof *funcs; i++)
		if (!strcmp(funcs[i].name, name)) {
			*ret = i;
			return true;
		}
	return false;
}

bool func_is_lazy(func_id f, bool *ret_until)
{
	*ret_until = funcs[f].name[0] == 'o';
	return !funcs[f].fn;
}

void func_names(struct strv *out)
{
	for (size_t i = 0; i < sizeof funcs / sizeof *funcs; i++)
		strv_push(out, funcs[i].name);
}

int func_call(func_id f, const struct args *a, size_t room, json **ret, struct err *err)
{
	if (a->n < funcs[f].min)
		return err_set(err, ERR_INVALID, "%s needs %zu arguments, not %zu", funcs[f].name, funcs[f].min, a->n);
	if (a->n > funcs[f].max)
		return err_set(err, ERR_INVALID, "%s takes %zu arguments, not %zu", funcs[f].name, funcs[f].max, a->n);
	return funcs[f].fn(a, room, ret, err);
}
