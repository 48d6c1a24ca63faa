/* A copy of a folder with all that is below it: owners, modes, times, extended attributes, hard links, holes. Whoever else changes
 * names in source or copy meanwhile leads nothing out of either: everything is held before it is looked at, and no link followed.
 */
#pragma once
#include "ctx.h"
#include "idmap.h"
#include <stdbool.h>
#include <sys/stat.h>

/* What is in folder @from into folder @to, which gets its owner, mode and times at the end. @again: a copy that was cut off may
 * have left some of it there; else what is there already is an error. Ends with @ctx. */
int tree_copy(int from, int to, bool again, const struct ctx *, struct err *err);
/* Only the folder itself: owner, mode and times as @st says (moving out of @from changes its time), and its attributes. */
int tree_copy_meta(int from, int to, const struct stat *st, struct err *err);

/* How a tree that a job may be changing is copied, out of it or into it. What goes meanwhile is not copied; mounts are entered, but
 * none of the kernel's own file systems (/proc, /sys), and nothing is written into one. Devices and sockets are left out. A file
 * takes the place of another, never of a folder; a folder that is there is filled, and a file never gives way to one. */
struct tree_put {
	bool archive;            /* owners stay, with set-id bits and file capabilities; else all is @uid's and @gid's */
	uid_t uid, gid;          /* inside @to_ids */
	struct idmap from, to;   /* of the user namespaces that the owners on either side are of; n is 0 where there is none */
	unsigned long *left_out; /* counts devices, sockets and the kernel's file systems */
	void (*copied)(void *arg, int64_t bytes); /* so many more of a file, holes among them; NULL: nobody looks */
	void *arg;
};
/* @from, a file of any kind, may be O_PATH (a link is copied itself): as @name in folder @to. @name NULL: what is in the folder
 * @from. -ERR_PRECONDITION: file and folder meet under one name, or it is a device or a socket. */
int tree_put(int from, int to, const char *name, const struct tree_put *, const struct ctx *, struct err *err);
