/* Waiting for the end of Nomad's tasks. Each that runs has a Wait open at containerd, all over the one connection of the core that
 * stands on the plugin's loop: a task costs a small struct, and one descriptor, a pidfd, so that an end that containerd has
 * forgotten (its stock shim ended while it was away) is still known. An answer of containerd's that is missing is no end: it is
 * asked again for as long as it takes. */
#pragma once
#include "cgroup-usage.h"
#include "core.h"
#include "handle.h"

/* Of a RUNNING handle that nobody waits for: its end will be told by handle_exited(), on the loop of @core, which outlives all
 * handles. With it comes whether the kernel had no memory for it. */
void wait_begin(struct handle *, struct core *on_loop);
/* Of one that is about to start, and whose cgroup Nomad has made: what was killed there before is not its. @host as below. */
void wait_before(struct handle *, const char *host);
/* Its process hears @sig without containerd, which knows nothing of it any more. False: it has none, or nobody knows which. */
bool wait_signal(const struct handle *, int sig);
/* How a task ended that containerd or the kernel tells this exit status of. */
struct handle_exit wait_exit(unsigned status, int64_t at, bool oom);

/* What the task has used; also what tells its end whether it was killed for want of memory: statistics, which are looked at all the
 * time, say what was long before it. -ERR_NOT_FOUND: it has no cgroup (any more); -ERR_PRECONDITION: it is not waited for. */
int wait_usage(struct handle *, struct cgroup_usage *ret, struct err *err);

/* The folders of the task's cgroup: Nomad's, where it manages one, else the one that davit's jobs have. @host stands before /sys:
 * "" outside of tests. */
void wait_cgroup(const struct handle_kept *, const char *host, struct cgroup_of *ret);

/* Out-of-memory kills, as they are seen by looks at the cgroup: has one to do with an end, or was it of a process long before? */
enum { OOM_RECENT_MS = 10000 };
struct oom_looks {
	uint64_t seen; /* how many there were at the last look */
	int64_t grew;  /* when a look found more than the one before it, clock_mono(); 0: none did */
};
void oom_look(struct oom_looks *, uint64_t kills, int64_t now);
/* @kills: at the end, which comes @now, with exit status @status. */
bool oom_was_cause(const struct oom_looks *, uint64_t kills, unsigned status, int64_t now);
