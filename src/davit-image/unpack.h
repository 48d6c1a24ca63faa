/* Layers to snapshots through containerd's own diff service (reference A.4), bottom up, one at a time, while whoever
 * else uses the connection goes on. */
#pragma once
#include "manifest.h"
#include "session.h"

struct unpack;
/* @diff_ids are the configuration's: one per layer, or -ERR_INVALID. @m stays the caller's and must outlive it. */
int unpack_new(struct session *, const struct manifest *m, const struct strv *diff_ids, struct unpack **ret, struct err *err);
void unpack_free(struct unpack *); /* a half-made snapshot is removed */
DEFINE_CLEANUP(struct unpack, unpack_free)
/* Go as far as possible with the first @present layers in the store, without waiting for a layer that is being applied.
 * 1: all is unpacked. -ERR_DATA_LOSS: a layer is not what the configuration says. */
int unpack_step(struct unpack *, size_t present, struct err *err);
/* True when unpack_step() would not be idle. */
bool unpack_ready(const struct unpack *, size_t present);
/* All layers are present: wait for the end. */
int unpack_finish(struct unpack *, struct err *err);
/* The topmost snapshot's name; "" for an image without layers. Borrowed. */
const char *unpack_chain_id(const struct unpack *);
