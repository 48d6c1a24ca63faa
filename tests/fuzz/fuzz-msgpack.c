/* Any bytes as MessagePack: within the tree's bounds, and what was taken is written and taken again as the same. */
#include "tree-msgpack.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void bounded(const struct node *n, unsigned depth)
{
	assert(depth <= TREE_DEPTH_MAX);
	if (n->kind == NODE_LIST || n->kind == NODE_MAP)
		for (const struct node *m = n->first; m; m = m->next) {
			assert((n->kind == NODE_MAP) == !!m->key);
			bounded(m, depth + 1);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_tree_ struct tree t = { .file = "f" }, again = { .file = "f" }, third = { .file = "f" };
	_cleanup_buf_ struct buf once = { 0 }, twice = { 0 };
	struct err err = ERR_INIT;
	int r = tree_msgpack(data, size, &t, &err);

	assert(t.used <= TREE_MAX);
	if (r < 0) {
		assert(!strncmp(err.msg, "f:", 2));
		return 0;
	}
	bounded(t.root, 1);
	msgpack_node(&once, t.root);
	assert(tree_msgpack(once.data, once.len, &again, NULL) == 0);
	msgpack_node(&twice, again.root);
	assert(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
	return 0;
}
