/* YAML into a tree, by libyaml's parser.
 *
 * Anchors, aliases and merge keys (<<, a map or a list of them: the map's own keys come first, then those of the first in the
 * list) are as if written out: nodes below an alias are shared, so such a tree is no more to store, but it is more to walk: what
 * it would be when written out is bounded. The place of an alias is where it stands; below it, places are those of the anchor.
 *
 * A plain scalar is what YAML 1.1 and 1.2 agree on: null, true, whole numbers (0x1f too), floats; where they do not (010, yes,
 * 1_000, 0o17) it is text. What is quoted is text. Keys are texts, as written. */
#pragma once
#include "tree.h"

/* As many values as a file may have, and bytes of texts, aliases written out. */
enum { YAML_VALUES_MAX = 100000, YAML_TEXTS_MAX = 16 << 20 };

/* One document. Refused besides what is no YAML: a second document, keys given twice, keys that are no scalars, tags but the core's
 * (!!str, !!int, !!float, !!bool, !!null, !!map, !!seq), a NUL in a text, more than TREE_DEPTH_MAX levels. @tree is empty but for
 * its file's name; what it holds after an error is only good for tree_done(). -ERR_INVALID: "FILE:LINE:COLUMN: cause".
 * -ERR_EXHAUSTED: too many values. */
int tree_yaml(const char *data, size_t len, struct tree *, struct err *err);
