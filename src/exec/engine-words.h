/* The OCI engine says in its own words why a command cannot be started; people and scripts want it said as Docker's exit codes do.
 */
#pragma once
#include "err.h"

/* A message about the command becomes an error with the exit code 126 or 127; others stay. Returns the code. @where: "image", "job"
 * or "task". */
int exec_error(const char *command, const char *where, int r, struct err *err);
/* One about a limit that the kernel refused begins with the controller's name. */
int limit_error(int r, struct err *err);
/* Docker's exit code for an error of job_run() and job_exec(): 125, 126 (cannot be invoked), 127 (not found). */
int exit_code_of(const struct err *err);
