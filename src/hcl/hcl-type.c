/* By the rules of cty, which Nomad's HCL stands on: what is told apart there only by type (a tuple or a list, an object or a map)
 * is so here, too, since what a conditional or a comparison gives depends on it. */
#include "hcl-type.h"
#include <stdlib.h>
#include <string.h>

static const struct hcl_type any_type = { .kind = HCL_NULL }, bool_type = { .kind = HCL_BOOL },
			     number_type = { .kind = HCL_NUMBER }, text_type = { .kind = HCL_TEXT };

static struct hcl_type *type_new(struct hcl *h, enum hcl_kind kind, uint32_t n)
{
	struct hcl_type *t = hcl_new(h, struct hcl_type);

	if (!t)
		return NULL;
	t->kind = kind;
	t->n = n;
	t->items = hcl_array(h, const struct hcl_type *, n);
	return t->items ? t : NULL;
}

static int parse_type_one(struct hcl *h, const struct hcl_expr *e, const struct hcl_type **ret);

/* The one argument of list(T) and the like; a name alone has none. */
static int parse_type_of(struct hcl *h, const struct hcl_expr *e, enum hcl_kind kind, const struct hcl_type **ret)
{
	struct hcl_type *t = type_new(h, kind, 1);

	if (!t)
		return -ERR_EXHAUSTED;
	*ret = t;
	return parse_type_one(h, e->first, &t->items[0]);
}

static int parse_type_tuple(struct hcl *h, const struct hcl_expr *e, const struct hcl_type **ret)
{
	struct hcl_type *t = e->first->kind == EXPR_TUPLE ? type_new(h, HCL_TUPLE, e->first->n) : NULL;
	uint32_t i = 0;

	if (!t)
		return h->spent ? -ERR_EXHAUSTED
				: hcl_bad(h, e->at, "tuple wants the types of its elements: tuple([string, number])");
	*ret = t;
	for (const struct hcl_expr *item = e->first->first; item; item = item->next) {
		int r = parse_type_one(h, item, &t->items[i++]);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool hcl_is_call(const struct hcl_expr *e, const char *name) { return e->kind == EXPR_CALL && !strcmp(e->text, name); }

static int parse_type_object(struct hcl *h, const struct hcl_expr *e, const struct hcl_type **ret)
{
	struct hcl_type *t = e->first->kind == EXPR_OBJECT ? type_new(h, HCL_OBJECT, e->first->n / 2) : NULL;
	const struct hcl_expr *key;
	uint32_t i = 0;

	if (!t)
		return h->spent ? -ERR_EXHAUSTED
				: hcl_bad(h, e->at, "object wants the types of its attributes: object({ name = string })");
	*ret = t;
	t->keys = hcl_array(h, const char *, t->n);
	t->optional = hcl_array(h, bool, t->n);
	if (!t->keys || !t->optional)
		return -ERR_EXHAUSTED;
	for (key = e->first->first; key; key = key->next->next, i++) {
		const struct hcl_expr *of = key->next;
		int r;

		if (key->kind != EXPR_VALUE || key->value->kind != HCL_TEXT)
			return hcl_bad(h, key->at, "the name of an attribute is wanted");
		t->keys[i] = key->value->text;
		t->optional[i] = hcl_is_call(of, "optional") && of->n == 1;
		r = parse_type_one(h, t->optional[i] ? of->first : of, &t->items[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_type_one(struct hcl *h, const struct hcl_expr *e, const struct hcl_type **ret)
{
	static const struct {
		const char *name;
		const struct hcl_type *type;
	} names[] = { { "string", &text_type }, { "number", &number_type }, { "bool", &bool_type }, { "any", &any_type } };
	static const struct {
		const char *name;
		enum hcl_kind kind;
	} of[] = { { "list", HCL_LIST }, { "set", HCL_SET }, { "map", HCL_MAP } };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (e->kind == EXPR_NAME && !e->first && !strcmp(e->text, names[i].name)) {
			*ret = names[i].type;
			return 0;
		}
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (hcl_is_call(e, of[i].name) && e->n == 1)
			return parse_type_of(h, e, of[i].kind, ret);
	if (hcl_is_call(e, "tuple") && e->n == 1)
		return parse_type_tuple(h, e, ret);
	if (hcl_is_call(e, "object") && e->n == 1)
		return parse_type_object(h, e, ret);
	return hcl_bad(h, e->at,
		       "a type is string, number, bool, any, list(T), set(T), map(T), tuple([T, T]) or object({ name = T })");
}

int hcl_type_parse(struct hcl *h, const struct hcl_expr *e, const struct hcl_type **ret) { return parse_type_one(h, e, ret); }

const struct hcl_type *hcl_type_of(struct hcl *h, const struct hcl_value *v)
{
	static const struct hcl_type *const plain[] = { &any_type, &bool_type, &number_type, &text_type };
	struct hcl_type *t;

	if (hcl_spend(h, 1) < 0)
		return NULL;
	if (v->kind < HCL_TUPLE)
		return plain[v->kind];
	t = type_new(h, v->kind, v->kind == HCL_TUPLE || v->kind == HCL_OBJECT ? v->n : 1);
	if (!t)
		return NULL;
	t->keys = v->keys;
	if (t->n)
		t->items[0] = &any_type;
	for (uint32_t i = 0; i < t->n && i < v->n; i++) {
		t->items[i] = hcl_type_of(h, v->items[i]);
		if (!t->items[i])
			return NULL;
	}
	return t;
}

/* What all of the types of the elements of @t can be made; any for none. */
static const struct hcl_type *common_element(struct hcl *h, const struct hcl_type *t, const struct hcl_type *with)
{
	for (uint32_t i = 0; with && i < t->n; i++)
		with = with->kind == HCL_NULL ? t->items[i] : hcl_type_common(h, with, t->items[i]);
	return with;
}

static const struct hcl_type *common_of(struct hcl *h, enum hcl_kind kind, const struct hcl_type *a, const struct hcl_type *b)
{
	const struct hcl_type *element = common_element(h, b, common_element(h, a, &any_type));
	struct hcl_type *t = element ? type_new(h, kind, 1) : NULL;

	if (t)
		t->items[0] = element;
	return t;
}

static bool hcl_same_keys(const struct hcl_type *a, const struct hcl_type *b)
{
	if (a->n != b->n || !a->keys != !b->keys)
		return false;
	for (uint32_t i = 0; a->keys && i < a->n; i++)
		if (strcmp(a->keys[i], b->keys[i]) != 0)
			return false;
	return true;
}

/* Tuples and objects: one by one where they have the same places, else (or if one of them has no common type) of one element's
 * type. */
static const struct hcl_type *common_structure(struct hcl *h, const struct hcl_type *a, const struct hcl_type *b)
{
	struct hcl_type *t = hcl_same_keys(a, b) ? type_new(h, a->kind, a->n) : NULL;
	uint32_t i = 0;

	while (t && i < t->n) {
		t->items[i] = hcl_type_common(h, a->items[i], b->items[i]);
		if (!t->items[i])
			break;
		i++;
	}
	if (h->spent)
		return NULL;
	if (!t || i < t->n)
		return common_of(h, a->kind == HCL_TUPLE ? HCL_LIST : HCL_MAP, a, b);
	t->keys = a->keys;
	return t;
}

const struct hcl_type *hcl_type_common(struct hcl *h, const struct hcl_type *a, const struct hcl_type *b)
{
	const enum hcl_kind low = a->kind < b->kind ? a->kind : b->kind, high = a->kind < b->kind ? b->kind : a->kind;

	if (hcl_spend(h, 1) < 0)
		return NULL;
	if (low == HCL_NULL)
		return &any_type;
	if (low == high && low < HCL_TUPLE)
		return a;
	if (high == HCL_TEXT)
		return &text_type;
	if (low == high && (low == HCL_TUPLE || low == HCL_OBJECT))
		return common_structure(h, a, b);
	if (low >= HCL_OBJECT)
		return common_of(h, HCL_MAP, a, b);
	return low >= HCL_TUPLE && high <= HCL_SET ? common_of(h, high, a, b) : NULL;
}

static const struct hcl_value *convert_lost(struct hcl *h, struct node_place at, const struct hcl_value *v, const char *wanted)
{
	if (!h->spent)
		(void)hcl_bad(h, at, "%s is wanted, not %s%s%s%s", wanted, hcl_kind_name(v), v->kind == HCL_TEXT ? " (\"" : "",
			      v->kind == HCL_TEXT ? v->text : "", v->kind == HCL_TEXT ? "\")" : "");
	return NULL;
}

/* The types that all elements have in common. */
static const struct hcl_type *element_type(struct hcl *h, const struct hcl_value *v)
{
	const struct hcl_type *t = &any_type;

	for (uint32_t i = 0; t && i < v->n; i++) {
		const struct hcl_type *one = hcl_type_of(h, v->items[i]);

		t = !one ? NULL : t->kind == HCL_NULL ? one : hcl_type_common(h, t, one);
	}
	return t;
}

static int hcl_value_order(const void *a, const void *b, void *h)
{
	return hcl_compare(h, *(const struct hcl_value *const *)a, *(const struct hcl_value *const *)b);
}

/* Each once, in order. */
static const struct hcl_value *hcl_as_set(struct hcl *h, struct hcl_value *v)
{
	uint32_t kept = 0;

	qsort_r(v->items, v->n, sizeof *v->items, hcl_value_order, h);
	for (uint32_t i = 0; i < v->n; i++)
		if (!kept || hcl_compare(h, v->items[kept - 1], v->items[i]) != 0)
			v->items[kept++] = v->items[i];
	v->n = kept;
	return h->spent ? NULL : v;
}

/* Lists, sets and maps: all elements as one type, which is theirs in common for any. */
static const struct hcl_value *convert_elements(struct hcl *h, struct node_place at, const struct hcl_value *v, enum hcl_kind kind,
						const struct hcl_type *of)
{
	struct hcl_value *new = hcl_items(h, kind, v->n);

	if (new && of->kind == HCL_NULL)
		of = element_type(h, v);
	if (!new || !of) {
		if (!h->spent)
			(void)hcl_bad(h, at, "elements of different types, which have none in common");
		return NULL;
	}
	if (new->keys && v->n)
		memcpy(new->keys, v->keys, v->n * sizeof *v->keys);
	for (uint32_t i = 0; i < v->n; i++) {
		new->items[i] = hcl_convert(h, at, v->items[i], of);
		if (!new->items[i])
			return NULL;
	}
	return kind == HCL_SET ? hcl_as_set(h, new) : new;
}

static const struct hcl_value *convert_object(struct hcl *h, struct node_place at, const struct hcl_value *v,
					      const struct hcl_type *t)
{
	const struct hcl_value **items = hcl_array(h, const struct hcl_value *, t->n);
	const char **keys = hcl_array(h, const char *, t->n);

	if (!items || !keys)
		return NULL;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct hcl_value *one = hcl_member(v, t->keys[i]);

		keys[i] = t->keys[i];
		if (!one && !(t->optional && t->optional[i])) {
			(void)hcl_bad(h, at, "an object with %s is wanted", t->keys[i]);
			return NULL;
		}
		items[i] = one ? hcl_convert(h, at, one, t->items[i]) : &hcl_null;
		if (!items[i])
			return NULL;
	}
	return hcl_members(h, HCL_OBJECT, keys, items, t->n);
}

static const struct hcl_value *convert_tuple(struct hcl *h, struct node_place at, const struct hcl_value *v,
					     const struct hcl_type *t)
{
	struct hcl_value *new = hcl_items(h, HCL_TUPLE, t->n);

	if (new && v->n != t->n)
		(void)hcl_bad(h, at, "%u elements are wanted, not %u", t->n, v->n);
	if (!new || v->n != t->n)
		return NULL;
	for (uint32_t i = 0; i < t->n; i++) {
		new->items[i] = hcl_convert(h, at, v->items[i], t->items[i]);
		if (!new->items[i])
			return NULL;
	}
	return new;
}

static const struct hcl_value *convert_plain(struct hcl *h, struct node_place at, const struct hcl_value *v, enum hcl_kind kind)
{
	const struct hcl_value *text = kind == HCL_TEXT ? hcl_to_text(h, v) : NULL;
	long double number;
	bool yes;

	if (v->kind == kind)
		return v;
	if (kind == HCL_TEXT)
		return text ? text : convert_lost(h, at, v, "a text");
	if (kind == HCL_NUMBER)
		return hcl_to_number(v, &number) ? hcl_number(h, number) : convert_lost(h, at, v, "a number");
	return hcl_to_bool(v, &yes) ? (yes ? &hcl_true : &hcl_false) : convert_lost(h, at, v, "a bool");
}

const struct hcl_value *hcl_convert(struct hcl *h, struct node_place at, const struct hcl_value *v, const struct hcl_type *t)
{
	if (hcl_spend(h, 1) < 0)
		return NULL;
	if (t->kind == HCL_NULL || v->kind == HCL_NULL)
		return v;
	if (t->kind < HCL_TUPLE)
		return convert_plain(h, at, v, t->kind);
	if (t->kind == HCL_TUPLE)
		return v->kind == HCL_TUPLE ? convert_tuple(h, at, v, t) : convert_lost(h, at, v, "a tuple");
	if (t->kind == HCL_OBJECT)
		return hcl_is_mapping(v) ? convert_object(h, at, v, t) : convert_lost(h, at, v, "an object");
	if (t->kind == HCL_MAP)
		return hcl_is_mapping(v) ? convert_elements(h, at, v, HCL_MAP, t->items[0]) : convert_lost(h, at, v, "a map");
	return hcl_is_sequence(v) ? convert_elements(h, at, v, t->kind, t->items[0])
				  : convert_lost(h, at, v, t->kind == HCL_SET ? "a set" : "a list");
}

const struct hcl_value *hcl_to_list(struct hcl *h, struct node_place at, const struct hcl_value *v, enum hcl_kind kind)
{
	return hcl_is_sequence(v) ? convert_elements(h, at, v, kind, &any_type)
				  : convert_lost(h, at, v, kind == HCL_SET ? "a set" : "a list");
}
