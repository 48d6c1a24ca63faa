/* A tree as text: each node with its place, as 1:1{1:2'a'1:5=7}. */
#pragma once
#include "buf.h"
#include "tree.h"

static void tree_show(const struct node *n, struct buf *out)
{
	static const char open[] = "   \"[{", close[] = "   \"]}";

	if (n->key)
		buf_addf(out, "%u:%u'%s'", n->key_at.line, n->key_at.column, n->key);
	buf_addf(out, "%u:%u", n->at.line, n->at.column);
	if (n->kind == NODE_NULL)
		buf_adds(out, "null");
	else if (n->kind == NODE_BOOL)
		buf_adds(out, n->yes ? "true" : "false");
	else if (n->kind == NODE_NUMBER)
		buf_addf(out, "=%s", n->text);
	else
		buf_addc(out, open[n->kind]);
	if (n->kind == NODE_TEXT)
		buf_adds(out, n->text);
	for (const struct node *m = n->kind >= NODE_LIST ? n->first : NULL; m; m = m->next) {
		buf_adds(out, m == n->first ? "" : ",");
		tree_show(m, out);
	}
	if (n->kind >= NODE_TEXT)
		buf_addc(out, close[n->kind]);
}
