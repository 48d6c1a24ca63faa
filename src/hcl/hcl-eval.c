/* One function for each kind of expression. What has been evaluated is never looked at again but by its value, so that a value that
 * many share costs once. */
#include "hcl-eval.h"
#include "hcl-function.h"
#include "hcl-type.h"
#include "hcl-variable.h"
#include <math.h>
#include <string.h>

enum {
	FORGET_STEPS = 200, /* what an error that is forgotten costs */
	NESTED_MAX = 1000,
};

bool hcl_forget(struct hcl *h)
{
	if (h->spent)
		return false;
	err_clear(h->err);
	return hcl_spend(h, FORGET_STEPS) >= 0;
}

static const struct hcl_value *eval_bad(struct hcl *h, const struct hcl_expr *e, const char *what)
{
	(void)hcl_bad(h, e->at, "%s", what);
	return NULL;
}

const char *hcl_eval_text(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope, const char *what)
{
	const struct hcl_value *v = hcl_eval(h, e, scope), *text = v ? hcl_to_text(h, v) : NULL;

	if (v && !text && !h->spent)
		(void)hcl_bad(h, e->at, "%s is %s, not a text", what, hcl_kind_name(v));
	return text ? text->text : NULL;
}

/* @to grows by the text of @v. */
static int eval_text_add(struct hcl *h, struct node_place at, struct buf *to, const struct hcl_value *v)
{
	const struct hcl_value *text = hcl_to_text(h, v);

	if (!text)
		return h->spent ? -ERR_EXHAUSTED : hcl_bad(h, at, "%s in a text", hcl_kind_name(v));
	if (to->len + text->n > HCL_TEXT_MAX)
		return hcl_bad(h, at, "a text of more than %d MiB", HCL_TEXT_MAX >> 20);
	buf_add(to, text->text, text->n);
	return 0;
}

static const struct hcl_value *eval_template(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (const struct hcl_expr *part = e->first; part; part = part->next) {
		const struct hcl_value *v = hcl_eval(h, part, scope);

		if (!v || eval_text_add(h, part->at, &b, v) < 0)
			return NULL;
	}
	return hcl_text_buf(h, e->at, &b);
}

static const struct hcl_value *eval_join(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *all = hcl_eval(h, e->first, scope);
	_cleanup_buf_ struct buf b = { 0 };

	for (uint32_t i = 0; all && i < all->n; i++)
		if (eval_text_add(h, e->at, &b, all->items[i]) < 0)
			return NULL;
	return all ? hcl_text_buf(h, e->at, &b) : NULL;
}

static const struct hcl_value *hcl_get_attr(struct hcl *h, const struct hcl_expr *step, const struct hcl_value *of)
{
	const struct hcl_value *v = hcl_is_mapping(of) ? hcl_member(of, step->text) : NULL;

	if (!v && hcl_is_mapping(of))
		(void)hcl_bad(h, step->at, "there is no %s in it", step->text);
	else if (!v)
		(void)hcl_bad(h, step->at, "%s has no %s", hcl_kind_name(of), step->text);
	return v;
}

static const struct hcl_value *hcl_get_element(struct hcl *h, struct node_place at, const struct hcl_value *of,
					       const struct hcl_value *key)
{
	long double i;

	if (!hcl_to_number(key, &i))
		(void)hcl_bad(h, at, "an index is a number, not %s", hcl_kind_name(key));
	else if (i < 0 || i != floorl(i))
		(void)hcl_bad(h, at, "an index is a whole number from 0");
	else if (i >= of->n)
		(void)hcl_bad(h, at, "the index %.0Lf is not among %u elements", i, of->n);
	else
		return of->items[(uint32_t)i];
	return NULL;
}

static const struct hcl_value *hcl_get_key(struct hcl *h, struct node_place at, const struct hcl_value *of,
					   const struct hcl_value *key)
{
	const struct hcl_value *text, *v;

	if (of->kind == HCL_TUPLE || of->kind == HCL_LIST)
		return hcl_get_element(h, at, of, key);
	if (!hcl_is_mapping(of)) {
		(void)hcl_bad(h, at, "%s has no indexes", hcl_kind_name(of));
		return NULL;
	}
	text = hcl_to_text(h, key);
	v = text ? hcl_member(of, text->text) : NULL;
	if (!v && !h->spent)
		(void)hcl_bad(h, at, "there is no %s in it", text ? text->text : hcl_kind_name(key));
	return v;
}

static const struct hcl_value *hcl_take_steps(struct hcl *h, const struct hcl_expr *step, const struct hcl_value *v)
{
	for (; step && v; step = step->next)
		v = step->kind == EXPR_ATTR ? hcl_get_attr(h, step, v) : hcl_get_key(h, step->at, v, step->value);
	return v;
}

static const struct hcl_value *eval_steps(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	return hcl_take_steps(h, e->first->next, hcl_eval(h, e->first, scope));
}

/* A name that means nothing here is for who runs the job: as it is written. */
static const struct hcl_value *eval_unknown_name(struct hcl *h, const struct hcl_expr *e)
{
	_cleanup_buf_ struct buf b = { 0 };

	if (h->plain) {
		(void)hcl_bad(h, e->at, "%s: no names here, only values", e->text);
		return NULL;
	}
	buf_adds(&b, e->quoted ? "" : "${");
	buf_add(&b, e->begin, (size_t)(e->end - e->begin));
	buf_adds(&b, e->quoted ? "" : "}");
	return hcl_text_buf(h, e->at, &b);
}

/* var.NAME..., local.NAME... */
static const struct hcl_value *eval_given(struct hcl *h, const struct hcl_expr *e, bool local)
{
	const struct hcl_expr *step = e->first;
	const char *name = NULL;

	if (step && step->kind == EXPR_ATTR)
		name = step->text;
	else if (step && step->value->kind == HCL_TEXT)
		name = step->value->text;
	if (!name)
		return hcl_take_steps(h, step, hcl_names_object(h, local ? h->locals : h->variables, e->at));
	return hcl_take_steps(h, step->next, local ? hcl_local(h, name, step->at) : hcl_variable(h, name, step->at));
}

static const struct hcl_value *eval_name(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	for (; scope; scope = scope->outer)
		if (!strcmp(scope->name, e->text))
			return hcl_take_steps(h, e->first, scope->value);
	if (h->variables && !h->plain && !strcmp(e->text, "var"))
		return eval_given(h, e, false);
	if (h->locals && !h->plain && !strcmp(e->text, "local"))
		return eval_given(h, e, true);
	return eval_unknown_name(h, e);
}

static const struct hcl_value *eval_index(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *of = hcl_eval(h, e->first, scope), *key = of ? hcl_eval(h, e->last, scope) : NULL;

	return key ? hcl_get_key(h, e->at, of, key) : NULL;
}

static const struct hcl_value *eval_splat(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *of = hcl_eval(h, e->first, scope), *const was = h->each;
	const bool many = of && hcl_is_sequence(of);
	struct hcl_value *v;

	if (!of)
		return NULL;
	v = hcl_items(h, many && of->kind != HCL_TUPLE ? HCL_LIST : HCL_TUPLE, many ? of->n : of->kind != HCL_NULL);
	for (uint32_t i = 0; v && i < v->n; i++) {
		h->each = many ? of->items[i] : of;
		v->items[i] = hcl_eval(h, e->last, scope);
		if (!v->items[i])
			v = NULL;
	}
	h->each = was;
	return v;
}

static const struct hcl_value *eval_unary(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *v = hcl_eval(h, e->first, scope);
	long double number;
	bool yes;

	if (!v)
		return NULL;
	if (e->kind == EXPR_NOT)
		return hcl_to_bool(v, &yes) ? (yes ? &hcl_false : &hcl_true) : eval_bad(h, e, "\"!\" wants a bool");
	return hcl_to_number(v, &number) ? hcl_number(h, -number) : eval_bad(h, e, "\"-\" wants a number");
}

static const struct hcl_value *hcl_calculate(struct hcl *h, const struct hcl_expr *e, long double a, long double b)
{
	long double r;

	if (b == 0 && (e->op == OP_DIV || e->op == OP_MOD))
		return eval_bad(h, e, "a division by zero");
	if (e->op == OP_ADD)
		r = a + b;
	else if (e->op == OP_SUB)
		r = a - b;
	else if (e->op == OP_MUL)
		r = a * b;
	else
		r = e->op == OP_DIV ? a / b : fmodl(a, b);
	return fabsl(r) < 1e300L ? hcl_number(h, r) : eval_bad(h, e, "a number that is too large");
}

static const struct hcl_value *hcl_compare_numbers(enum hcl_op op, long double a, long double b)
{
	const bool yes = op == OP_GT ? a > b : op == OP_GE ? a >= b : op == OP_LT ? a < b : a <= b;

	return yes ? &hcl_true : &hcl_false;
}

static const struct hcl_value *eval_logic(struct hcl *h, const struct hcl_expr *e, const struct hcl_value *a,
					  const struct hcl_value *b)
{
	bool x, y;

	if (!hcl_to_bool(a, &x) || !hcl_to_bool(b, &y))
		return eval_bad(h, e, e->op == OP_OR ? "\"||\" wants two bools" : "\"&&\" wants two bools");
	return (e->op == OP_OR ? x || y : x && y) ? &hcl_true : &hcl_false;
}

/* Both sides count, whatever the first is. */
static const struct hcl_value *eval_binary(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	static const char *const signs[] = { "||", "&&", "==", "!=", ">", ">=", "<", "<=", "+", "-", "*", "/", "%" };
	const struct hcl_value *a = hcl_eval(h, e->first, scope), *b = a ? hcl_eval(h, e->last, scope) : NULL;
	long double x, y;

	if (!b)
		return NULL;
	if (e->op == OP_OR || e->op == OP_AND)
		return eval_logic(h, e, a, b);
	if (e->op == OP_EQ || e->op == OP_NE) {
		const bool equal = hcl_compare(h, a, b) == 0;

		return h->spent ? NULL : equal == (e->op == OP_EQ) ? &hcl_true : &hcl_false;
	}
	if (!hcl_to_number(a, &x) || !hcl_to_number(b, &y)) {
		const struct hcl_value *wrong = hcl_to_number(a, &x) ? b : a;

		(void)hcl_bad(h, e->at, "\"%s\" wants two numbers, not %s%s", signs[e->op], hcl_kind_name(wrong),
			      e->op == OP_ADD && wrong->kind == HCL_TEXT ? " (texts are joined as \"${a}${b}\")" : "");
		return NULL;
	}
	return e->op < OP_ADD ? hcl_compare_numbers(e->op, x, y) : hcl_calculate(h, e, x, y);
}

/* Both sides are made of one type: c ? 1 : "x" is a text in any case. */
static const struct hcl_value *hcl_common(struct hcl *h, const struct hcl_expr *e, const struct hcl_value *v,
					  const struct hcl_value *other)
{
	const struct hcl_type *mine, *theirs, *type;

	if (v->kind == HCL_NULL || other->kind == HCL_NULL || (v->kind == other->kind && v->kind < HCL_TUPLE))
		return v;
	mine = hcl_type_of(h, v);
	theirs = mine ? hcl_type_of(h, other) : NULL;
	type = theirs ? hcl_type_common(h, mine, theirs) : NULL;
	if (!type) {
		if (!h->spent)
			(void)hcl_bad(h, e->at, "a conditional whose sides are of no common type: %s and %s", hcl_kind_name(v),
				      hcl_kind_name(other));
		return NULL;
	}
	return hcl_convert(h, e->at, v, type);
}

static const struct hcl_value *eval_condition(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *condition = hcl_eval(h, e->first, scope), *v, *other;
	bool yes;

	if (!condition)
		return NULL;
	if (!hcl_to_bool(condition, &yes))
		return eval_bad(h, e, "a condition is a bool");
	v = hcl_eval(h, yes ? e->first->next : e->last, scope);
	if (!v)
		return NULL;
	other = hcl_eval(h, yes ? e->last : e->first->next, scope);
	if (!other)
		return hcl_forget(h) ? v : NULL;
	return hcl_common(h, e, v, other);
}

static const struct hcl_value *eval_tuple(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	struct hcl_value *v = hcl_items(h, HCL_TUPLE, e->n);
	uint32_t i = 0;

	for (const struct hcl_expr *item = e->first; v && item; item = item->next) {
		v->items[i] = hcl_eval(h, item, scope);
		if (!v->items[i++])
			return NULL;
	}
	return v;
}

static const struct hcl_value *eval_object(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const size_t n = e->n / 2;
	const struct hcl_value **items = hcl_array(h, const struct hcl_value *, n);
	const char **keys = hcl_array(h, const char *, n);
	const struct hcl_expr *key = e->first;

	if (!items || !keys)
		return NULL;
	for (size_t i = 0; i < n; i++, key = key->next->next) {
		keys[i] = hcl_eval_text(h, key, scope, "a key");
		items[i] = keys[i] ? hcl_eval(h, key->next, scope) : NULL;
		if (!items[i])
			return NULL;
	}
	return hcl_members(h, HCL_OBJECT, keys, items, n);
}

/* What a for gives: values, and in braces keys. */
struct loop {
	const struct hcl_expr *e, *value, *key, *condition;
	const char **keys;
	const struct hcl_value **items;
	uint32_t n;
};

static int loop_begin(struct hcl *h, struct loop *loop, const struct hcl_value *of)
{
	const struct hcl_expr *e = loop->e;

	if (!hcl_is_sequence(of) && !hcl_is_mapping(of))
		return hcl_bad(h, e->first->at, "for goes through lists, sets, maps and objects, not %s", hcl_kind_name(of));
	loop->value = e->first->next;
	loop->key = e->has_key ? loop->value->next : NULL;
	loop->condition = e->has_if ? e->last : NULL;
	loop->items = hcl_array(h, const struct hcl_value *, of->n);
	loop->keys = hcl_array(h, const char *, of->n);
	return loop->items && loop->keys ? 0 : -ERR_EXHAUSTED;
}

static const struct hcl_value *loop_key(struct hcl *h, const struct hcl_value *of, uint32_t i)
{
	if (hcl_is_mapping(of))
		return hcl_text(h, of->keys[i], strlen(of->keys[i]));
	return of->kind == HCL_SET ? of->items[i] : hcl_number(h, i);
}

static int loop_turn(struct hcl *h, struct loop *loop, const struct hcl_scope *scope)
{
	bool yes = true;

	if (loop->condition) {
		const struct hcl_value *v = hcl_eval(h, loop->condition, scope);

		if (!v)
			return -ERR_INVALID;
		if (!hcl_to_bool(v, &yes))
			return hcl_bad(h, loop->condition->at, "the condition of a for is a bool, not %s", hcl_kind_name(v));
	}
	if (!yes)
		return 0;
	if (loop->key) {
		loop->keys[loop->n] = hcl_eval_text(h, loop->key, scope, "a key");
		if (!loop->keys[loop->n])
			return -ERR_INVALID;
	}
	loop->items[loop->n] = hcl_eval(h, loop->value, scope);
	if (!loop->items[loop->n])
		return -ERR_INVALID;
	loop->n++;
	return 0;
}

/* Keys that stand again: their values are gathered. All values sorted by key, those of one key as they came, are the groups. */
static const struct hcl_value *loop_groups(struct hcl *h, struct loop *loop)
{
	const struct hcl_value **sorted = loop->items;
	struct hcl_value *groups, *group = NULL;

	if (hcl_sort_members(h, loop->keys, sorted, loop->n) < 0)
		return NULL;
	groups = hcl_items(h, HCL_OBJECT, loop->n);
	if (!groups)
		return NULL;
	groups->n = 0;
	for (uint32_t i = 0; i < loop->n; i++) {
		if (!group || strcmp(loop->keys[i], loop->keys[i - 1]) != 0) {
			group = hcl_items(h, HCL_TUPLE, 0);
			if (!group)
				return NULL;
			group->items = sorted + i;
			groups->keys[groups->n] = loop->keys[i];
			groups->items[groups->n++] = group;
		}
		group->n++;
	}
	return groups;
}

static const struct hcl_value *loop_end(struct hcl *h, struct loop *loop)
{
	const struct hcl_value *all;
	struct hcl_value *v;

	if (loop->e->group)
		return loop_groups(h, loop);
	if (loop->key) {
		all = hcl_members(h, HCL_OBJECT, loop->keys, loop->items, loop->n);
		if (all && all->n < loop->n)
			return eval_bad(h, loop->e, "a key that a for gives twice (KEY => VALUE... gathers the values)");
		return all;
	}
	v = hcl_items(h, HCL_TUPLE, loop->n);
	if (v && loop->n)
		memcpy(v->items, loop->items, loop->n * sizeof *v->items);
	return v;
}

static const struct hcl_value *eval_for(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *of = hcl_eval(h, e->first, scope);
	struct loop loop = { .e = e };

	if (!of || loop_begin(h, &loop, of) < 0)
		return NULL;
	for (uint32_t i = 0; i < of->n; i++) {
		struct hcl_scope key = { .name = e->for_key, .outer = scope },
				 value = { .name = e->text, .value = of->items[i], .outer = scope };

		if (e->for_key) {
			key.value = loop_key(h, of, i);
			value.outer = &key;
			if (!key.value)
				return NULL;
		}
		if (loop_turn(h, &loop, &value) < 0)
			return NULL;
	}
	return loop_end(h, &loop);
}

static const struct hcl_value *eval_kind(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	switch (e->kind) {
	case EXPR_VALUE:
	case EXPR_KEY: return e->value;
	case EXPR_TEMPLATE: return eval_template(h, e, scope);
	case EXPR_JOIN: return eval_join(h, e, scope);
	case EXPR_WRAP: return hcl_eval(h, e->first, scope);
	case EXPR_NAME: return eval_name(h, e, scope);
	case EXPR_STEPS: return eval_steps(h, e, scope);
	case EXPR_INDEX: return eval_index(h, e, scope);
	case EXPR_SPLAT: return eval_splat(h, e, scope);
	case EXPR_EACH: return h->each;
	case EXPR_NOT:
	case EXPR_MINUS: return eval_unary(h, e, scope);
	case EXPR_BINARY: return eval_binary(h, e, scope);
	case EXPR_CONDITION: return eval_condition(h, e, scope);
	case EXPR_FOR: return eval_for(h, e, scope);
	case EXPR_TUPLE: return eval_tuple(h, e, scope);
	case EXPR_OBJECT: return eval_object(h, e, scope);
	case EXPR_CALL: return hcl_call(h, e, scope);
	case EXPR_ATTR: break;
	}
	return eval_bad(h, e, "no value");
}

const struct hcl_value *hcl_eval(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	const struct hcl_value *v = NULL;

	if (hcl_spend(h, 1) < 0)
		return NULL;
	if (h->nested == NESTED_MAX)
		return eval_bad(h, e, "more than 1000 values that depend on one another");
	h->nested++;
	v = eval_kind(h, e, scope);
	h->nested--;
	if (v && e->kind >= EXPR_SPLAT && hcl_depth(v) > TREE_DEPTH_MAX)
		return eval_bad(h, e, "a value that is more than 64 levels deep");
	return v;
}
