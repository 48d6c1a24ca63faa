/* A plugin has two seconds for its end, and a containerd or shim that is slow may start what it was asked to execute after them. So
 * what is not known to have ended by then is left to a process of its own, the same program, which kills and clears it: it goes
 * when that is done, or after EXEC_HEIR_MS. */
#pragma once
#include "exec-session.h"

#define EXEC_HEIR "--end-executed" /* how main() knows it; nobody else's to say */

enum { EXEC_HEIR_MS = 120000 };

/* Nothing where there is nothing left. */
void exec_heir_launch(const struct exec_sessions *, const char *address, const char *run_dir);
/* What is behind EXEC_HEIR on its command line, which ends with NULL. An exit code. */
int exec_heir_run(char *const *argv);
