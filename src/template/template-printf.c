/* printf, with the verbs of Go's fmt that go with JSON. */
#include "template-value.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

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
		if (n > TEMPLATE_WIDTH_MAX)
			return err_set(err, ERR_INVALID, "a width is at most %d", TEMPLATE_WIDTH_MAX);
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

	if (value_is_int(j)) {
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

	if (verb == 'v' || (verb == 's' && !value_is_number(j) && !json_object_is_type(j, json_type_boolean)))
		return value_print(j, room, out);
	if (verb == 'd' && value_is_int(j))
		buf_addf(out, "%s%" PRId64, v->plus && json_object_get_int64(j) >= 0 ? "+" : "", json_object_get_int64(j));
	else if (verb == 'q' && value_is_text(j))
		json_quote(out, json_text(j), (size_t)json_object_get_string_len(j));
	else if ((verb == 'x' || verb == 'X') && (value_is_int(j) || value_is_text(j)))
		add_hex(v, j, out);
	else if (verb == 't' && json_object_is_type(j, json_type_boolean))
		buf_adds(out, json_object_get_boolean(j) ? "true" : "false");
	else if (strchr("feg", verb) && json_object_is_type(j, json_type_double))
		add_float(v, json_object_get_double(j), out);
	else
		return false;
	return true;
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
		if (v->verb == 's' && v->precision >= 0)
			value_cut(&text, (size_t)v->precision);
		add_padded(v, buf_str(&text), out);
		return 0;
	}
	if (text.len > room)
		return value_too_long(err);
	buf_addf(out, "%%!%c(", v->verb); /* as Go has it */
	if (!value_print(j, room, out))
		return value_too_long(err);
	buf_adds(out, ")");
	return 0;
}

int func_printf(const struct args *a, size_t room, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	size_t i = 1;
	int r = value_want_text(a->v[0], "printf's format", err);

	for (const char *p = r < 0 ? "" : json_text(a->v[0]); *p && r >= 0;) {
		struct verb v;

		if (out.len > room)
			return value_too_long(err);
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
	return r < 0 ? r : value_give_text(&out, room, ret, err);
}
