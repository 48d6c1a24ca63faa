/* Under davit's own shim (log-uri.h) the output of a job is the shim's to keep: no logger runs beside it, and a job of one task has
 * no heir (heir.h), since what that would do the shim does: it reads on when we end, and has a --rm job removed then. Of several
 * tasks, and of sets, there is more to do when we end (leaders, sidecars, poststop tasks, order): those have one. */
#pragma once
#include "job-state.h"
#include "log-uri.h"

/* Where all that the task writes goes (results.h); NULL: nowhere. The caller frees. */
char *task_results(const struct run_task *);
/* A file that is mounted as its disk already (file-disk.h) is taken as it is. */
bool shim_reuses_disk(const struct run_task *);
/* The shim writes the task's log. Not into the journal, which may make its writer wait. */
bool shim_writes_log(const struct run_task *);
/* It stands in for the heir. */
bool shim_is_heir(const struct run *);
/* What it is told of the task's output; log_uri_done() frees. */
void shim_streams_uri(const struct run_task *, struct log_uri *ret);
/* The same of an exec, which has no log. */
void shim_streams_exec(const struct core *, const char *job_id, const char *exec_id, struct log_uri *ret);
