/* What of /proc and /sys a container does not see, or not write to, unless its job says otherwise. */
#pragma once
#include "job.h"

/* A list of task.masked_paths may have it: the same folder of each processor. What a processor counts when it is hot tells
 * neighbours' work from one another, as /proc/interrupts does. */
#define HIDDEN_CPU "/sys/devices/system/cpu/cpu%u/thermal_throttle"
#define HIDDEN_CPUS "/sys/devices/system/cpu/cpu*/thermal_throttle"

extern const char *const hidden_masked[], *const hidden_read_only[]; /* each ends with NULL */

/* The paths of @list (between colons) are masked besides. */
int hidden_mask(struct task *, const char *list, struct err *err);
/* They are neither masked nor read-only; each may be a pattern as fnmatch(3) has it. "ALL": nothing is. */
int hidden_unmask(struct task *, const char *list, struct err *err);
