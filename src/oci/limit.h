/* Which limits the host's cgroups can hold: for each the controller and the files of both versions. A limit that cannot be held is
 * an error that names the controller, before an engine says something of a file. */
#pragma once
#include "spec.h"

enum limit {
	LIMIT_MEMORY,
	LIMIT_SWAP,
	LIMIT_RESERVATION,
	LIMIT_SWAPPINESS,
	LIMIT_CPUS,
	LIMIT_CPU_QUOTA,
	LIMIT_CPU_PERIOD,
	LIMIT_CPU_SHARES,
	LIMIT_CPUSET_CPUS,
	LIMIT_CPUSET_MEMS,
	LIMIT_PIDS,
	LIMIT_WEIGHT,
	LIMIT_WEIGHT_DEVICE,
	LIMIT_READ_BPS,
	LIMIT_WRITE_BPS,
	LIMIT_READ_IOPS,
	LIMIT_WRITE_IOPS,
	LIMIT_HUGEPAGES,
	LIMITS
};
const char *limit_option(enum limit);
/* A guest has them all. */
bool limit_can(const struct spec_in *, enum limit);
int limit_need(const struct spec_in *, enum limit, struct err *err);
/* Are all of @list ("0-3,7") processors, or memory nodes, that the host's jobs may have? */
int limit_need_set(const struct spec_in *, enum limit, const char *list, struct err *err);
/* All that the host has of them; NULL: it does not say. The caller frees. */
char *limit_whole_set(const struct spec_in *, enum limit);
/* Of what an engine says: the controller whose file it names, or NULL. */
const char *limit_controller_in(const char *text);
