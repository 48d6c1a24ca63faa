/* rm and prune. A job is named by its name, its id, or an id's beginning; -ERR_NOT_FOUND names the nearest. */
#pragma once
#include "core.h"

/* @force: a running one is killed. @volumes: its anonymous volumes too. Also removes what a killed run left of the name. */
int job_remove(struct core *, const char *name, bool force, bool volumes, const struct ctx *, struct err *err);
/* The same of the job of just this id, without a look at the others; one that is not there is success, and what a killed run left
 * of it goes. */
int job_remove_id(struct core *, const char *id, bool force, bool volumes, const struct ctx *, struct err *err);
/* The same by force, with its volumes, if @still(@arg) says that it is to go: asked under its lock, which whoever starts or changes
 * the job has first. Where there is no record it is not asked. 0: it was not to go. */
int job_remove_if(struct core *, const char *id, bool (*still)(void *arg), void *arg, const struct ctx *, struct err *err);
/* Removals that go on behind `run --rm` are waited for: before asking what its image or volumes are used for. */
void job_await_removals(struct core *, const struct ctx *);
/* Removes what killed runs left, and every exited job when @exited. Adds a line for each removed thing. */
int job_prune(struct core *, bool exited, bool volumes, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);
