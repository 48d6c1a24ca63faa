/* Looking into a snapshot: for the image's passwd, and for copying its content into a fresh volume. */
#pragma once
#include "ctrd.h"

/* The root folder of what @mounts describe, as a descriptor (O_PATH | O_DIRECTORY), read-only. It is mounted in a mount
 * namespace that dies with the helper thread, so nothing is left behind, whatever happens to us; the mount itself lives as
 * long as the descriptor. @scratch: an existing folder. The upper folder is left out: a fresh snapshot's is empty. */
int rootfs_open(const struct ctrd_mounts *, const char *scratch, int *ret_fd, struct err *err);
/* The same with what has been written to it. */
int rootfs_open_whole(const struct ctrd_mounts *, const char *scratch, int *ret_fd, struct err *err);
/* The snapshot itself, to be written to: for who holds the lock of a job that does not run. */
int rootfs_open_writable(const struct ctrd_mounts *, const char *scratch, int *ret_fd, struct err *err);
