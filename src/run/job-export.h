/* The root file system of a job, for an archive. */
#pragma once
#include "core.h"
#include "idmap.h"

/* What the job has as its root file system, without what is mounted in it: a folder to read, whether the job runs or not. The
 * caller closes it. What is in it is the job's: nothing in it is followed, and it may change meanwhile.
 * *@ret_ids: of its user namespace, whose owners its own files have on disk; n is 0 when it has none. */
int job_export_root(struct core *, const char *name, const struct ctx *, int *ret_fd, struct idmap *ret_ids, struct err *err);
