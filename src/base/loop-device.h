/* A file as a block device, for as long as somebody has it open or mounted. */
#pragma once
#include "err.h"
#include <stdbool.h>

/* The descriptor, and the path, which the caller frees, to be mounted before it is closed: the kernel takes the device back after
 * the last of both. -ERR_EXHAUSTED: others are as quick in taking a free one, time and again. */
int loop_device_open(const char *file, bool read_only, int *ret_fd, char **ret_path, struct err *err);
/* The one that @file is already and can be written to by, in whoever's hands: two of one file would not see what the other writes.
 * 0: it is none. */
int loop_device_find(const char *file, int *ret_fd, char **ret_path, struct err *err);
