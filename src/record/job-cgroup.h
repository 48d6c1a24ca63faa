/* A job's cgroup by its id: davit's own (cgroup.h), and one that somebody else has made for it (task.cgroup), which
 * RUN/NS/ID/cgroup names from before the task is made until the job's files go. */
#pragma once
#include "cgroup.h"
#include "core.h"

/* @path NULL: it has none. */
int job_cgroup_keep(const struct core *, const char *id, const char *path, struct err *err);
/* As in cgroup.h. */
bool job_cgroup_exists(const struct core *, const char *id);
int job_cgroup_pids(const struct core *, const char *id, struct cgroup_pids *ret, struct err *err);
int job_cgroup_kill(const struct core *, const char *id, const struct ctx *, struct err *err);
int job_cgroup_end(const struct core *, const char *id, const struct ctx *, struct err *err);
void job_cgroup_of(const struct core *, const char *id, struct cgroup_of *ret);
