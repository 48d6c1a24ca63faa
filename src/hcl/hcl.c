#include "hcl-tree.h"
#include "hcl-variable.h"
#include <string.h>

static int hcl_read_into(struct hcl *h, const char *data, size_t len, struct tree *tree)
{
	struct hcl_body *root = NULL;
	int r = hcl_parse_body(h, data, len, &root);

	if (r >= 0)
		r = hcl_variables(h, root);
	if (r >= 0)
		r = hcl_variables_check(h);
	return r < 0 ? r : hcl_tree(h, root, tree);
}

int hcl_read(const char *data, size_t len, const struct hcl_options *options, struct tree *tree, struct err *err)
{
	static const struct hcl_options none;
	struct err mine = ERR_INIT;
	struct hcl h = { .file = tree->file, .err = err ? err : &mine, .options = options ? options : &none };
	int r;

	if (len > HCL_SIZE_MAX)
		return err_set(err, ERR_EXHAUSTED, "%s: more than %d MiB", tree->file, HCL_SIZE_MAX >> 20);
	r = hcl_read_into(&h, data, len, tree);
	if (r < 0)
		r = -(int)h.err->code;
	hcl_done(&h);
	return r;
}

const struct node *hcl_next(const struct node *body, const char *type, const struct node *before)
{
	const struct node *n = before ? before->next : body && body->kind == NODE_MAP ? body->first : NULL;

	while (n && (!n->block || strcmp(n->key, type) != 0))
		n = n->next;
	return n;
}

const struct node *hcl_body(const struct node *block)
{
	while (block->labels)
		block = block->first;
	return block;
}

const struct node *hcl_label(const struct node *block, unsigned i)
{
	if (i >= block->labels)
		return NULL;
	for (block = block->first; i; i--)
		block = block->first;
	return block;
}
