/* What the host's cgroups can hold: which controllers there are and which of their files, with version 1, hybrid or version 2. In a
 * hybrid it is version 1 that the engines use. Looked for below @root ("" for the host). */
#pragma once
#include "err.h"
#include <stdbool.h>

/* A pure version 2. */
bool controllers_v2(const char *root);
bool controllers_have(const char *root, const char *controller);
/* -ERR_PRECONDITION that names @option and the controller, with what would bring it. */
int controllers_need(const char *root, const char *controller, const char *option, struct err *err);
/* Has a job's cgroup one of @files (words)? Some are not in the hierarchy's root, so another cgroup is looked at, too; where there
 * is none to look at, the engine has the last word. */
enum controllers_answer { CONTROLLERS_NO, CONTROLLERS_YES, CONTROLLERS_UNSEEN };
enum controllers_answer controllers_file(const char *root, const char *controller, const char *files);
