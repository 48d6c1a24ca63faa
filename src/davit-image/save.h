/* Images as an archive: an OCI layout that has Docker's manifest.json too, so that docker, podman, skopeo, ctr and davit read
 * it. */
#pragma once
#include "output.h"
#include "session.h"

/* The images @names (references or IDs: an image that is named by its ID gets no name there), of the session's platform.
 * Adds {"name","digest","platform"} to @images. */
int save_images(struct session *, const struct strv *names, struct output *, json *images, struct err *err);
