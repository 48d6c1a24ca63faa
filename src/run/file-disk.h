/* The snapshot that is a file with a file system in it (containerd's blockfile). Two that mount it to write to are two file systems
 * which do not know of each other: what either writes is lost. containerd mounts it so each time it is asked; davit's own shim, and
 * davit where it looks at files, take the one that is there. */
#pragma once
#include "ctrd.h"
#include "loop.h"

/* Borrowed; NULL: @mounts are something else. */
const char *file_disk(const struct ctrd_mounts *mounts);
/* Until nobody has it mounted to write to any more, some seconds: who ended, whoever looks at it still. -ERR_PRECONDITION: somebody
 * has. */
int file_disk_await(struct loop *, const char *file, const struct ctx *, struct err *err);
