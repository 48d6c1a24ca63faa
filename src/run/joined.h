/* Namespaces that a task has in common with another of its job ("task:NAME"): where they are. Internal to run. */
#pragma once
#include "job-state.h"

struct joined {
	char *pid, *ipc, *uts; /* paths of what the other's first process has; NULL: its own */
};
/* What is joined has been created. */
void joined_paths(const struct run_task *, struct joined *ret);
void joined_done(struct joined *);
/* A job that is started again has a spec with the paths of its last run: they are replaced in its record. */
int joined_again(struct run_task *, const struct ctx *, struct err *err);
