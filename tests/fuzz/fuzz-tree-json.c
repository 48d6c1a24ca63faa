/* json-c is the oracle: what the tree takes, it takes as well, with the same values; and the other way round but for halves of
 * characters, which it mends, zeros before a number, which it lets pass at the end, and a point with no digit behind it. */
#include "json.h"
#include "tree-json.h"
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct node *n, json *j)
{
	bool fits = false;
	int64_t whole = 0;
	size_t i = 0;

	assert((n->kind == NODE_NULL) == !j);
	assert(n->at.line >= 1 && n->at.column >= 1);
	if (n->kind == NODE_BOOL)
		assert(json_object_is_type(j, json_type_boolean) && json_object_get_boolean(j) == n->yes);
	if (n->kind == NODE_TEXT)
		assert(json_text(j) && !strcmp(json_text(j), n->text));
	if (n->kind == NODE_NUMBER && node_whole(n, &whole, &fits))
		assert(json_object_is_type(j, json_type_int) && (!fits || json_object_get_int64(j) == whole));
	else if (n->kind == NODE_NUMBER)
		assert(json_object_is_type(j, json_type_double));
	if (n->kind == NODE_LIST) {
		assert(json_object_is_type(j, json_type_array) && json_len(j) == n->n);
		for (const struct node *m = n->first; m; m = m->next)
			same(m, json_at(j, i++));
	}
	if (n->kind == NODE_MAP) {
		assert(json_object_is_type(j, json_type_object));
		for (const struct node *m = n->first; m; m = m->next)
			if (m == node_get(n, m->key)) /* the last of that key */
				same(m, json_get(j, m->key));
	}
}

static bool has_bare_point(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] == '.' && (i + 1 == size || data[i + 1] < '0' || data[i + 1] > '9'))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	_cleanup_json_ json *j = NULL;
	struct err err = ERR_INIT;
	int r = tree_json((const char *)data, size, &t, &err), oracle = json_parse((const char *)data, size, &j, NULL);

	assert(t.used <= TREE_MAX);
	assert(r >= 0 || !strncmp(err.msg, "f:", 2));
	if (r >= 0 && oracle != -ERR_EXHAUSTED) {
		assert(oracle >= 0);
		same(t.root, j);
	}
	if (r < 0 && oracle >= 0)
		assert(r == -ERR_EXHAUSTED || strstr(err.msg, "surrogate") || strstr(err.msg, "levels deep") ||
		       strstr(err.msg, "a 0 before it") || strstr(err.msg, "not UTF-8") /* above U+10FFFF */ ||
		       (strstr(err.msg, "not a number") && has_bare_point(data, size)));
	return 0;
}
