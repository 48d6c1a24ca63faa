/* Functions of numbers. */
#include "hcl-function.h"
#include <math.h>
#include <string.h>

static const struct hcl_value *hcl_gives_number(struct hcl_args *a, long double number)
{
	return fabsl(number) < 1e300L ? hcl_number(a->h, number) : hcl_lost(a, 0, "no number, or one that is too large");
}

static const struct hcl_value *fn_abs(struct hcl_args *a) { return hcl_number(a->h, fabsl(a->v[0]->number)); }
static const struct hcl_value *fn_ceil(struct hcl_args *a) { return hcl_number(a->h, ceill(a->v[0]->number)); }
static const struct hcl_value *fn_floor(struct hcl_args *a) { return hcl_number(a->h, floorl(a->v[0]->number)); }
static const struct hcl_value *fn_log(struct hcl_args *a)
{
	return hcl_gives_number(a, logl(a->v[0]->number) / logl(a->v[1]->number));
}
static const struct hcl_value *fn_pow(struct hcl_args *a) { return hcl_gives_number(a, powl(a->v[0]->number, a->v[1]->number)); }

static const struct hcl_value *fn_signum(struct hcl_args *a)
{
	return hcl_number(a->h, (a->v[0]->number > 0) - (a->v[0]->number < 0));
}

static const struct hcl_value *fn_max(struct hcl_args *a)
{
	const struct hcl_value *most = a->v[0];

	for (uint32_t i = 1; i < a->n; i++)
		most = a->v[i]->number > most->number ? a->v[i] : most;
	return most;
}

static const struct hcl_value *fn_min(struct hcl_args *a)
{
	const struct hcl_value *least = a->v[0];

	for (uint32_t i = 1; i < a->n; i++)
		least = a->v[i]->number < least->number ? a->v[i] : least;
	return least;
}

static int hcl_digit_value(char c)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) : NULL;

	return at ? (int)(at - digits) : 99;
}

static const struct hcl_value *fn_parseint(struct hcl_args *a)
{
	const struct hcl_value *text = hcl_to_text(a->h, a->v[0]);
	const int base = hcl_arg_int(a, 1);
	long double number = 0;
	const char *s, *p;

	if (!text)
		return hcl_lost(a, 0, "a text is wanted, not %s", hcl_kind_name(a->v[0]));
	if (base < 2 || base > 36)
		return hcl_lost(a, 1, "a base from 2 to 36");
	s = text->text + (*text->text == '-' || *text->text == '+');
	for (p = s; *p && hcl_digit_value(*p) < base; p++)
		number = number * base + hcl_digit_value(*p);
	if (p == s || *p)
		return hcl_lost(a, 0, "no whole number to the base of %d: \"%s\"", base, text->text);
	return hcl_gives_number(a, *text->text == '-' ? -number : number);
}

const struct hcl_function hcl_number_functions[] = {
	{ "abs", "n", 1, 1, fn_abs },
	{ "ceil", "n", 1, 1, fn_ceil },
	{ "floor", "n", 1, 1, fn_floor },
	{ "log", "nn", 2, 2, fn_log },
	{ "max", "n", 1, 0, fn_max },
	{ "min", "n", 1, 0, fn_min },
	{ "parseint", "*i", 2, 2, fn_parseint },
	{ "pow", "nn", 2, 2, fn_pow },
	{ "signum", "n", 1, 1, fn_signum },
	{ NULL, NULL, 0, 0, NULL },
};
