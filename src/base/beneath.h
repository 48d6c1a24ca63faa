/* Opening below a held folder in which somebody else may be at work, a container above all: between two looks at it any name
 * there can become a link to somewhere else. Nothing here is led out of the folder. All return -1 and set errno. */
#pragma once
#include "attr.h"
#include <stdbool.h>
#include <sys/stat.h>

/* No link is followed at all, none of /proc's either, and no mount is entered: ELOOP, EXDEV. With O_PATH | O_NOFOLLOW a link
 * at the end is opened itself. @path is relative and does not climb. */
int beneath_open(int dirfd, const char *path, int flags);
/* Links are followed that stay beneath: EXDEV for one that leads out of the folder, and for any that is absolute. */
int beneath_open_within(int dirfd, const char *path, int flags);
/* No link is followed either, but mounts are entered, and @path may be absolute: then none of all of it is. ELOOP. */
int beneath_open_straight(int dirfd, const char *path, int flags);
/* Links are followed as they would be for who has @rootfd as root folder, so that they end in it. */
int beneath_open_as_root(int rootfd, const char *path, int flags);
/* A listing of its own position; the caller closes it. NULL and errno. */
DIR *beneath_list(int dirfd);
static inline int beneath_is_dots(const char *name) { return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])); }

/* The path by which the kernel leads to the very file that is open as @fd, for a call that takes no descriptor. Returns @path. */
enum { BENEATH_PATH = 32 };
const char *beneath_path(int fd, char path[BENEATH_PATH]);
/* What there are no calls for that take an O_PATH descriptor: of the very file that is open, whatever its name leads to now.
 * beneath_chmod() of a link is EOPNOTSUPP. */
int beneath_reopen(int fd, int flags);
bool beneath_is_fifo(int fd);
int beneath_chmod(int fd, mode_t mode);
int beneath_link(int fd, int to_dir, const char *name);
/* Never over what is there: EEXIST. */
int beneath_move(int from_dir, const char *from, int to_dir, const char *to);
/* Is it of a file system whose files are no files: proc, sysfs, cgroup ...? */
bool beneath_is_kernels(int fd);
