/* What a cgroup's processes have used and may use: the kernel's numbers at this moment, whatever the version, read from the files
 * themselves. Nothing stays open, so nobody's descriptors grow with the number of jobs that are looked at. Read for statistics,
 * once a second for each of many jobs: every read is of a fixed size, and nothing is allocated. */
#pragma once
#include "cgroup-of.h"
#include <stdbool.h>
#include <stdint.h>

enum cgroup_measure {
	CGROUP_CPU_TOTAL, /* ns, as all that has "CPU" in it but the counts */
	CGROUP_CPU_USER,
	CGROUP_CPU_SYSTEM,
	CGROUP_CPU_PERIODS, /* of its quota that it ran in; in so many of them it was held back */
	CGROUP_CPU_THROTTLED_PERIODS,
	CGROUP_CPU_THROTTLED,
	CGROUP_MEMORY_USAGE, /* bytes, as all of memory and io */
	CGROUP_MEMORY_PEAK,
	CGROUP_MEMORY_LIMIT,
	CGROUP_MEMORY_RSS,      /* anonymous, as v1 calls it */
	CGROUP_MEMORY_CACHE,    /* of files, tmpfs too */
	CGROUP_MEMORY_INACTIVE, /* the part of the cache that goes first: what tools for people take off the usage */
	CGROUP_MEMORY_MAPPED,   /* of files */
	CGROUP_MEMORY_SWAP,
	CGROUP_MEMORY_KERNEL,
	CGROUP_MEMORY_KERNEL_PEAK,
	CGROUP_OOM_KILLS, /* processes of it that the kernel killed since it had no memory for them */
	CGROUP_TASKS,     /* threads */
	CGROUP_TASKS_LIMIT,
	CGROUP_IO_READ,
	CGROUP_IO_WRITTEN,
	CGROUP_MEASURES
};

/* Of a limit that is none the value is UINT64_MAX. What the kernel does not count is not measured, and 0. */
struct cgroup_usage {
	uint32_t measured; /* bits, 1 << CGROUP_X */
	uint64_t v[CGROUP_MEASURES];
};
static inline bool cgroup_measured(const struct cgroup_usage *u, enum cgroup_measure m) { return u->measured >> m & 1; }

/* -ERR_NOT_FOUND: none of its folders is there (any more). */
int cgroup_usage(const struct cgroup_of *, struct cgroup_usage *ret, struct err *err);
