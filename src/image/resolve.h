/* Inside the layer: from an image record to its configuration and snapshot, in as few waits as there can be. */
#pragma once
#include "image-config.h"
#include "images.h"
#include "manifest.h"

/* All digests; chain "" for an image without layers, NULL when the configuration does not say (not unpacked). */
struct resolved {
	char *manifest, *config, *chain;
	struct buf raw; /* the configuration's bytes */
	bool unpacked;  /* the chain is known, and the snapshot is there */
	char *layers;   /* what its label IMAGE_LAYERS says, or NULL */
};
void resolved_done(struct resolved *);
/* -ERR_NOT_FOUND: content, or an image for @want, is missing. That the snapshot is missing is no error here. */
int image_resolve(struct ctrd *, const struct ctrd_image *, const struct platform *want, const char *snapshotter,
		  const struct ctx *, struct resolved *ret, struct err *err);
/* The same in rounds, each of one wait, so that several images overlap; begun with a zeroed structure. */
struct resolving {
	struct resolved found; /* so far */
	char *digest;          /* of the index or manifest that is being read */
	int depth;
	bool no_layers;
	struct ctrd_call *manifest, *config, *info, *snapshot;
};
void resolving_done(struct resolving *);
void image_resolve_begin(struct ctrd *, const struct ctrd_image *, const struct platform *want, const char *snapshotter,
			 const struct ctx *, struct resolving *);
bool resolving_ready(const struct resolving *); /* the next round would not wait */
/* 1: a further round was begun. Else it is over: 0 with *ret. */
int image_resolve_go_on(struct ctrd *, const struct platform *want, const char *snapshotter, const struct ctx *, struct resolving *,
			struct resolved *ret, struct err *err);
/* The manifest of platform @want below @target: its digest is the caller's too. */
int image_manifest(struct ctrd *, const char *target, const struct platform *want, const struct ctx *, struct manifest *ret,
		   char **ret_digest, struct err *err);
