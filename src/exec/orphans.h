/* Shims that containerd has lost: when a client dies in the middle of Tasks.Create, containerd forgets the shim that it was
 * starting, which then runs on without a task. */
#pragma once
#include "core.h"

/* Ends those of the core's containerd and namespace that have neither a task nor a container record (a job that is being
 * started or removed has one of them). Adds a line for each to @removed (may be NULL). @dry_run: only says so. */
int orphans_end(struct core *, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);
