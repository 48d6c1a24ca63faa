/* What containerd's Metrics say of a task, in the words that a look at its cgroup has: for what the host's cgroup says nothing of,
 * as a task in a virtual machine, which its shim measures inside. Messages of either version of cgroups. */
#pragma once
#include "cgroup-usage.h"
#include "ctrd.h"

/* -ERR_INVALID: a message of another kind; what cannot be read is -ERR_DATA_LOSS or -ERR_EXHAUSTED. */
int task_metrics_usage(const struct ctrd_any *, struct cgroup_usage *ret, struct err *err);
