/* Functions of maps and objects. */
#include "hcl-function.h"
#include "hcl-type.h"
#include <string.h>

static const struct hcl_value *fn_keys(struct hcl_args *a)
{
	const struct hcl_value *map = a->v[0];
	struct hcl_value *v = hcl_items(a->h, map->kind == HCL_MAP ? HCL_LIST : HCL_TUPLE, map->n);

	for (uint32_t i = 0; v && i < map->n; i++) {
		v->items[i] = hcl_text(a->h, map->keys[i], strlen(map->keys[i]));
		if (!v->items[i])
			return NULL;
	}
	return v;
}

static const struct hcl_value *fn_values(struct hcl_args *a)
{
	const struct hcl_value *map = a->v[0];
	struct hcl_value *v = hcl_items(a->h, map->kind == HCL_MAP ? HCL_LIST : HCL_TUPLE, map->n);

	if (v && v->n)
		memcpy(v->items, map->items, v->n * sizeof *v->items);
	return v;
}

static const struct hcl_value *fn_lookup(struct hcl_args *a)
{
	const struct hcl_value *found = hcl_member(a->v[0], hcl_arg_text(a, 1));
	const struct hcl_type *type;

	if (found || a->v[0]->kind != HCL_MAP || !a->v[0]->n)
		return found ? found : a->v[2];
	type = hcl_type_of(a->h, a->v[0]->items[0]);
	return type ? hcl_convert(a->h, a->places[2], a->v[2], type) : NULL;
}

/* What stands further behind counts; null is nothing. */
static const struct hcl_value *fn_merge(struct hcl_args *a)
{
	const struct hcl_value **items;
	const char **keys;
	size_t n = 0, at = 0;
	bool maps = a->n > 0;

	for (uint32_t i = 0; i < a->n; i++) {
		if (a->v[i]->kind != HCL_NULL && !hcl_is_mapping(a->v[i]))
			return hcl_lost(a, i, "a map or an object is wanted, not %s", hcl_kind_name(a->v[i]));
		n += a->v[i]->kind == HCL_NULL ? 0 : a->v[i]->n;
		maps = maps && a->v[i]->kind == HCL_MAP;
	}
	items = hcl_array(a->h, const struct hcl_value *, n);
	keys = hcl_array(a->h, const char *, n);
	if (!items || !keys)
		return NULL;
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->v[i]->kind == HCL_NULL || !a->v[i]->n)
			continue;
		memcpy(items + at, a->v[i]->items, a->v[i]->n * sizeof *items);
		memcpy(keys + at, a->v[i]->keys, a->v[i]->n * sizeof *keys);
		at += a->v[i]->n;
	}
	return hcl_members(a->h, maps ? HCL_MAP : HCL_OBJECT, keys, items, n);
}

static const struct hcl_value *fn_zipmap(struct hcl_args *a)
{
	const uint32_t n = a->v[0]->n;
	const struct hcl_value **items = hcl_array(a->h, const struct hcl_value *, n);
	const char **keys = hcl_array(a->h, const char *, n);

	if (!items || !keys)
		return NULL;
	if (a->v[1]->n != n)
		return hcl_lost(a, 1, "%u keys and %u values", n, a->v[1]->n);
	for (uint32_t i = 0; i < n; i++) {
		if (a->v[0]->items[i]->kind == HCL_NULL)
			return hcl_lost(a, 0, "key %u is null", i);
		keys[i] = a->v[0]->items[i]->text;
		items[i] = a->v[1]->items[i];
	}
	return hcl_members(a->h, a->v[1]->kind == HCL_TUPLE ? HCL_OBJECT : HCL_MAP, keys, items, n);
}

static const struct hcl_value *fn_tomap(struct hcl_args *a)
{
	static const struct hcl_type any = { .kind = HCL_NULL };
	static const struct hcl_type *of[] = { &any };
	const struct hcl_type map = { .kind = HCL_MAP, .n = 1, .items = of };

	return hcl_convert(a->h, a->places[0], a->v[0], &map);
}

const struct hcl_function hcl_map_functions[] = {
	{ "keys", "m", 1, 1, fn_keys },   { "lookup", "mt?", 3, 3, fn_lookup }, { "merge", "?", 0, 0, fn_merge },
	{ "tomap", "m", 1, 1, fn_tomap }, { "values", "m", 1, 1, fn_values },   { "zipmap", "sl", 2, 2, fn_zipmap },
	{ NULL, NULL, 0, 0, NULL },
};
