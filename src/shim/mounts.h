/* The root file system of a task: what CreateTask says that it is mounted from, and how it goes again. */
#pragma once
#include "err.h"
#include "types.pb-c.h"

/* Each in turn at @target, options as in fstab. What was mounted of them when one fails is unmounted. */
int mounts_make(Types__Mount *const *, size_t n, const char *target, struct err *err);
/* All that is mounted there, one above the other; nothing is followed. Absent is fine. */
int mounts_drop(const char *target, struct err *err);
