/* User namespaces, with a network namespace that belongs to them: /sys of a container shows its own network only where both are
 * of one user namespace. */
#pragma once
#include "err.h"
#include "idmap.h"

/* Makes one, with a network namespace in it when @ret_net is not NULL, `lo` up. Descriptors keep them: the caller's to close.
 * A child of ours makes it and is gone again; no signal tells of it. */
int userns_new(const struct idmap *, int *ret_user, int *ret_net, struct err *err);
/* The one that the network namespace at @path belongs to; -ERR_PRECONDITION: that is our own. */
int userns_of_netns(const char *path, int *ret_user, struct err *err);
/* A file at @path that leads to it. */
int userns_bind(int user, const char *path, struct err *err);
