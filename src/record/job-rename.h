/* A job's name is its claim; its id, and all that goes by that, stays.
 *
 * The claim of the new name comes first, then the record, in one step of containerd's, then what others know it by (hosts files,
 * the network that it shares), and the claim of the old name goes last. Killed in between a job has two claims: one of them is not
 * of the name that its record has, and reconcile.h drops it by job_rename_settle(). */
#pragma once
#include "record.h"

/* -ERR_EXISTS: another job has that name. -ERR_PRECONDITION: another joins its network by its name. */
int job_rename(struct core *, const char *name, const char *to, const struct ctx *, struct err *err);
/* The job of record @rec has been called @claim, or was going to be: those who know it as that are told its name, and the claim
 * goes. The lock of @claim is held. */
int job_rename_settle(struct core *, const struct record *rec, const char *claim, const struct ctx *, struct err *err);
