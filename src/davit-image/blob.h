/* Small blobs (manifests, indexes, configurations) in containerd's store. */
#pragma once
#include "session.h"

/* Store @n bytes, whose digest and size are @d's, with these labels; a blob that is there gets the labels. @kind is
 * the beginning of the ingest's name: "manifest", "index", "config" (reference A.4). */
int blob_put(struct session *, const char *kind, const struct ctrd_descriptor *d, const void *p, size_t n,
	     const struct dict *labels, struct err *err);
/* Same with a descriptor made here: @ret is the caller's. */
int blob_make(struct session *, const char *kind, const char *media_type, const struct buf *data, const struct dict *labels,
	      struct ctrd_descriptor *ret, struct err *err);
/* A whole blob of at most MANIFEST_MAX bytes. */
int blob_get(struct session *, const char *digest, struct buf *ret, struct err *err);
