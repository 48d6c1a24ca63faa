/* What has been written over a tree: overlay's upper folder against what lies below it. */
#pragma once
#include "ctx.h"
#include "strv.h"

/* @kind: 'A' added, 'C' changed, 'D' deleted; @path is absolute. An error of it ends the walk. */
typedef int tree_diff_fn(void *arg, char kind, const char *path, struct err *err);
/* @upper: the upper folder; @lower: the tree below it, -1: there is none. Both may change meanwhile: what is gone is passed over,
 * nothing is followed. A folder is changed where owner or mode differ, or something in it was added or deleted. @made: paths that
 * were made to mount something there, which are no addition. In the order of names, folder by folder. -ERR_EXHAUSTED: deeper than
 * 256 folders. */
int tree_diff(int upper, int lower, const struct strv *made, const struct ctx *, tree_diff_fn *, void *arg, struct err *err);
