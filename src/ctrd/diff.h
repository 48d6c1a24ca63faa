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
