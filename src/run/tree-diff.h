/* What has been written over a tree: overlay's upper folder against what lies below it, or one whole tree against another. */
#pragma once
#include "ctx.h"
#include "strv.h"

/* @kind: 'A' added, 'C' changed, 'D' deleted; @path is absolute. An error of it ends the walk. */
typedef int tree_diff_fn(void *arg, char kind, const char *path, struct err *err);
struct tree_diff {
	const struct strv *made; /* paths that were made to mount something there, which are no addition */
	bool whole;              /* @upper has all that there is, be it as it was below: then files are compared (tree-same.h) */
};
/* @upper: the upper folder; @lower: the tree below it, -1: there is none. Both may change meanwhile: what is gone is passed over,
 * nothing is followed. A folder is changed where owner or mode differ, or something in it was added or deleted. In the order of
 * names, folder by folder. -ERR_EXHAUSTED: deeper than 256 folders, or more names on the way down than fit into 64 MiB. */
int tree_diff(int upper, int lower, const struct tree_diff *, const struct ctx *, tree_diff_fn *, void *arg, struct err *err);
