/* Children that nobody started: what a container or an engine leaves is reparented to the shim (PR_SET_CHILD_SUBREAPER). Each is
 * collected when it has ended: its PID namespace does not end before. Those that are known by a descriptor (reaper.h) are left to
 * it, and as long as an engine makes a process whose number is not known yet, all are. */
#pragma once
#include "loop.h"

struct shim;
void collect_init(struct shim *);
/* There may be some: SIGCHLD came. They are looked for in a turn to come. */
void collect_orphans(struct shim *);
