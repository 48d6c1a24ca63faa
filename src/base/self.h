/* Where our own programs stand: beside our executable, so that an installed tree can be moved. */
#pragma once
#include "err.h"

/* The absolute path of program @name: beside our executable, in ../libexec/davit, or in the build tree's own folders.
 * The caller frees. ERR_NOT_FOUND when it is not installed. */
int self_find(const char *name, char **ret_path, struct err *err);
