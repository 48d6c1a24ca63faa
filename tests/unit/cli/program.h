/* A program that a test runs to its end. */
#pragma once
#include "buf.h"

/* Run @path with @args (ended by NULL) and @input; what it wrote is added to @out and @errors (may be NULL). The exit
 * status, or -1 when a signal ended it; the test fails when it cannot be started or does not end within a minute. */
int program_run(const char *path, const char *const *args, const char *input, struct buf *out, struct buf *errors);
