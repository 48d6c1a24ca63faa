#include "hcl-json.h"
#include "tree-json.h"
#include "utf8.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void hcl_json_quote(struct buf *out, const char *s, size_t n)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";

	buf_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		const char *at = s[i] ? strchr(from, s[i]) : NULL;

		if (at) {
			buf_addc(out, '\\');
			buf_addc(out, to[at - from]);
		} else if ((unsigned char)s[i] < 0x20 || strchr("<>&", s[i])) {
			buf_addf(out, "\\u%04x", (unsigned)(unsigned char)s[i]);
		} else if (n - i > 2 && !memcmp(s + i, "\xe2\x80", 2) && ((unsigned char)s[i + 2] | 1) == 0xa9) {
			buf_addf(out, "\\u20%02x", (unsigned)(unsigned char)s[i + 2] - 0x80);
			i += 2;
		} else {
			buf_addc(out, s[i]);
		}
	}
	buf_addc(out, '"');
}

static int json_write_many(struct hcl *h, struct node_place at, const struct hcl_value *v, struct buf *out)
{
	int r = 0;

	buf_addc(out, v->keys ? '{' : '[');
	for (uint32_t i = 0; i < v->n && r >= 0; i++) {
		if (i)
			buf_addc(out, ',');
		if (v->keys) {
			hcl_json_quote(out, v->keys[i], strlen(v->keys[i]));
			buf_addc(out, ':');
		}
		r = hcl_json_write(h, at, v->items[i], out);
	}
	buf_addc(out, v->keys ? '}' : ']');
	return r;
}

int hcl_json_write(struct hcl *h, struct node_place at, const struct hcl_value *v, struct buf *out)
{
	int r = hcl_spend(h, 1);

	if (r < 0)
		return r;
	if (out->len > HCL_TEXT_MAX)
		return hcl_bad(h, at, "a text of more than %d MiB", HCL_TEXT_MAX >> 20);
	switch (v->kind) {
	case HCL_NULL: buf_adds(out, "null"); return 0;
	case HCL_BOOL: buf_adds(out, v->yes ? "true" : "false"); return 0;
	case HCL_NUMBER: hcl_number_text(out, v->number); return 0;
	case HCL_TEXT: hcl_json_quote(out, v->text, v->n); return 0;
	case HCL_TUPLE:
	case HCL_LIST:
	case HCL_SET:
	case HCL_OBJECT:
	case HCL_MAP: break;
	}
	return json_write_many(h, at, v, out);
}

static const struct hcl_value *hcl_from_many(struct hcl *h, const struct node *n,
					     const struct hcl_value *(*text)(struct hcl *, const struct node *))
{
	const bool map = n->kind == NODE_MAP;
	struct hcl_value *v = hcl_items(h, map ? HCL_OBJECT : HCL_TUPLE, n->n);
	uint32_t i = 0;

	if (!v)
		return NULL;
	for (const struct node *m = n->first; m; m = m->next, i++) {
		v->items[i] = hcl_from_node(h, m, text);
		if (map)
			v->keys[i] = hcl_copy(h, m->key, strlen(m->key));
		if (!v->items[i] || (map && !v->keys[i]))
			return NULL;
	}
	return map ? hcl_members(h, HCL_OBJECT, v->keys, v->items, n->n) : v;
}

static const struct hcl_value *hcl_from_number(struct hcl *h, const struct node *n)
{
	char *end;
	const long double number = strtold(n->text, &end);

	if (!*end && isfinite(number))
		return hcl_number(h, number);
	(void)hcl_bad(h, n->at, "%.40s: no number, or one too large", n->text); /* YAML's .inf and .nan */
	return NULL;
}

const struct hcl_value *hcl_from_node(struct hcl *h, const struct node *n,
				      const struct hcl_value *(*text)(struct hcl *, const struct node *))
{
	switch (n->kind) {
	case NODE_NULL: return &hcl_null;
	case NODE_BOOL: return n->yes ? &hcl_true : &hcl_false;
	case NODE_NUMBER: return hcl_from_number(h, n);
	case NODE_TEXT: return text ? text(h, n) : hcl_text(h, n->text, strlen(n->text));
	case NODE_LIST:
	case NODE_MAP: break;
	}
	return hcl_from_many(h, n, text);
}

const struct hcl_value *hcl_json_read(struct hcl *h, struct node_place at, const char *s, size_t n)
{
	_cleanup_tree_ struct tree t = { .file = "JSON" };
	int r = hcl_spend(h, n / 2);

	if (r >= 0) {
		r = tree_json(s, n, &t, h->err);
		if (r < 0)
			(void)hcl_at(h, at, r);
	}
	return r < 0 ? NULL : hcl_from_node(h, t.root, NULL);
}
