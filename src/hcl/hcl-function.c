/* What a function takes stands in its row: arguments are made that, or the call is refused, before the function sees them. */
#include "hcl-function.h"
#include "hcl-type.h"
#include "name.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CALL_STEPS = 8, ARGS_MAX = 100000 };

static const struct hcl_function *const all_functions[] = {
	hcl_text_functions,     hcl_format_functions, hcl_list_functions, hcl_map_functions, hcl_number_functions,
	hcl_encoding_functions, hcl_hash_functions,   hcl_file_functions, hcl_net_functions, hcl_time_functions,
};

static const char *const special_names[] = { "can", "convert", "try" };

const struct hcl_value *hcl_lost(struct hcl_args *a, uint32_t i, const char *fmt, ...)
{
	char why[600];
	va_list ap;

	if (a->h->spent)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	(void)hcl_bad(a->h, i < a->n ? a->places[i] : a->at, "%s: %s", a->name, why);
	return NULL;
}

const struct hcl_value *hcl_gives(struct hcl_args *a, const struct buf *b) { return hcl_text_buf(a->h, a->at, b); }

int hcl_arg_int(const struct hcl_args *a, uint32_t i)
{
	const long double number = a->v[i]->number;

	return number > INT_MAX ? INT_MAX : number < INT_MIN ? INT_MIN : (int)number;
}

static const struct hcl_function *function_find(const char *name)
{
	for (size_t i = 0; i < sizeof all_functions / sizeof *all_functions; i++)
		for (const struct hcl_function *f = all_functions[i]; f->name; f++)
			if (!strcmp(f->name, name))
				return f;
	return NULL;
}

static const struct hcl_value *function_unknown(struct hcl *h, const struct hcl_expr *e)
{
	const char *names[128], *near;
	size_t n = 0;

	for (; n < sizeof special_names / sizeof *special_names; n++)
		names[n] = special_names[n];
	for (size_t i = 0; i < sizeof all_functions / sizeof *all_functions; i++)
		for (const struct hcl_function *f = all_functions[i]; f->name && n < sizeof names / sizeof *names; f++)
			names[n++] = f->name;
	near = name_nearest(e->text, names, n);
	(void)hcl_bad(h, e->at, near ? "there is no function %s: did you mean %s?" : "there is no function %s", e->text, near);
	return NULL;
}

/* An argument as its letter says. NULL: the error is set. */
static const struct hcl_value *hcl_take_argument(struct hcl_args *a, uint32_t i, char letter)
{
	static const struct hcl_type text = { .kind = HCL_TEXT };
	static const struct hcl_type *const texts[] = { &text };
	static const struct hcl_type plain[] = { { .kind = HCL_TEXT },
						 { .kind = HCL_NUMBER },
						 { .kind = HCL_BOOL },
						 { .kind = HCL_LIST, .n = 1, .items = (const struct hcl_type **)texts } };
	static const char letters[] = "tnbs";
	const struct hcl_value *v = a->v[i];
	const char *simple = strchr(letters, letter == 'i' ? 'n' : letter);

	if (letter == '?')
		return v;
	if (v->kind == HCL_NULL)
		return hcl_lost(a, i, "null is no value for it");
	if (letter == 'l' && !hcl_is_sequence(v))
		return hcl_lost(a, i, "a list is wanted, not %s", hcl_kind_name(v));
	if (letter == 'm' && !hcl_is_mapping(v))
		return hcl_lost(a, i, "a map or an object is wanted, not %s", hcl_kind_name(v));
	if (!simple)
		return v;
	a->h->who = a->name;
	v = hcl_convert(a->h, a->places[i], v, &plain[simple - letters]);
	a->h->who = NULL;
	if (v && letter == 'i' && v->number != floorl(v->number))
		return hcl_lost(a, i, "a whole number is wanted");
	return v;
}

static const struct hcl_value *function_count(struct hcl_args *a, const struct hcl_function *f)
{
	if (f->least == f->most)
		return hcl_lost(a, UINT32_MAX, "takes %u argument%s, not %u", f->least, f->least == 1 ? "" : "s", a->n);
	if (a->n < f->least)
		return hcl_lost(a, UINT32_MAX, "takes at least %u argument%s, not %u", f->least, f->least == 1 ? "" : "s", a->n);
	return hcl_lost(a, UINT32_MAX, "takes at most %u arguments, not %u", f->most, a->n);
}

static const struct hcl_value *function_run(struct hcl_args *a, const struct hcl_function *f)
{
	const size_t letters = strlen(f->takes);

	if (a->n < f->least || (f->most && a->n > f->most))
		return function_count(a, f);
	for (uint32_t i = 0; i < a->n; i++) {
		a->v[i] = hcl_take_argument(a, i, f->takes[i < letters ? i : letters - 1]);
		if (!a->v[i])
			return NULL;
	}
	return f->call(a);
}

/* The arguments' values; the last, where "..." follows it, spread. */
static int hcl_gather_arguments(struct hcl_args *a, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *last = NULL;
	uint32_t n = e->n, i = 0;

	if (e->group && e->n) {
		last = hcl_eval(a->h, e->last, scope);
		if (!last)
			return -ERR_INVALID;
		if (!hcl_is_sequence(last) || last->n > ARGS_MAX)
			return hcl_bad(a->h, e->last->at, "%s: \"...\" stands behind a list of arguments", a->name);
		n += last->n - 1;
	}
	a->v = hcl_array(a->h, const struct hcl_value *, n);
	a->places = hcl_array(a->h, struct node_place, n);
	if (!a->v || !a->places || hcl_spend(a->h, n) < 0)
		return -ERR_EXHAUSTED;
	for (const struct hcl_expr *arg = e->first; arg && !(last && arg == e->last); arg = arg->next, i++) {
		a->places[i] = arg->at;
		a->v[i] = hcl_eval(a->h, arg, scope);
		if (!a->v[i])
			return -ERR_INVALID;
	}
	for (uint32_t k = 0; last && k < last->n; k++, i++) {
		a->places[i] = e->last->at;
		a->v[i] = last->items[k];
	}
	a->n = n;
	return 0;
}

/* The first that can be evaluated. */
static const struct hcl_value *call_try(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *v = NULL;

	for (const struct hcl_expr *arg = e->first; arg; arg = arg->next) {
		v = hcl_eval(h, arg, scope);
		if (v || !arg->next || !hcl_forget(h))
			break;
	}
	return v;
}

static const struct hcl_value *call_can(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	if (hcl_eval(h, e->first, scope))
		return &hcl_true;
	return hcl_forget(h) ? &hcl_false : NULL;
}

static const struct hcl_value *call_convert(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *v = hcl_eval(h, e->first, scope);
	const struct hcl_type *type = NULL;

	return v && hcl_type_parse(h, e->last, &type) >= 0 ? hcl_convert(h, e->first->at, v, type) : NULL;
}

/* Those that see their arguments before they are evaluated. True: @e is one; then *@ret is what it gives. */
static bool call_special(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope, const struct hcl_value **ret)
{
	struct hcl_args a = { .h = h, .name = e->text, .at = e->at, .n = e->n };
	size_t i = 0;

	while (i < sizeof special_names / sizeof *special_names && strcmp(special_names[i], e->text) != 0)
		i++;
	if (i == 0)
		*ret = e->n == 1 ? call_can(h, e, scope) : hcl_lost(&a, UINT32_MAX, "takes 1 argument, not %u", e->n);
	else if (i == 1)
		*ret = e->n == 2 ? call_convert(h, e, scope) : hcl_lost(&a, UINT32_MAX, "takes a value and a type");
	else if (i == 2)
		*ret = e->n ? call_try(h, e, scope) : hcl_lost(&a, UINT32_MAX, "takes at least 1 argument, not 0");
	return i < sizeof special_names / sizeof *special_names;
}

const struct hcl_value *hcl_call(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	struct hcl_args a = { .h = h, .name = e->text, .at = e->at };
	const struct hcl_value *v = NULL;
	const struct hcl_function *f;

	if (h->plain) {
		(void)hcl_bad(h, e->at, "%s(): no functions here, only values", e->text);
		return NULL;
	}
	if (hcl_spend(h, CALL_STEPS) < 0 || call_special(h, e, scope, &v))
		return v;
	f = function_find(e->text);
	if (!f)
		return function_unknown(h, e);
	return hcl_gather_arguments(&a, e, scope) < 0 ? NULL : function_run(&a, f);
}
