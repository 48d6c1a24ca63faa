/* A root folder as the folders that it is made of, walked from here: a look at one file needs no mount, no thread, no privilege
 * but reading, and takes microseconds. It gives what a mount gives (test-layers.c sets both side by side), or says that it cannot.
 *
 * Nothing that is found can lead out: each component is opened beneath a held descriptor without following it, links are read and
 * walked from here (".." goes back to a descriptor that is held, an absolute one to the root), and nothing is opened but as O_PATH:
 * neither a FIFO that waits nor a device that does something. The tree may change meanwhile. */
#pragma once
#include "buf.h"
#include "ctrd.h"
#include <stdbool.h>

struct layers_cover {
	char *at;
	int fd;
}; /* fd -1: an empty folder */
struct layers {
	int *fd;
	size_t n;     /* top first */
	bool overlay; /* whiteouts and opaque folders count */
	bool live;    /* a running job's root: /proc, /dev and the rest are mounted in it */
	struct layers_cover *covers;
	size_t n_covers;
};
void layers_done(struct layers *);

/* What containerd says a snapshot is mounted from. @upper: with what was written to it (of a fresh one nothing was).
 * -ERR_UNIMPLEMENTED: not made of plain folders. */
int layers_of_mounts(const struct ctrd_mounts *, bool upper, struct layers *ret, struct err *err);
/* One open folder; takes @fd over. */
void layers_of_root(int fd, bool live, struct layers *ret);
/* @fd (taken over; O_PATH; -1: nothing, as of a fresh tmpfs) will be mounted at @target. Outermost first, as it will be mounted. */
int layers_cover(struct layers *, const char *target, int fd, struct err *err);

/* Looks @path up and follows links: a descriptor (O_PATH) of whatever it is in the end. -ERR_NOT_FOUND;
 * -ERR_UNIMPLEMENTED: this tree takes a real mount to look at (redirects, metacopy); -ERR_INVALID: it leads to what the engine
 * mounts later (/proc, /dev, /sys), or through a link of /proc, so that nobody can say what the engine would find. */
int layers_open(const struct layers *, const char *path, int *ret_fd, struct err *err);

/* Where @path would have to be made: the links on its way followed, also those that lead to nothing. NULL when it is there
 * already, or when that cannot be said (it leads into /proc, goes round in a circle). The caller frees. */
char *layers_absent(const struct layers *, const char *path);
