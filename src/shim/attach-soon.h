/* Before an engine moves a process into a cgroup. Such a move waits for a grace period of RCU, some milliseconds in which the
 * engine does nothing else, unless there was another a moment before (Linux kernel/rcu/sync.c, as cgroup.c uses it). We make that
 * other one, of ourselves to where we are already: nothing is changed by it, and the wait goes by while the shim and the engine are
 * still at what comes before. A thread does it, for as long as that takes; it touches nothing that is the shim's. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed at first. */
struct attach_soon {
	int64_t last; /* clock_mono() */
	pthread_t thread;
	bool begun; /* and not joined */
};
/* An engine is about to be started. It never waits; where it cannot be done the engine waits as it would have. */
void attach_soon(struct attach_soon *);
/* Before the shim is moved elsewhere: a thread that is still at it has ended. */
void attach_soon_end(struct attach_soon *);
