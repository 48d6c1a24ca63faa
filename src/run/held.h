/* What is given to the engine and must not be swapped on the way: a bind with the option no-symlinks, and the FIFOs of somebody
 * else (run_opts.out). Between a look at a path and the engine's mount of it, or the shim's open, whoever may write in one of its
 * folders could put a link there that leads anywhere on the host. So it is opened without following a link, and what is open is
 * mounted in RUN/NS/ID/map.held.N, where nobody else passes; that path goes into the spec, and to the shim. The mounts go when the
 * task is created, or with the job's other files; a later start makes them again.
 *
 * They see what is mounted below their source later on, and show it, just as far as the bind's propagation says. */
#pragma once
#include "job-state.h"

/* Of its @i-th mount, which has that option: the path that stands for its source. The caller frees. -ERR_NOT_FOUND,
 * -ERR_PERMISSION for a link. */
int held_bind(struct run_task *, size_t i, char **ret, struct err *err);
/* The same of the FIFO @which (0: output) that is open as @fd. */
int held_fifo(struct run_task *, int which, int fd, char **ret, struct err *err);
/* All its binds of that kind, where they are not there: before the task is created. */
int held_again(struct run_task *, struct err *err);
/* What was said of those places, of a bind by its source. */
void held_rename(const struct run_task *, struct err *err);
/* After that; when it is not to be created yet; and in a rollback. */
void held_drop(struct run_task *);

/* For mounts of our own at @dir, in the place of those of a davit that was killed: a tmpfs that nobody else sees any of. */
int held_place(const char *dir, struct err *err);
/* The mount that is open as @fd at @to in such a place. */
int held_put(int fd, bool folder, const char *to, struct err *err);
