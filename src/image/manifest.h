/* Manifests and indexes (OCI image-spec manifest.md, image-index.md; Docker's schema 2 and manifest list are the same
 * under other media types). */
#pragma once
#include "ctrd.h"
#include "platform.h"

#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

enum {
	MANIFEST_MAX = 8 << 20,      /* bytes of a manifest, an index or a configuration */
	MANIFEST_ANNOTATIONS = 1024, /* of a descriptor */
	MANIFEST_CHILDREN = 1024,    /* layers of a manifest, entries of an index */
	MANIFEST_DEPTH = 4,          /* indexes inside indexes */
};

/* An index has no config; its children are manifests (or indexes). A manifest's children are its layers. */
struct manifest {
	bool index;
	const char *media_type; /* what it says it is, or what it must be; static */
	char *artifact;         /* what it says that it is instead of an image; NULL mostly */
	struct ctrd_descriptor config;
	struct ctrd_descriptor *children;
	struct platform *platforms; /* of an index: one per child; arch "" where none is given */
	size_t n;
};
void manifest_done(struct manifest *);
/* Digests, sizes and counts are checked here; whoever holds a struct manifest can rely on them. -ERR_INVALID;
 * -ERR_UNIMPLEMENTED: a schema 1 manifest. */
int manifest_parse(const char *data, size_t len, struct manifest *ret, struct err *err);
/* Other things than images live in registries under the same documents: charts, signatures, models. -ERR_UNIMPLEMENTED names
 * what a manifest holds instead of an image. An index is none of them. */
int manifest_check_image(const struct manifest *, struct err *err);
/* The child of an index that suits @want best: its place, or -ERR_NOT_FOUND, which lists what there is. A child without a
 * platform is taken when no other suits. */
int manifest_choose(const struct manifest *, const struct platform *want, struct err *err);
/* The labels that keep the children from containerd's collector (reference A.4). @only: the one child of an index that is
 * kept, -1 for all. */
void manifest_gc_labels(const struct manifest *, int only, struct dict *out);
