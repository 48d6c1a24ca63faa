/* Is what has one name in two folders the same? Both may be changed meanwhile by somebody hostile: nothing is followed, no device
 * and no FIFO opened, and no more is read than either was long when it was opened. */
#pragma once
#include "ctx.h"
#include <stdbool.h>
#include <sys/stat.h>

/* No folder. @a, @b: what was seen of @name in the folders @at_a and @at_b. By kind, owner, mode and time of change; then by what
 * is in it and its extended attributes, so that a time that was set back hides nothing. 1: it is, or it is gone by now. An error is
 * that of @ctx, or of a read. */
int tree_same(int at_a, int at_b, const char *name, const struct stat *a, const struct stat *b, const struct ctx *,
	      struct err *err);
