/* What a further process of a container that runs is, as containerd takes it. */
#pragma once
#include "ctrd.h"
#include "spec.h"

/* @process (its user is set here, and nothing else) in the container of @spec, whose first process is @pid. @user NULL: the
 * container's; else looked up in the job as it is now, with @groups (NULL: none) besides. The job's own files are looked at in any
 * case: may block for as long as its file systems do. */
int exec_spec(const struct ctrd_any *spec, pid_t pid, const char *user, const struct strv *groups, struct exec_process *process,
	      struct ctrd_any *ret, struct err *err);
