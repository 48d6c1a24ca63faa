/* SHA-256 as digests are written. */
#pragma once
#include "digest.h"
#include "strv.h"

struct sha {
	void *md;
}; /* zeroed: not begun */
void sha_init(struct sha *);
void sha_add(struct sha *, const void *p, size_t n);
void sha_end(struct sha *, char out[DIGEST_TEXT]); /* then sha_init() again, or sha_done() */
void sha_done(struct sha *);
#define _cleanup_sha_ _cleanup_(sha_done)

const char *sha_of(const void *p, size_t n, char out[DIGEST_TEXT]);
/* The chain ids of layers with these uncompressed digests, bottom first (OCI image-spec config.md, "Layer ChainID"). */
void sha_chain(const struct strv *diff_ids, struct strv *ret);
