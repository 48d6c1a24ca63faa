/* The standard streams of a process as FIFOs, in a folder of their own: made and opened here before the process is, opened at their
 * other ends by its shim (reference containerd.md A.9). */
#pragma once
#include "err.h"
#include <stdbool.h>

/* Zeroed it is of none. */
struct fifos {
	char *dir, *path[3]; /* path[0] NULL: no input; path[2] NULL: a terminal, whose output is one */
};

/* @ret_fds, each the caller's, non-blocking, -1 where there is none: that of the input is opened for both, so that nobody needs to
 * be there yet, the outputs' for reading. On an error all of it is gone again. */
int fifos_make(struct fifos *, const char *dir, bool input, bool tty, int ret_fds[3], struct err *err);
/* A FIFO that no writer ever opened has no end: a writer that comes and goes makes one. */
void fifos_touch(const struct fifos *);
/* What somebody who was killed has left in a folder of fifos_make(): the ends that were read from, each the caller's, -1 where
 * there is none. While they are open nobody who opens the others waits for a reader: containerd's own shim does, for as long as its
 * call may last, and with it all that is asked of it meanwhile. */
void fifos_hold(const char *dir, int ret_fds[2]);
void fifos_remove(struct fifos *); /* the FIFOs and their folder, whoever has them open; then as fifos_forget() */
void fifos_forget(struct fifos *); /* the names alone */
