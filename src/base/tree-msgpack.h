/* MessagePack into a tree, and out of one: the values that Nomad gives to its plugins (cty's encoding: objects as maps, every key
 * there; numbers as the smallest integer, else float64, else a text of decimal digits), and what a plugin keeps with Nomad. */
#pragma once
#include "buf.h"
#include "tree.h"

enum { TREE_MSGPACK_MAX = 4 << 20 };

/* One value and nothing behind it, at most TREE_DEPTH_MAX deep and TREE_MSGPACK_MAX long. Its maps have texts as keys, none twice;
 * texts are UTF-8 without NUL; numbers are finite, and become NODE_NUMBER in decimal digits. Bytes (bin) and extensions are
 * refused. Nothing is allocated for a count that the bytes which are there cannot hold. @tree is empty but for its file's name; a
 * place in it has line 1, and the offset + 1 as its column; what it holds after an error is only good for tree_done().
 * -ERR_INVALID: "FILE:1:COLUMN: cause". -ERR_EXHAUSTED: too long, or the tree would be too large. */
int tree_msgpack(const void *data, size_t len, struct tree *, struct err *err);

/* Append one value; behind a map or a list follow its members (of a map a key, then its value, each). */
void msgpack_map(struct buf *, size_t n);
void msgpack_list(struct buf *, size_t n);
void msgpack_text(struct buf *, const char *); /* NULL: nil */
void msgpack_int(struct buf *, int64_t);
void msgpack_float(struct buf *, double);
void msgpack_bool(struct buf *, bool);
void msgpack_nil(struct buf *);
/* All of a tree. A number that is no int64_t goes as a float64. */
void msgpack_node(struct buf *, const struct node *);
