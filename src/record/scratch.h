/* What davit makes in containerd for a moment alone, such as a view of a snapshot: under a lease that goes with it. A lock,
 * RUN/NS/HEX.scratch, is held meanwhile, by davit and by the davit-image that it has started: a lease whose lock is free was left
 * by those who were killed, and prune removes it with all that it has. After a day containerd would. Its file says what they froze
 * meanwhile (freeze-note.h). */
#pragma once
#include "core.h"

struct scratch {
	struct core *core;
	char *name, *lease;
	int lock;
	struct ctrd *ctrd;       /* under the lease; NULL where that is somebody else's */
	char *snapshotter, *key; /* of the view; NULL: there is none */
};
/* An empty one: scratch_done() does nothing. */
#define SCRATCH_INIT ((struct scratch){ .lock = -1 })

/* With its lease. */
int scratch_open(struct core *, const struct ctx *, struct scratch *ret, struct err *err);
/* The lock alone: davit-image makes ret->lease and ends it, and inherits the lock, which lives as long as either. */
int scratch_lend(struct core *, const struct ctx *, struct scratch *ret, struct err *err);
/* A view of the committed snapshot @parent, which goes with it; one of each. */
int scratch_view(struct scratch *, const char *snapshotter, const char *parent, const struct ctx *, struct ctrd_mounts *ret,
		 struct err *err);
/* Removes all of it, after an interrupt, too. */
void scratch_done(struct scratch *);

/* @id is frozen, its first process being @pid: 1 when it was frozen by one of us who is no more, and goes on now; 0 when it is
 * somebody else's freeze, as a person's, or that of one who is at work. Costs nothing where no lock is there. @dry_run: only says
 * so.
 */
int scratch_thaw(struct core *, const char *id, pid_t pid, bool dry_run, const struct ctx *, struct err *err);
/* A person froze it or let it go on: no freeze of it is ours any more. 1 when one was; 0, too, when it was thawed meanwhile. */
int scratch_yield_freeze(struct core *, const char *id, const struct ctx *, struct err *err);
/* What killed ones have left in the namespace; a line for each to @removed. @dry_run: only says so. */
int scratch_prune(struct core *, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);
