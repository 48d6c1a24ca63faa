/* Named network namespaces: files in /var/run/netns with the namespace bound to them, `lo` up. */
#pragma once
#include "err.h"
#include "strv.h"

#define NETNS_DIR "/var/run/netns"

/* Makes DIR/@id; -ERR_EXISTS when it is there. A failure leaves nothing. The calling thread's own namespace is unchanged
 * (a child or helper thread makes it). May take a millisecond. */
int netns_new(const char *dir, const char *id, char **ret_path, struct err *err);
/* DIR/@id leads to the namespace that @other leads to; -ERR_EXISTS when it is there. */
int netns_join(const char *dir, const char *id, const char *other, struct err *err);
/* The same of a namespace that a descriptor keeps. */
int netns_keep(const char *dir, const char *id, int ns, struct err *err);
/* In the caller's network namespace: `lo` up. 0 or -errno. */
int netns_raise_loopback(void);
/* Calls @fn in the namespace of @path, in a thread of its own, and waits for it. */
int netns_run(const char *path, int (*fn)(void *arg, struct err *err), void *arg, struct err *err);
/* Is @path a network namespace? -ERR_NOT_FOUND: there is nothing; -ERR_INVALID: it is something else. */
int netns_check(const char *path, struct err *err);
/* The addresses in it by which others reach it: neither loopback nor link-local, those of IPv4 first. */
int netns_addresses(const char *path, struct strv *ret, struct err *err);
/* Is no interface up in it but `lo`? 1 or 0. (Modules of the kernel put some into each, which are down.) */
int netns_is_bare(const char *path, struct err *err);
/* Unmounts and unlinks; absent is success. */
int netns_remove(const char *path, struct err *err);
