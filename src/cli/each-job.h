/* Commands that take jobs by their names, or those of a set. */
#pragma once
#include "cli.h"

/* cli_each() of @names, or of the jobs of @set (NULL: none was given), in the order in which they are stopped. One of both must be
 * given: else the error is that of @cmd without an argument. */
int cli_each_job(struct cli *, const struct command *cmd, const char *set, const struct strv *names, cli_each_fn *one, void *arg,
		 struct err *err);
