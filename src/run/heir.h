/* The heir: a child of ours that does what is left to be done when we end, however we end. It is made before the start, beside a
 * call that has to be waited for anyway, and waits on a socket whose other end is ours: for a word, or for its end, which is our
 * death. Without one, a process whose davit was killed would stall as soon as the pipe that nobody reads is full.
 *
 * A fork, and no program of its own: it is there at once, and a `run --rm` needs a child in the end anyway, to remove the job. */
#pragma once
#include "core.h"
#include "heir-fork.h"
#include "streams.h"

enum heir_word {
	HEIR_LOST,     /* none: davit is dead */
	HEIR_DONE,     /* nothing is left to do */
	HEIR_REMOVE,   /* the job has ended: to be removed, under the lock that comes with the word */
	HEIR_CARRY_ON, /* we were detached */
	HEIR_HANG_UP,  /* our terminal is gone */
};

struct heir;
/* In the child, after the word, with nothing of davit's open but what it was to keep; @lock is -1 where none came. The process ends
 * when it returns. */
typedef void heir_fn(void *arg, enum heir_word, int lock);

/* @make is the face's. The @n @streams are inherited with their FIFOs. NULL: there is none, see errno. */
struct heir *heir_new(const struct core *, struct streams *const *streams, size_t n, heir_fork *make, heir_fn *, void *arg);
/* False: it is not there. A lock is handed over: the caller closes its own descriptor. */
bool heir_tell(struct heir *, enum heir_word, int lock);
/* Without a word before: HEIR_LOST. */
void heir_free(struct heir *);
DEFINE_CLEANUP(struct heir, heir_free)

/* In the heir: a connection of its own, however long containerd is away; output is copied meanwhile. NULL: there will be none. */
struct core *heir_connect(const struct core *old, struct streams *const *, size_t n);
/* In the heir of a davit that was killed at a moment that nobody knows: false when the process was never started. */
bool heir_was_started(struct core *, struct streams *const *, size_t n, const char *id, const char *exec_id);
