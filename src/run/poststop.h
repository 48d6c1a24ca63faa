/* The tasks of a job that run when all its others have ended (LIFE_POSTSTOP). Whoever of davit's processes waits for that end
 * starts them, under the job's lock, which is free again while they run. That they are there says that they were started. The
 * job's exit code is none of theirs: what goes wrong with one is a line on stderr. */
#pragma once
#include "core.h"
#include "job.h"

bool poststop_wanted(const struct job *);
enum { POSTSTOP_PATIENT = -2 };
/* Starts those of jobs @ids, @n of them, unless that was done, and waits for all, which run side by side; who takes longer than
 * @timeout seconds (-1: its own stop_timeout; POSTSTOP_PATIENT: as long as it takes) is killed. They log as those of a detached
 * job. Nothing where there are none, where another task runs, or where the job's end is settled already. */
void poststop_of_jobs(struct core *, const char *const *ids, size_t n, int timeout, const struct ctx *);

/* In the foreground, after crew_run(), whose results it has: their output is copied as that of the others. */
struct run;
int poststop_foreground(struct run *, const struct ctx *, struct err *err);
