/* The root file system of a task: what CreateTask says that it is mounted from, and how it goes again. */
#pragma once
#include "err.h"
#include "types.pb-c.h"

/* Each in turn at @target, options as in fstab, "loop" among them; as many layers of an overlay as the kernel takes. What was
 * mounted of them when one fails is unmounted. -ERR_UNIMPLEMENTED: what is left to a helper program, to containerd's mount manager
 * or to a mapping of ids. */
int mounts_make(Types__Mount *const *, size_t n, const char *target, struct err *err);
/* All that is mounted there, one above the other, with what is mounted below; nothing is followed. Absent is fine. */
int mounts_drop(const char *target, struct err *err);
