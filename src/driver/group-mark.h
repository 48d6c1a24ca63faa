/* What a plugin knows of the network namespaces of allocations (group-network.h) and the next one must know, too: a file for each,
 * RUN/.networks/ALLOC (places.h), which a boot takes away as it does the namespace. Every client's driver on the host sees those of
 * all. */
#pragma once
#include "err.h"
#include <stdbool.h>

struct group_mark {
	char *alloc;
	char *alloc_dir; /* the allocation's folder; NULL: not known */
	bool configured; /* it has had an interface */
};
void group_mark_done(struct group_mark *);
int group_mark_write(const char *run_dir, const struct group_mark *, struct err *err);
void group_mark_remove(const char *run_dir, const char *alloc);
/* That of a namespace that is not there any more. One that is yet to be made has a young mark, which stays. */
void group_mark_outlived(const char *run_dir, const char *alloc);
/* Each that can be read. */
void group_marks_each(const char *run_dir, void (*each)(void *arg, const struct group_mark *), void *arg);
