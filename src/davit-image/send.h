/* Blobs from containerd's store to the registry, three at a time. */
#pragma once
#include "registry.h"

struct send_blob {
	struct ctrd_descriptor d;
	char *from; /* another repository of the registry that has it, or NULL */
};
/* Those that the registry lacks, to its host @host; returns when it has all of them. */
int send_blobs(struct registry *, size_t host, const struct send_blob *, size_t n, struct err *err);
/* A document under the name @what, a tag or its digest. */
int send_manifest(struct registry *, size_t host, const char *what, const struct ctrd_descriptor *, const struct buf *,
		  struct err *err);
