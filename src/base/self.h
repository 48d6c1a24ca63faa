/* Of our own process: where our programs stand (beside our executable, so that an installed tree can be moved), and what our
 * environment says. */
#pragma once
#include "err.h"

/* The absolute path of program @name: beside our executable, in ../libexec/davit, or in the build tree's own folders; else the same
 * of the davit that PATH leads to, for one of our programs that was put elsewhere by itself. The caller frees. ERR_NOT_FOUND when
 * it is not installed. */
int self_find(const char *name, char **ret_path, struct err *err);
/* The variable's value; @otherwise when it is not set or empty. */
const char *self_env(const char *name, const char *otherwise);
