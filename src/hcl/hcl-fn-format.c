/* format() and formatlist(): verbs as Go's, of one value each. */
#include "hcl-function.h"
#include "hcl-json.h"
#include "utf8.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH_MAX = 1000, PRECISION_MAX = 300 };

struct verb {
	const char *raw; /* from its "%" on, for errors */
	int raw_len;
	bool zero, sharp, plus, minus, space;
	int width, precision; /* -1: not said */
	uint32_t argument;    /* of the call: 0 is the format */
	char mode;
};

static void hcl_pad_to(struct buf *out, const struct verb *verb, const char *s, size_t n)
{
	int characters = 0;

	for (size_t i = 0; i < n; i++)
		characters += (s[i] & 0xc0) != 0x80;
	if (!verb->minus)
		for (int i = characters; i < verb->width; i++)
			buf_addc(out, verb->zero ? '0' : ' ');
	buf_add(out, s, n);
	if (verb->minus)
		for (int i = characters; i < verb->width; i++)
			buf_addc(out, verb->zero ? '0' : ' ');
}

/* The digits that it takes, with an exponent from 1e+21 or for small ones: %g without a precision. */
static void hcl_shortest(struct buf *out, long double number, bool large_e)
{
	const long double size = fabsl(number);
	char text[64];

	if (size != 0 && (size < 1e-4L || size >= 1e6L)) {
		int digits = 0;

		/* of whole numbers and the like no more digits than they have */
		do
			(void)snprintf(text, sizeof text, large_e ? "%.*LE" : "%.*Le", digits, number);
		while (strtold(text, NULL) != number && digits++ < 17);
		buf_adds(out, text);
		return;
	}
	hcl_number_text(out, number);
}

/* Sign, zeros up to the width, digits. */
static void hcl_show_signed(struct buf *out, const struct verb *verb, bool negative, const char *prefix, const char *digits)
{
	const char *sign = negative ? "-" : verb->plus ? "+" : verb->space ? " " : "";
	const int taken = (int)(strlen(sign) + strlen(prefix) + strlen(digits));
	_cleanup_buf_ struct buf b = { 0 };

	buf_adds(&b, sign);
	buf_adds(&b, prefix);
	if (verb->zero && !verb->minus)
		for (int i = taken; i < verb->width; i++)
			buf_addc(&b, '0');
	buf_adds(&b, digits);
	hcl_pad_to(out, &(struct verb){ .minus = verb->minus, .width = verb->width }, b.data, b.len);
}

static void hcl_show_float(struct buf *out, const struct verb *verb, long double number)
{
	const int precision = verb->precision < 0 ? 6 : verb->precision;
	const long double size = fabsl(number);
	_cleanup_buf_ struct buf b = { 0 };

	if (verb->mode == 'e')
		buf_addf(&b, "%.*Le", precision, size);
	else if (verb->mode == 'E')
		buf_addf(&b, "%.*LE", precision, size);
	else if (verb->mode == 'f')
		buf_addf(&b, "%.*Lf", precision, size);
	else if (verb->precision < 0)
		hcl_shortest(&b, size, verb->mode == 'G');
	else if (verb->mode == 'g')
		buf_addf(&b, "%.*Lg", precision, size);
	else
		buf_addf(&b, "%.*LG", precision, size);
	hcl_show_signed(out, verb, signbit(number), "", buf_str(&b));
}

static const struct hcl_value *verb_lost(struct hcl_args *a, const struct verb *verb, const char *why)
{
	return hcl_lost(a, verb->argument, "%.*s: %s", verb->raw_len, verb->raw, why);
}

static bool hcl_show_integer(struct hcl_args *a, struct buf *out, const struct verb *verb, long double number)
{
	static const char digits[] = "0123456789abcdef", large[] = "0123456789ABCDEF";
	const unsigned base = verb->mode == 'b' ? 2 : verb->mode == 'o' ? 8 : verb->mode == 'd' ? 10 : 16;
	const char *prefix = !verb->sharp || base == 10 ? "" : base == 2 ? "0b" : base == 8 ? "0" : verb->mode == 'x' ? "0x" : "0X";
	char text[PRECISION_MAX + 80], *p = text + sizeof text - 1;
	unsigned long long left = (unsigned long long)fabsl(number);
	int count = 0;

	if (number != floorl(number) || fabsl(number) >= 0x1p64L) {
		(void)verb_lost(a, verb, "a whole number (of 64 bits) is wanted");
		return false;
	}
	*p = '\0';
	while (left || count < verb->precision || !count) {
		*--p = verb->mode == 'X' ? large[left % base] : digits[left % base];
		left /= base;
		count++;
	}
	hcl_show_signed(out, verb, number < 0, prefix, p);
	return true;
}

static bool hcl_show_number(struct hcl_args *a, struct buf *out, const struct verb *verb)
{
	long double number;

	if (!hcl_to_number(a->v[verb->argument], &number)) {
		(void)verb_lost(a, verb, "a number is wanted");
		return false;
	}
	if (strchr("bdoxX", verb->mode))
		return hcl_show_integer(a, out, verb, number);
	hcl_show_float(out, verb, number);
	return true;
}

static bool hcl_show_text(struct hcl_args *a, struct buf *out, const struct verb *verb)
{
	const struct hcl_value *text = hcl_to_text(a->h, a->v[verb->argument]);
	_cleanup_buf_ struct buf b = { 0 };
	size_t n = 0;

	if (!text) {
		(void)verb_lost(a, verb, "a text is wanted");
		return false;
	}
	for (int i = 0; verb->precision > 0 && i < verb->precision && n < text->n; i++)
		n += utf8_len(text->text + n, text->n - n);
	n = verb->precision > 0 ? n : text->n;
	if (verb->mode == 'q')
		hcl_json_quote(&b, text->text, n);
	else
		buf_add(&b, text->text, n);
	hcl_pad_to(out, verb, buf_str(&b), b.len);
	return true;
}

static bool hcl_show_any(struct hcl_args *a, struct buf *out, const struct verb *verb)
{
	const struct hcl_value *v = a->v[verb->argument];
	_cleanup_buf_ struct buf b = { 0 };

	if (!verb->sharp && v->kind == HCL_TEXT)
		buf_add(&b, v->text, v->n);
	else if (!verb->sharp && v->kind == HCL_NUMBER)
		hcl_shortest(&b, v->number, false);
	else if (hcl_json_write(a->h, a->at, v, &b) < 0)
		return false;
	hcl_pad_to(out, verb, buf_str(&b), b.len);
	return true;
}

static bool hcl_show_bool(struct hcl_args *a, struct buf *out, const struct verb *verb)
{
	bool yes;

	if (!hcl_to_bool(a->v[verb->argument], &yes)) {
		(void)verb_lost(a, verb, "a bool is wanted");
		return false;
	}
	buf_adds(out, yes ? "true" : "false");
	return true;
}

static int verb_number(const char **p)
{
	int n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n > WIDTH_MAX ? n : 10 * n + **p - '0';
	return n;
}

/* At "%"; behind the letter. What is wrong with it, or NULL. */
static const char *verb_parse(const char **text, struct verb *verb, uint32_t *next)
{
	const char *p = *text + 1;

	*verb = (struct verb){ .raw = *text, .width = -1, .precision = -1 };
	for (; *p && strchr("0#+- ", *p); p++) {
		verb->zero |= *p == '0';
		verb->sharp |= *p == '#';
		verb->plus |= *p == '+';
		verb->minus |= *p == '-';
		verb->space |= *p == ' ';
	}
	if (*p >= '1' && *p <= '9')
		verb->width = verb_number(&p);
	if (*p == '.') {
		p++;
		verb->precision = verb_number(&p);
	}
	if (*p == '[') {
		p++;
		*next = (uint32_t)verb_number(&p);
		if (*p++ != ']' || !*next)
			return "[N] wants a number from 1 and a bracket";
	}
	verb->mode = *p;
	verb->argument = (*next)++;
	verb->raw_len = (int)(p - *text) + (*p != '\0');
	*text = p + (*p != '\0');
	if (verb->width > WIDTH_MAX || verb->precision > PRECISION_MAX)
		return "a width of at most 1000, a precision of at most 300";
	return verb->mode && strchr("vtbdoxXeEfgGsq", verb->mode) ? NULL : "no verb: there are v t b d o x X e E f g G s q and %%";
}

static bool verb_show(struct hcl_args *a, struct buf *out, const struct verb *verb)
{
	if (verb->argument >= a->n) {
		(void)hcl_lost(a, 0, "%.*s wants an argument %u", verb->raw_len, verb->raw, verb->argument);
		return false;
	}
	if (verb->mode == 'v')
		return hcl_show_any(a, out, verb);
	if (verb->mode == 't')
		return hcl_show_bool(a, out, verb);
	return strchr("sq", verb->mode) ? hcl_show_text(a, out, verb) : hcl_show_number(a, out, verb);
}

static const struct hcl_value *fn_format(struct hcl_args *a)
{
	const char *p = hcl_arg_text(a, 0);
	_cleanup_buf_ struct buf b = { 0 };
	uint32_t next = 1, used = 0;

	while (*p) {
		const size_t plain = strcspn(p, "%");
		const char *why;
		struct verb verb;

		buf_add(&b, p, plain);
		p += plain;
		if (p[0] == '%' && p[1] == '%') {
			buf_addc(&b, '%');
			p += 2;
			continue;
		}
		if (!*p)
			break;
		why = verb_parse(&p, &verb, &next);
		if (why)
			return hcl_lost(a, 0, "%.*s: %s", verb.raw_len, verb.raw, why);
		if (!verb_show(a, &b, &verb) || hcl_spend(a->h, 4) < 0)
			return NULL;
		used = verb.argument > used ? verb.argument : used;
		if (b.len > HCL_TEXT_MAX)
			break;
	}
	if (used + 1 < a->n)
		return hcl_lost(a, used + 1, "the format has no place for argument %u", used + 1);
	return hcl_gives(a, &b);
}

/* Once for each element of the lists among the arguments, which are of one length. */
static const struct hcl_value *fn_formatlist(struct hcl_args *a)
{
	const struct hcl_value **v = hcl_array(a->h, const struct hcl_value *, a->n);
	struct hcl_args one = *a;
	struct hcl_value *all;
	uint32_t n = UINT32_MAX;

	for (uint32_t i = 1; i < a->n; i++) {
		if (!hcl_is_sequence(a->v[i]))
			continue;
		if (n != UINT32_MAX && a->v[i]->n != n)
			return hcl_lost(a, i, "lists of %u and of %u elements", n, a->v[i]->n);
		n = a->v[i]->n;
	}
	all = hcl_items(a->h, HCL_LIST, n == UINT32_MAX ? 1 : n);
	one.v = v;
	for (uint32_t k = 0; v && all && k < all->n; k++) {
		for (uint32_t i = 0; i < a->n; i++)
			v[i] = i && hcl_is_sequence(a->v[i]) ? a->v[i]->items[k] : a->v[i];
		all->items[k] = hcl_spend(a->h, a->n) < 0 ? NULL : fn_format(&one);
		if (!all->items[k])
			return NULL;
	}
	return v ? all : NULL;
}

const struct hcl_function hcl_format_functions[] = {
	{ "format", "t?", 1, 0, fn_format },
	{ "formatlist", "t?", 1, 0, fn_formatlist },
	{ NULL, NULL, 0, 0, NULL },
};
