/* For tests of options: JSON, with ' for ", as Nomad encodes it. */
#pragma once
#include "tree-json.h"
#include "tree-msgpack.h"
#include "test.h"

static inline void msgpack_of(const char *json, struct buf *out)
{
	_cleanup_tree_ struct tree t = { .file = "test" };
	_cleanup_buf_ struct buf text = { 0 };
	struct err err = ERR_INIT;

	for (; *json; json++)
		buf_addc(&text, *json == '\'' ? '"' : *json);
	if (tree_json(buf_str(&text), text.len, &t, &err) < 0)
		fail_msg("%s: %s", buf_str(&text), err.msg);
	msgpack_node(out, t.root);
}
