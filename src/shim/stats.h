/* What a container has used: what its cgroup says now, as the message that containerd's clients know, of v1 or v2. */
#pragma once
#include "buf.h"
#include "cgroup-of.h"

/* Appends the message to @value and names its type. @host stands before /proc and /sys: "" outside of tests. -ERR_NOT_FOUND: there
 * is no cgroup. */
int stats_take(const char *host, const struct cgroup_of *, struct buf *value, const char **ret_type, struct err *err);
