/* A copy of a folder with all that is below it: owners, modes, times, extended attributes, hard links, holes. Whoever else changes
 * names in the copy meanwhile leads nothing out of it. */
#pragma once
#include "ctx.h"
#include <stdbool.h>
#include <sys/stat.h>

/* What is in folder @from into folder @to, which gets its owner, mode and times at the end. @again: a copy that was cut off may
 * have left some of it there; else what is there already is an error. Ends with @ctx. */
int tree_copy(int from, int to, bool again, const struct ctx *, struct err *err);
/* Only the folder itself: owner, mode and times as @st says (moving out of @from changes its time), and its attributes. */
int tree_copy_meta(int from, int to, const struct stat *st, struct err *err);
