/* Children of ours are collected here and nowhere else, each by its pidfd and on the loop of whoever started it: nobody waits for
 * any child that comes, nor for a process by its number, so children of several libraries and threads do not take each other's
 * ends. */
#pragma once
#include "loop.h"
#include <sys/types.h>

/* The pidfd of a child that was just started; -errno: there is none, and the child was killed and collected. */
int reap_open(pid_t pid);
/* Collect the child behind @pidfd: its wait(2) status, -EAGAIN when it still runs (without @wait), -ECHILD when it is none of ours,
 * or the kernel has collected it, as it does where SIGCHLD is ignored. */
int reap_take(int pidfd, bool wait);

/* The end of one child; stands inside its owner, zeroed it is of none. */
struct reap {
	int pidfd;
	struct watch watch;
	struct list_node node; /* of the loop's */
	void (*ended)(void *arg, int status);
	void *arg;
};
enum { REAP_UNKNOWN = 255 << 8 }; /* the status of one that the kernel has collected: a failure */

/* Call @ended(@arg, its wait(2) status) once it has ended and is collected; the reap is of none by then, and may be freed. @pidfd
 * becomes the reap's. */
void reap_init(struct reap *, struct loop *, int pidfd, void (*ended)(void *arg, int status), void *arg);
static inline bool reap_on(const struct reap *r) { return watch_on(&r->watch); }
int reap_kill(const struct reap *, int sig); /* the process alone; of none: nothing. 0, or -errno */
/* The child @pid, which has ended and was not collected, is one of this loop's. */
bool reap_knows(struct loop *, pid_t pid);
/* Kill it with SIGKILL and wait for its end, which is not told. */
void reap_end(struct reap *);
/* It goes on, or has ended; it is not told, and not collected before we end ourselves. */
void reap_done(struct reap *);

/* Children of which nobody wants to know anything, but which must not stay zombies for as long as we live. */
struct reaper;
struct reaper *reaper_new(struct loop *);
void reaper_adopt(struct reaper *, pid_t pid);
size_t reaper_count(const struct reaper *); /* that have not ended yet */
void reaper_free(struct reaper *);          /* they go on */
DEFINE_CLEANUP(struct reaper, reaper_free)
