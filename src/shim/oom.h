/* The out-of-memory kills of a container's cgroup. v1 tells one to an eventfd, v2 counts it in memory.events, which can be waited
 * for like any file of cgroupfs, without an inotify instance, of which a user has few. Source: reference containerd.md C.8. */
#pragma once
#include "cgroup-of.h"
#include "loop.h"

/* Inside its owner; zeroed, it looks at nothing. */
struct oom {
	struct watch watch;
	const struct oom_version *version;
	const char *path; /* of the cgroup, which outlives it */
	int fd;
	uint64_t seen; /* v2: how many there were */
	void (*happened)(void *arg);
	void *arg;
};
/* @happened(@arg) follows once for what has happened since the last time. Without a memory controller it looks at nothing. */
void oom_init(struct oom *, struct loop *, const struct cgroup_of *, void (*happened)(void *arg), void *arg);
/* What has happened until now is told now: a process that was killed has ended before the loop comes to its cause. */
void oom_poll(struct oom *);
void oom_done(struct oom *);
