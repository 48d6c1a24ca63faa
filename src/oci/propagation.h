/* Mount propagation: what a shared or slave bind asks of the host. */
#pragma once
#include "err.h"
#include "strv.h"

/* The word of a mount's options that counts (the last), or NULL. */
const char *propagation_of(const struct strv *options);
/* Of a bind with @word: -ERR_PRECONDITION where the mount that @source stands on is not shared, or for slave neither shared nor a
 * slave: the engine would say so after everything was made. @root: where /proc/self is
 * looked for, "" outside of tests. */
int propagation_check(const char *root, const char *source, const char *word, struct err *err);
