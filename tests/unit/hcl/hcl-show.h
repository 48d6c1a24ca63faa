/* A tree as text: {a: 1, b: [2, "x"]}; a block's type and labels have a star behind them. With @places each value has @LINE:COLUMN.
 */
#pragma once
#include "buf.h"
#include "hcl.h"

static void hcl_show(const struct node *n, bool places, struct buf *out)
{
	if (n->key)
		buf_addf(out, "%s%s: ", n->key, n->block ? "*" : "");
	switch (n->kind) {
	case NODE_NULL: buf_adds(out, "null"); break;
	case NODE_BOOL: buf_adds(out, n->yes ? "true" : "false"); break;
	case NODE_NUMBER: buf_adds(out, n->text); break;
	case NODE_TEXT: buf_addf(out, "\"%s\"", n->text); break;
	case NODE_LIST:
	case NODE_MAP:
		buf_addc(out, n->kind == NODE_MAP ? '{' : '[');
		for (const struct node *m = n->first; m; m = m->next) {
			buf_adds(out, m == n->first ? "" : ", ");
			hcl_show(m, places, out);
		}
		buf_addc(out, n->kind == NODE_MAP ? '}' : ']');
		break;
	}
	if (places)
		buf_addf(out, "@%u:%u", n->at.line, n->at.column);
}
