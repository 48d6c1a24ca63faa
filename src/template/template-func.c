/* What a template can call, as Go's text/template and Docker's own additions have it. Each checks its arguments; how many there
 * may be stands in the table. */
#include "template-value.h"
#include "mem.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { ANY = 1000, PARTS_MAX = 100000 };

typedef int func_fn(const struct args *, size_t room, json **ret, struct err *err);

static int give_bool(bool b, json **ret)
{
	*ret = json_object_new_boolean(b);
	return 0;
}

static int f_eq(const struct args *a, size_t room, json **ret, struct err *err)
{
	bool any = false;

	(void)room;
	for (size_t i = 1; !any && i < a->n; i++) {
		int r = value_same(a->v[0], a->v[i], &any, err);

		if (r < 0)
			return r;
	}
	return give_bool(any, ret);
}

static int f_ne(const struct args *a, size_t room, json **ret, struct err *err)
{
	bool equal = false;
	int r = value_same(a->v[0], a->v[1], &equal, err);

	(void)room;
	return r < 0 ? r : give_bool(!equal, ret);
}

#define ORDER(name, test) \
	static int name(const struct args *a, size_t room, json **ret, struct err *err) \
	{ \
		int order = 0, r = value_compare(a->v[0], a->v[1], &order, err); \
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
	if (value_is_text(j))
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

	if (json_object_is_type(of, json_type_object) && value_is_text(key)) {
		json *found = json_get(of, json_text(key));

		*ret = found ? json_object_get(found) : json_new_str("");
		return 0;
	}
	if (!json_object_is_type(of, json_type_array))
		return err_set(err, ERR_INVALID, "index is of a list by number, or of an object by text");
	if (!json_len(of))
		return err_set(err, ERR_INVALID, "index of an empty list");
	r = value_want_int(key, 0, (int64_t)json_len(of) - 1, "this list's index", &i, err);
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
	const bool text = value_is_text(a->v[0]);
	int64_t len = text ? json_object_get_string_len(a->v[0]) : (int64_t)json_len(a->v[0]), from = 0, to = len;
	int r = 0;

	(void)room;
	if (!text && !json_object_is_type(a->v[0], json_type_array))
		return err_set(err, ERR_INVALID, "slice is of text or a list");
	if (a->n > 1)
		r = value_want_int(a->v[1], 0, len, "where a slice begins", &from, err);
	if (r >= 0 && a->n > 2)
		r = value_want_int(a->v[2], from, len, "where this slice ends", &to, err);
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
		if (i && (line || (!value_is_text(a->v[i]) && !value_is_text(a->v[i - 1]))))
			buf_addc(&out, ' ');
		if (out.len > room || !value_print(a->v[i], room - out.len, &out))
			return value_too_long(err);
	}
	if (line)
		buf_addc(&out, '\n');
	return value_give_text(&out, room, ret, err);
}

static int f_print(const struct args *a, size_t room, json **ret, struct err *err) { return print_all(a, false, room, ret, err); }
static int f_println(const struct args *a, size_t room, json **ret, struct err *err) { return print_all(a, true, room, ret, err); }

static int f_json(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };

	if (a->v[0])
		json_write(a->v[0], &out);
	else
		buf_adds(&out, "null");
	return value_give_text(&out, room, ret, err);
}

/* "join .List sep", and the other way round, which is how a pipe hands the list on. */
static int f_join(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	bool piped = value_is_text(a->v[0]);
	json *list = a->v[piped], *between = a->v[!piped];

	if (list && !json_object_is_type(list, json_type_array))
		return err_set(err, ERR_INVALID, "join is of a list");
	if (!value_is_text(between))
		return err_set(err, ERR_INVALID, "what join puts between is text");
	for (size_t i = 0; i < json_len(list); i++) {
		if (i)
			buf_adds(&out, json_text(between));
		if (out.len > room || !value_print(json_at(list, i), room - out.len, &out))
			return value_too_long(err);
	}
	return value_give_text(&out, room, ret, err);
}

static int f_split(const struct args *a, size_t room, json **ret, struct err *err)
{
	const char *s = json_text(a->v[0]), *between = json_text(a->v[1]), *end;

	if (!s || !between)
		return err_set(err, ERR_INVALID, "split is of text, by text");
	if (strlen(s) > room)
		return value_too_long(err);
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
	int r = value_want_text(a->v[0], "what changes its case", err);

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
	return value_give_text(&out, room, ret, err);
}

static int f_lower(const struct args *a, size_t room, json **ret, struct err *err) { return recase(a, CASE_LOWER, room, ret, err); }
static int f_upper(const struct args *a, size_t room, json **ret, struct err *err) { return recase(a, CASE_UPPER, room, ret, err); }
static int f_title(const struct args *a, size_t room, json **ret, struct err *err) { return recase(a, CASE_TITLE, room, ret, err); }

/* pad TEXT BEFORE BEHIND: blanks around it. */
static int f_pad(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	int64_t before = 0, behind = 0;
	int r = value_want_text(a->v[0], "what is padded", err);

	if (r >= 0)
		r = value_want_int(a->v[1], 0, TEMPLATE_WIDTH_MAX, "what pad adds", &before, err);
	if (r >= 0)
		r = value_want_int(a->v[2], 0, TEMPLATE_WIDTH_MAX, "what pad adds", &behind, err);
	if (r < 0)
		return r;
	if (*json_text(a->v[0]))
		buf_addf(&out, "%*s%s%*s", (int)before, "", json_text(a->v[0]), (int)behind, "");
	return value_give_text(&out, room, ret, err);
}

static int f_truncate(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	int64_t n = 0;
	int r = value_want_text(a->v[0], "what is cut", err);

	if (r >= 0)
		r = value_want_int(a->v[1], 0, INT32_MAX, "a length", &n, err);
	if (r < 0)
		return r;
	buf_adds(&out, json_text(a->v[0]));
	value_cut(&out, (size_t)n);
	return value_give_text(&out, room, ret, err);
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
	{ "printf", func_printf, 1, ANY },
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

enum { FUNCS = sizeof funcs / sizeof *funcs };

/* The numbers behind ours are the style's own. */
bool func_find(const struct template_style *style, const char *name, func_id *ret)
{
	for (size_t i = 0; i < style->n_calls; i++)
		if (!strcmp(style->calls[i].name, name)) {
			*ret = FUNCS + i;
			return true;
		}
	for (size_t i = 0; i < FUNCS; i++)
		if (!strcmp(funcs[i].name, name)) {
			*ret = i;
			return true;
		}
	return false;
}

bool func_is_lazy(func_id f, bool *ret_until)
{
	*ret_until = f < FUNCS && funcs[f].name[0] == 'o';
	return f < FUNCS && !funcs[f].fn;
}

void func_names(const struct template_style *style, struct strv *out)
{
	for (size_t i = 0; i < style->n_calls; i++)
		strv_push(out, style->calls[i].name);
	for (size_t i = 0; i < FUNCS; i++)
		if (!strv_has(out, funcs[i].name))
			strv_push(out, funcs[i].name);
}

int func_call(const struct template_style *style, func_id f, const struct args *a, size_t room, json **ret, struct err *err)
{
	const struct template_call *own = f >= FUNCS ? &style->calls[f - FUNCS] : NULL;
	const char *name = own ? own->name : funcs[f].name;
	const size_t min = own ? own->min : funcs[f].min, max = own ? own->max : funcs[f].max;

	if (a->n < min)
		return err_set(err, ERR_INVALID, "%s needs %zu arguments, not %zu", name, min, a->n);
	if (a->n > max)
		return err_set(err, ERR_INVALID, "%s takes %zu arguments, not %zu", name, max, a->n);
	return own ? own->call(style->state, a->v, a->n, ret, err) : funcs[f].fn(a, room, ret, err);
}
