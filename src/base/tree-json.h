/* Strict JSON (RFC 8259) in UTF-8 into a tree. */
#pragma once
#include "tree.h"

/* One value with nothing but white space around it, at most TREE_DEPTH_MAX deep, without NUL in any text or key. @tree is empty
 * but for its file's name; what it holds after an error is only good for tree_done().
 * -ERR_INVALID: "FILE:LINE:COLUMN: cause". -ERR_EXHAUSTED: the tree would be too large. */
int tree_json(const char *data, size_t len, struct tree *, struct err *err);
