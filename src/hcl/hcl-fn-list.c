/* Functions of lists, tuples and sets. */
#include "hcl-function.h"
#include "hcl-type.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RANGE_MAX = 1024 };

/* A list or a tuple as @like is. */
static struct hcl_value *hcl_items_like(struct hcl_args *a, const struct hcl_value *like, size_t n)
{
	return hcl_items(a->h, like->kind == HCL_TUPLE ? HCL_TUPLE : HCL_LIST, n);
}

static struct hcl_value *hcl_items_from(struct hcl_args *a, const struct hcl_value *from, uint32_t at, uint32_t n)
{
	struct hcl_value *v = hcl_items_like(a, from, n);

	if (v && n)
		memcpy(v->items, from->items + at, n * sizeof *v->items);
	return v;
}

static const struct hcl_value *fn_length(struct hcl_args *a)
{
	if (!hcl_is_sequence(a->v[0]) && a->v[0]->kind != HCL_MAP)
		return hcl_lost(a, 0, "of lists, sets and maps, not of %s (of an object: length(keys(...)), of a text: strlen)",
				hcl_kind_name(a->v[0]));
	return hcl_number(a->h, a->v[0]->n);
}

static const struct hcl_value *fn_concat(struct hcl_args *a)
{
	struct hcl_value *v;
	size_t n = 0;
	uint32_t at = 0;
	bool lists = true;

	for (uint32_t i = 0; i < a->n; i++) {
		n += a->v[i]->n;
		lists = lists && a->v[i]->kind != HCL_TUPLE;
	}
	v = hcl_items(a->h, lists ? HCL_LIST : HCL_TUPLE, n);
	for (uint32_t i = 0; v && i < a->n; i++) {
		if (a->v[i]->n)
			memcpy(v->items + at, a->v[i]->items, a->v[i]->n * sizeof *v->items);
		at += a->v[i]->n;
	}
	return v;
}

static const struct hcl_value *fn_contains(struct hcl_args *a)
{
	for (uint32_t i = 0; i < a->v[0]->n && !a->h->spent; i++)
		if (hcl_compare(a->h, a->v[0]->items[i], a->v[1]) == 0 && !a->h->spent)
			return &hcl_true;
	return a->h->spent ? NULL : &hcl_false;
}

static const struct hcl_value *fn_distinct(struct hcl_args *a)
{
	const struct hcl_value *list = hcl_to_list(a->h, a->places[0], a->v[0], HCL_LIST);
	struct hcl_value *v = list ? hcl_items(a->h, HCL_LIST, list->n) : NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; v && i < list->n; i++) {
		uint32_t k = 0;

		while (k < n && hcl_compare(a->h, v->items[k], list->items[i]) != 0 && !a->h->spent)
			k++;
		if (a->h->spent)
			return NULL;
		if (k == n)
			v->items[n++] = list->items[i];
	}
	if (v)
		v->n = n;
	return v;
}

static const struct hcl_value *fn_element(struct hcl_args *a)
{
	const long double at = a->v[1]->number;

	if (!a->v[0]->n)
		return hcl_lost(a, 0, "an empty list has no elements");
	if (at < 0)
		return hcl_lost(a, 1, "an index is a number from 0");
	return a->v[0]->items[(uint32_t)fmodl(at, a->v[0]->n)];
}

static const struct hcl_value *fn_index(struct hcl_args *a)
{
	const struct hcl_value *of = a->v[0], *v;
	long double at;

	if (hcl_is_mapping(of)) {
		v = a->v[1]->kind == HCL_TEXT ? hcl_member(of, a->v[1]->text) : NULL;
		return v ? v : hcl_lost(a, 1, "no such key");
	}
	if (of->kind != HCL_LIST && of->kind != HCL_TUPLE)
		return hcl_lost(a, 0, "of lists and maps, not of %s", hcl_kind_name(of));
	if (!hcl_to_number(a->v[1], &at) || at != floorl(at) || at < 0 || at >= of->n)
		return hcl_lost(a, 1, "an index of %u elements is wanted", of->n);
	return of->items[(uint32_t)at];
}

/* How many elements there are once what is a list in it is no longer one. */
static size_t hcl_flat_count(struct hcl_args *a, const struct hcl_value *v)
{
	size_t n = 0;

	for (uint32_t i = 0; i < v->n && hcl_spend(a->h, 1) >= 0; i++)
		n += hcl_is_sequence(v->items[i]) ? hcl_flat_count(a, v->items[i]) : 1;
	return n;
}

static void hcl_flat_add(struct hcl_value *to, const struct hcl_value *from)
{
	for (uint32_t i = 0; i < from->n; i++) {
		if (hcl_is_sequence(from->items[i]))
			hcl_flat_add(to, from->items[i]);
		else
			to->items[to->n++] = from->items[i];
	}
}

static const struct hcl_value *fn_flatten(struct hcl_args *a)
{
	const size_t n = hcl_flat_count(a, a->v[0]);
	struct hcl_value *v = a->h->spent ? NULL : hcl_items(a->h, HCL_TUPLE, n);

	if (v) {
		v->n = 0;
		hcl_flat_add(v, a->v[0]);
	}
	return v;
}

static const struct hcl_value *fn_chunklist(struct hcl_args *a)
{
	const int size = hcl_arg_int(a, 1);
	struct hcl_value *v;
	uint32_t n = 0;

	if (size < 0)
		return hcl_lost(a, 1, "a size from 0 is wanted");
	if (size)
		n = (uint32_t)(((size_t)a->v[0]->n + (size_t)size - 1) / (size_t)size);
	v = hcl_items(a->h, HCL_LIST, size ? n : a->v[0]->n > 0);
	for (uint32_t i = 0; v && i < v->n; i++) {
		const uint32_t at = i * (uint32_t)size, left = a->v[0]->n - at;

		v->items[i] = hcl_items_from(a, a->v[0], at, size && left > (uint32_t)size ? (uint32_t)size : left);
		if (!v->items[i])
			return NULL;
	}
	return v;
}

static const struct hcl_value *fn_slice(struct hcl_args *a)
{
	const int from = hcl_arg_int(a, 1), to = hcl_arg_int(a, 2);

	if (a->v[0]->kind == HCL_SET)
		return hcl_lost(a, 0, "a set has no order");
	if (from < 0 || to < from || (uint32_t)to > a->v[0]->n)
		return hcl_lost(a, 1, "0 <= from <= to <= %u is wanted, not %d and %d", a->v[0]->n, from, to);
	return hcl_items_from(a, a->v[0], (uint32_t)from, (uint32_t)(to - from));
}

static int hcl_text_order(const void *a, const void *b)
{
	return strcmp((*(const struct hcl_value *const *)a)->text, (*(const struct hcl_value *const *)b)->text);
}

static const struct hcl_value *fn_sort(struct hcl_args *a)
{
	struct hcl_value *v = hcl_items_from(a, a->v[0], 0, a->v[0]->n);

	if (!v || hcl_spend(a->h, 8 * (size_t)v->n) < 0)
		return NULL;
	for (uint32_t i = 0; i < v->n; i++)
		if (v->items[i]->kind == HCL_NULL)
			return hcl_lost(a, 0, "element %u is null", i);
	qsort(v->items, v->n, sizeof *v->items, hcl_text_order);
	return v;
}

static const struct hcl_value *fn_compact(struct hcl_args *a)
{
	struct hcl_value *v = hcl_items(a->h, HCL_LIST, a->v[0]->n);
	uint32_t n = 0;

	for (uint32_t i = 0; v && i < a->v[0]->n; i++)
		if (a->v[0]->items[i]->kind == HCL_TEXT && a->v[0]->items[i]->n)
			v->items[n++] = a->v[0]->items[i];
	if (v)
		v->n = n;
	return v;
}

/* The arguments, made one type, as a list. */
static const struct hcl_value *of_one_type(struct hcl_args *a)
{
	struct hcl_value *v = hcl_items(a->h, HCL_TUPLE, a->n);

	if (!v)
		return NULL;
	memcpy(v->items, a->v, a->n * sizeof *v->items);
	return hcl_to_list(a->h, a->at, v, HCL_LIST);
}

static const struct hcl_value *fn_coalesce(struct hcl_args *a)
{
	const struct hcl_value *v = of_one_type(a);

	for (uint32_t i = 0; v && i < v->n; i++)
		if (v->items[i]->kind != HCL_NULL)
			return v->items[i];
	return v ? hcl_lost(a, UINT32_MAX, "all are null") : NULL;
}

static const struct hcl_value *fn_coalescelist(struct hcl_args *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		if (a->v[i]->kind != HCL_NULL && a->v[i]->n)
			return hcl_is_sequence(a->v[i]) ? a->v[i]
							: hcl_lost(a, i, "a list is wanted, not %s", hcl_kind_name(a->v[i]));
	return hcl_lost(a, UINT32_MAX, "all are empty");
}

static const struct hcl_value *fn_range(struct hcl_args *a)
{
	const long double begin = a->n > 1 ? a->v[0]->number : 0, end = a->v[a->n > 1]->number;
	const long double step = a->n > 2 ? a->v[2]->number : end < begin ? -1 : 1;
	const long double turns = step ? ceill((end - begin) / step) : 0;
	struct hcl_value *v;

	if (!step || turns < 0)
		return hcl_lost(a, 2, "a step that leads from the first to the end is wanted");
	if (turns > RANGE_MAX)
		return hcl_lost(a, a->n > 1, "at most %d numbers", RANGE_MAX);
	v = hcl_items(a->h, HCL_LIST, (size_t)turns);
	for (uint32_t i = 0; v && i < v->n; i++) {
		v->items[i] = hcl_number(a->h, begin + i * step);
		if (!v->items[i])
			return NULL;
	}
	return v;
}

/* All elements of all arguments, of one type, as a set; of the intersection those that are in each. */
static const struct hcl_value *fn_setunion(struct hcl_args *a)
{
	const struct hcl_value *all = fn_concat(a);

	return all ? hcl_to_list(a->h, a->at, all, HCL_SET) : NULL;
}

static bool hcl_set_holds(struct hcl_args *a, const struct hcl_value *set, const struct hcl_value *one)
{
	uint32_t low = 0, high = set->n;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;
		const int c = hcl_compare(a->h, one, set->items[mid]);

		if (!c)
			return true;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

static const struct hcl_value *fn_setintersection(struct hcl_args *a)
{
	const struct hcl_value *all = fn_setunion(a);
	const struct hcl_type *type = all ? hcl_type_of(a->h, all) : NULL;
	struct hcl_value *v = type ? hcl_items(a->h, HCL_SET, all->n) : NULL;
	uint32_t n = 0;

	if (!v)
		return NULL;
	memcpy(v->items, all->items, all->n * sizeof *v->items);
	n = v->n;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct hcl_value *set = hcl_convert(a->h, a->places[i], a->v[i], type);
		uint32_t kept = 0;

		for (uint32_t k = 0; set && k < n; k++)
			if (hcl_set_holds(a, set, v->items[k]))
				v->items[kept++] = v->items[k];
		if (!set || a->h->spent)
			return NULL;
		n = kept;
	}
	v->n = n;
	return v;
}

/* Every choice of one element from each argument. */
static const struct hcl_value *fn_setproduct(struct hcl_args *a)
{
	struct hcl_value *v;
	size_t n = 1;
	bool sets = true;

	for (uint32_t i = 0; i < a->n; i++) {
		n *= a->v[i]->n;
		sets = sets && a->v[i]->kind == HCL_SET;
		if (hcl_spend(a->h, n) < 0)
			return NULL;
	}
	v = hcl_items(a->h, sets ? HCL_SET : HCL_LIST, n);
	for (size_t k = 0; v && k < n; k++) {
		struct hcl_value *one = hcl_items(a->h, HCL_TUPLE, a->n);
		size_t left = k;

		if (!one)
			return NULL;
		for (uint32_t i = a->n; i--; left /= a->v[i]->n)
			one->items[i] = a->v[i]->items[left % a->v[i]->n];
		v->items[k] = one;
	}
	return v;
}

static const struct hcl_value *fn_tolist(struct hcl_args *a) { return hcl_to_list(a->h, a->places[0], a->v[0], HCL_LIST); }
static const struct hcl_value *fn_toset(struct hcl_args *a) { return hcl_to_list(a->h, a->places[0], a->v[0], HCL_SET); }

const struct hcl_function hcl_list_functions[] = {
	{ "chunklist", "li", 2, 2, fn_chunklist },
	{ "coalesce", "?", 1, 0, fn_coalesce },
	{ "coalescelist", "?", 1, 0, fn_coalescelist },
	{ "compact", "s", 1, 1, fn_compact },
	{ "concat", "l", 1, 0, fn_concat },
	{ "contains", "l*", 2, 2, fn_contains },
	{ "distinct", "l", 1, 1, fn_distinct },
	{ "element", "li", 2, 2, fn_element },
	{ "flatten", "l", 1, 1, fn_flatten },
	{ "index", "**", 2, 2, fn_index },
	{ "length", "*", 1, 1, fn_length },
	{ "range", "n", 1, 3, fn_range },
	{ "setintersection", "l", 1, 0, fn_setintersection },
	{ "setproduct", "l", 1, 0, fn_setproduct },
	{ "setunion", "l", 1, 0, fn_setunion },
	{ "slice", "lii", 3, 3, fn_slice },
	{ "sort", "s", 1, 1, fn_sort },
	{ "tolist", "l", 1, 1, fn_tolist },
	{ "toset", "l", 1, 1, fn_toset },
	{ NULL, NULL, 0, 0, NULL },
};
