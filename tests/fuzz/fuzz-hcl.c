/* Whatever a job file or a -var has: an error with a place, or a tree that keeps what hcl.h promises. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "hcl.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promises_are_kept(const struct node *n, unsigned depth)
{
	uint32_t members = 0;

	assert(depth <= TREE_DEPTH_MAX + 1);
	assert(n->at.line && n->at.column);
	assert(!n->labels || (n->block && n->kind == NODE_MAP && n->n == 1 && n->first->labels == n->labels - 1));
	assert(!n->block || n->kind == NODE_MAP);
	if (n->kind == NODE_TEXT || n->kind == NODE_NUMBER)
		assert(n->text);
	if (n->kind < NODE_LIST)
		return;
	for (const struct node *m = n->first; m; m = m->next, members++) {
		assert(!m->key == (n->kind == NODE_LIST));
		assert(!m->next || m != n->last);
		promises_are_kept(m, depth + 1);
	}
	assert(members == n->n);
}

static void read_one(const char *data, size_t size, const struct hcl_options *options)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	struct err err = ERR_INIT;
	const int r = hcl_read(data, size, options, &t, &err);

	assert(r == 0 ? !err.code : -r == (int)err.code);
	if (r == 0)
		promises_are_kept(t.root, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char job[] = "variable \"x\" { type = list(string) }\ny = var.x\n";
	_cleanup_strv_ struct strv vars = { 0 };
	const struct hcl_options options = { .vars = &vars };

	read_one((const char *)data, size, NULL);
	if (size > 4096 || memchr(data, '\0', size))
		return 0;
	strv_pushf(&vars, "x=%.*s", (int)size, (const char *)data);
	read_one(job, sizeof job - 1, &options);
	return 0;
}
