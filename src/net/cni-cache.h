/* The results of ADD as libcni keeps them: <cache_dir>/results/<network>-<container>-<ifname>, kind cniCacheV1. Other
 * users of CNI on the host read and write the same files. Source: libcni's cache; reference cni.md A5. */
#pragma once
#include "cni.h"
#include "list.h"

struct cni_entry {
	struct list_node node; /* cni_cache_find() */
	char *network, *container_id, *ifname, *netns;
	char *args;          /* "K=V;..." or NULL */
	struct buf config;   /* the list's bytes; empty in a legacy or damaged file */
	json *caps, *result; /* capability arguments, may be NULL; the result so far, NULL before the first */
};
void cni_entry_free(struct cni_entry *);
DEFINE_CLEANUP(struct cni_entry, cni_entry_free)

/* A file's bytes. -ERR_INVALID. */
int cni_entry_parse(const char *data, size_t len, struct cni_entry **ret, struct err *err);
void cni_entry_write(const struct cni_entry *, struct buf *out);

/* -ERR_NOT_FOUND, or -ERR_INVALID when the file is damaged or another attachment's. */
int cni_cache_read(const char *cache_dir, const char *net, const char *container_id, const char *ifname, struct cni_entry **ret,
		   struct err *err);
int cni_cache_write(const char *cache_dir, const struct cni_entry *, struct err *err);
/* Absent is success. */
int cni_cache_remove(const char *cache_dir, const char *net, const char *container_id, const char *ifname, struct err *err);
/* Every entry of @container_id, in the order of its interfaces (eth0 first), into the list @head. A damaged file still counts by
 * its name, with no more known than that. */
int cni_cache_find(const char *cache_dir, const char *container_id, struct list_node *head, struct err *err);
/* Every sound entry of network @net; NULL: of all networks. */
int cni_cache_find_net(const char *cache_dir, const char *net, struct list_node *head, struct err *err);
