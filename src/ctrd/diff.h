/* containerd.services.diff.v1.Diff */
#pragma once
#include "ctrd.h"

/* The pair lets layers be fetched while one is being unpacked. */
struct ctrd_call *diff_apply_begin(struct ctrd *, const struct ctrd_descriptor *layer, const struct ctrd_mounts *mounts,
				   const struct ctx *);
int diff_apply_end(struct ctrd_call *, const struct ctx *, struct ctrd_descriptor *ret, struct err *err);
/* Unpack layer @layer onto @mounts; ret->digest is the digest of the uncompressed tar (the diffID). */
int diff_apply(struct ctrd *, const struct ctrd_descriptor *layer, const struct ctrd_mounts *mounts, const struct ctx *,
	       struct ctrd_descriptor *ret, struct err *err);
/* What @right has changed over @left (without mounts: nothing), as a layer of @media_type in the store: ret is that blob, whose
 * label containerd.io/uncompressed is its diffID. For as long as it takes. */
int diff_make(struct ctrd *, const struct ctrd_mounts *left, const struct ctrd_mounts *right, const char *media_type,
	      const struct ctx *, struct ctrd_descriptor *ret, struct err *err);
