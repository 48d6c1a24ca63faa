/* A literal list or object is walked, so that each value in it keeps its place; of anything else the value is copied, all of it at
 * the place of the expression. */
#include "hcl-tree.h"
#include "hcl-variable.h"
#include <stdlib.h>
#include <string.h>

struct tree_out {
	struct hcl *h;
	struct tree *tree;
	unsigned depth;
	bool raw; /* in a driver's configuration, where Nomad repeats nothing */
};

static int tree_out_full(struct tree_out *out)
{
	return hcl_exhausted(out->h, "too many values in it: they would take more than 24 MiB");
}

/* @key is copied. NULL: the error is set. */
static struct node *out_node(struct tree_out *out, struct node *parent, enum node_kind kind, struct node_place at, const char *key,
			     struct node_place key_at)
{
	struct node *n = hcl_spend(out->h, 1) < 0 ? NULL : tree_add(out->tree, parent, kind, at);
	char *copy = n && key ? tree_room(out->tree, strlen(key) + 1) : NULL;

	if (out->h->spent)
		return NULL;
	if (!n || (key && !copy) || out->tree->used > HCL_TREE_MAX) {
		(void)tree_out_full(out);
		return NULL;
	}
	if (key) {
		memcpy(copy, key, strlen(key) + 1);
		n->key = copy;
		n->key_at = key_at;
	}
	return n;
}

static int out_down(struct tree_out *out, struct node_place at)
{
	if (out->depth == TREE_DEPTH_MAX)
		return hcl_bad(out->h, at, "more than %d levels deep", TREE_DEPTH_MAX);
	out->depth++;
	return 0;
}

struct out_key {
	const char *text; /* NULL: of a list's element */
	struct node_place at;
};

static int out_text(struct tree_out *out, struct node *n, const char *text, size_t len)
{
	char *room = hcl_spend(out->h, len / 64) < 0 ? NULL : tree_room(out->tree, len + 1);

	if (!room)
		return out->h->spent ? -ERR_EXHAUSTED : tree_out_full(out);
	memcpy(room, text, len + 1);
	n->text = room;
	return 0;
}

static int out_number(struct tree_out *out, struct node *n, long double number)
{
	_cleanup_buf_ struct buf b = { 0 };

	hcl_number_text(&b, number == 0 ? 0 : number); /* never -0 */
	return out_text(out, n, buf_str(&b), b.len);
}

static int out_value(struct tree_out *out, struct node *parent, const struct hcl_value *v, struct node_place at, struct out_key key)
{
	static const enum node_kind kinds[] = { [HCL_NULL] = NODE_NULL, [HCL_BOOL] = NODE_BOOL,  [HCL_NUMBER] = NODE_NUMBER,
						[HCL_TEXT] = NODE_TEXT, [HCL_TUPLE] = NODE_LIST, [HCL_LIST] = NODE_LIST,
						[HCL_SET] = NODE_LIST,  [HCL_OBJECT] = NODE_MAP, [HCL_MAP] = NODE_MAP };
	struct node *n = out_node(out, parent, kinds[v->kind], at, key.text, key.at);
	int r = 0;

	if (!n)
		return -ERR_EXHAUSTED;
	if (v->kind == HCL_BOOL)
		n->yes = v->yes;
	if (v->kind == HCL_NUMBER)
		return out_number(out, n, v->number);
	if (v->kind == HCL_TEXT)
		return out_text(out, n, v->text, v->n);
	if (v->kind < HCL_TUPLE)
		return 0;
	r = out_down(out, at);
	for (uint32_t i = 0; i < v->n && r >= 0; i++)
		r = out_value(out, n, v->items[i], at, (struct out_key){ v->keys ? v->keys[i] : NULL, at });
	out->depth--;
	return r;
}

static int out_expr(struct tree_out *out, struct node *parent, const struct hcl_expr *e, const struct hcl_scope *scope,
		    struct out_key key);

static int out_tuple(struct tree_out *out, struct node *parent, const struct hcl_expr *e, const struct hcl_scope *scope,
		     struct out_key key)
{
	struct node *n = out_node(out, parent, NODE_LIST, e->at, key.text, key.at);
	int r = n ? out_down(out, e->at) : -ERR_EXHAUSTED;

	for (const struct hcl_expr *item = e->first; item && r >= 0; item = item->next)
		r = out_expr(out, n, item, scope, (struct out_key){ NULL, item->at });
	out->depth--;
	return r;
}

struct twice {
	struct node *node;
	uint32_t place;
};

static int hcl_twice_order(const void *a, const void *b)
{
	const struct twice *x = a, *y = b;
	const int c = strcmp(x->node->key, y->node->key);

	return c ? c : (x->place > y->place) - (x->place < y->place);
}

/* Of members of one key the last stays. */
static int hcl_drop_twice(struct hcl *h, struct node *map)
{
	struct twice *order = hcl_array(h, struct twice, map->n);
	struct node **link = &map->first;
	uint32_t i = 0;

	if (!order)
		return -ERR_EXHAUSTED;
	for (struct node *m = map->first; m; m = m->next, i++)
		order[i] = (struct twice){ m, i };
	qsort(order, map->n, sizeof *order, hcl_twice_order);
	for (i = 1; i < map->n; i++)
		if (!strcmp(order[i].node->key, order[i - 1].node->key))
			order[i - 1].node->labels = UINT8_MAX;
	map->last = NULL;
	while (*link) {
		if ((*link)->labels == UINT8_MAX) {
			*link = (*link)->next;
			map->n--;
		} else {
			map->last = *link;
			link = &(*link)->next;
		}
	}
	return hcl_spend(h, 4 * (size_t)i);
}

static int out_object(struct tree_out *out, struct node *parent, const struct hcl_expr *e, const struct hcl_scope *scope,
		      struct out_key key)
{
	struct node *n = out_node(out, parent, NODE_MAP, e->at, key.text, key.at);
	int r = n ? out_down(out, e->at) : -ERR_EXHAUSTED;

	for (const struct hcl_expr *name = e->first; name && r >= 0; name = name->next->next) {
		const char *text = hcl_eval_text(out->h, name, scope, "a key");

		r = text ? out_expr(out, n, name->next, scope, (struct out_key){ text, name->at }) : -ERR_INVALID;
	}
	out->depth--;
	return r < 0 || n->n < 2 ? r : hcl_drop_twice(out->h, n);
}

static int out_expr(struct tree_out *out, struct node *parent, const struct hcl_expr *e, const struct hcl_scope *scope,
		    struct out_key key)
{
	const struct hcl_value *v;

	while (e->kind == EXPR_WRAP)
		e = e->first;
	if (e->kind == EXPR_TUPLE)
		return out_tuple(out, parent, e, scope, key);
	if (e->kind == EXPR_OBJECT)
		return out_object(out, parent, e, scope, key);
	v = hcl_eval(out->h, e, scope);
	return v ? out_value(out, parent, v, e->at, key) : -ERR_INVALID;
}

static int out_body(struct tree_out *out, struct node *n, const struct hcl_body *body, const struct hcl_scope *scope);

/* A block of @type with @labels below @parent; its body. NULL: the error is set. */
static struct node *out_block(struct tree_out *out, struct node *parent, struct out_key type, const struct hcl_label *labels,
			      unsigned n_labels, struct node_place at)
{
	struct node *n = parent;

	for (unsigned i = 0; i <= n_labels && n; i++) {
		n = out_node(out, n, NODE_MAP, at, type.text, type.at);
		if (!n || i == n_labels)
			break;
		type = (struct out_key){ labels->text, labels->at };
		labels = labels->next;
		n->block = true;
		n->labels = (uint8_t)(n_labels - i);
	}
	if (n)
		n->block = true;
	return n;
}

static int out_static(struct tree_out *out, struct node *parent, const struct hcl_item *block, const struct hcl_scope *scope)
{
	struct node *n =
		out_block(out, parent, (struct out_key){ block->name, block->at }, block->labels, block->n_labels, block->body->at);
	int r = n ? out_down(out, block->at) : -ERR_EXHAUSTED;

	const bool raw = out->raw;

	if (r < 0)
		return r;
	out->raw = raw || !strcmp(block->name, "config");
	r = out_body(out, n, block->body, scope);
	out->raw = raw;
	out->depth--;
	return r;
}

/* dynamic "TYPE" { for_each, iterator, labels, content {} } */
struct dynamic {
	const char *type, *iterator;
	struct node_place at;
	const struct hcl_expr *for_each, *labels;
	const struct hcl_body *content;
};

static int dynamic_item(struct hcl *h, struct dynamic *d, const struct hcl_item *i)
{
	if (i->body && !strcmp(i->name, "content") && !i->n_labels && !d->content)
		d->content = i->body;
	else if (i->expr && !strcmp(i->name, "for_each"))
		d->for_each = i->expr;
	else if (i->expr && !strcmp(i->name, "labels"))
		d->labels = i->expr;
	else if (i->expr && !strcmp(i->name, "iterator") && i->expr->kind == EXPR_NAME && !i->expr->first)
		d->iterator = i->expr->text;
	else
		return hcl_bad(h, i->at, "a dynamic block has for_each, one content block, labels = [...] and iterator = NAME");
	return 0;
}

static int dynamic_read(struct hcl *h, const struct hcl_item *block, struct dynamic *d)
{
	if (block->n_labels != 1)
		return hcl_bad(h, block->at, "dynamic takes one label: the type of the blocks that it makes");
	*d = (struct dynamic){ .type = block->labels->text, .iterator = block->labels->text, .at = block->labels->at };
	for (const struct hcl_item *i = block->body->first; i; i = i->next) {
		int r = dynamic_item(h, d, i);

		if (r < 0)
			return r;
	}
	return d->for_each && d->content ? 0 : hcl_bad(h, block->at, "a dynamic block wants for_each and content");
}

static int dynamic_labels(struct hcl *h, const struct dynamic *d, const struct hcl_scope *scope, struct hcl_label **ret,
			  unsigned *ret_n)
{
	const struct hcl_value *v = d->labels ? hcl_eval(h, d->labels, scope) : NULL;

	if (!d->labels)
		return 0;
	if (!v)
		return -ERR_INVALID;
	if (!hcl_is_sequence(v) || v->n > 16)
		return hcl_bad(h, d->labels->at, "labels is a list of at most 16 texts");
	for (uint32_t i = 0; i < v->n; i++, ret = &(*ret)->next) {
		const struct hcl_value *text = hcl_to_text(h, v->items[i]);

		if (!text)
			return h->spent ? -ERR_EXHAUSTED : hcl_bad(h, d->labels->at, "labels is a list of texts");
		*ret = hcl_new(h, struct hcl_label);
		if (!*ret)
			return -ERR_EXHAUSTED;
		**ret = (struct hcl_label){ .text = text->text, .at = d->labels->at };
	}
	*ret_n = v->n;
	return 0;
}

static int dynamic_turn(struct tree_out *out, struct node *parent, const struct dynamic *d, const struct hcl_scope *scope)
{
	struct hcl_label *labels = NULL;
	unsigned n_labels = 0;
	struct node *n;
	int r = dynamic_labels(out->h, d, scope, &labels, &n_labels);

	if (r < 0)
		return r;
	n = out_block(out, parent, (struct out_key){ d->type, d->at }, labels, n_labels, d->content->at);
	r = n ? out_down(out, d->at) : -ERR_EXHAUSTED;
	if (r < 0)
		return r;
	r = out_body(out, n, d->content, scope);
	out->depth--;
	return r;
}

/* NAME.key and NAME.value. */
static const struct hcl_value *hcl_iterator_value(struct hcl *h, const struct hcl_value *of, uint32_t i)
{
	struct hcl_value *v = hcl_items(h, HCL_OBJECT, 2);

	if (!v)
		return NULL;
	v->keys[0] = "key";
	v->keys[1] = "value";
	v->items[1] = of->items[i];
	if (hcl_is_mapping(of))
		v->items[0] = hcl_text(h, of->keys[i], strlen(of->keys[i]));
	else
		v->items[0] = of->kind == HCL_SET ? of->items[i] : hcl_number(h, i);
	return v->items[0] ? v : NULL;
}

static int out_dynamic(struct tree_out *out, struct node *parent, const struct hcl_item *block, const struct hcl_scope *scope)
{
	struct dynamic d;
	const struct hcl_value *of;
	int r = dynamic_read(out->h, block, &d);

	if (r < 0)
		return r;
	of = hcl_eval(out->h, d.for_each, scope);
	if (!of)
		return -ERR_INVALID;
	if (!hcl_is_sequence(of) && !hcl_is_mapping(of))
		return hcl_bad(out->h, d.for_each->at, "for_each goes through lists, sets, maps and objects, not %s",
			       hcl_kind_name(of));
	for (uint32_t i = 0; i < of->n && r >= 0; i++) {
		const struct hcl_scope inner = { .name = d.iterator, .value = hcl_iterator_value(out->h, of, i), .outer = scope };

		r = inner.value ? dynamic_turn(out, parent, &d, &inner) : -ERR_EXHAUSTED;
	}
	return r;
}

static int out_body(struct tree_out *out, struct node *n, const struct hcl_body *body, const struct hcl_scope *scope)
{
	int r = 0;

	for (const struct hcl_item *i = body->first; i && r >= 0; i = i->next) {
		if (i->expr)
			r = out_expr(out, n, i->expr, scope, (struct out_key){ i->name, i->at });
		else if (!out->raw && !strcmp(i->name, "dynamic"))
			r = out_dynamic(out, n, i, scope);
		else
			r = out_static(out, n, i, scope);
	}
	return r;
}

static bool hcl_used_up(const struct hcl_item *i)
{
	return i->body && (!strcmp(i->name, "variable") || !strcmp(i->name, "variables") || !strcmp(i->name, "locals"));
}

int hcl_tree(struct hcl *h, const struct hcl_body *root, struct tree *tree)
{
	struct tree_out out = { .h = h, .tree = tree };
	struct node *n = out_node(&out, NULL, NODE_MAP, root->at, NULL, root->at);
	int r = n ? 0 : -ERR_EXHAUSTED;

	for (const struct hcl_item *i = root->first; i && r >= 0; i = i->next) {
		if (hcl_used_up(i))
			continue;
		r = i->expr ? out_expr(&out, n, i->expr, NULL, (struct out_key){ i->name, i->at }) : out_static(&out, n, i, NULL);
	}
	return r;
}
