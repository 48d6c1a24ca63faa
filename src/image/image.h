/* Images in containerd as the core needs them; the slow work (registries, archives, unpacking) is done by the program
 * davit-image, which is started when it must be. */
#pragma once
#include "image-config.h"
#include "images.h"
#include "child.h"

/* An image that is present and unpacked. */
struct image {
	char *name, *digest;         /* of the target */
	char *manifest, *config_digest;
	char *chain_id;              /* top snapshot; "" for an image without layers */
	struct image_config config;
	struct dict labels;
};
void image_done(struct image *);

/* Look the image up: Images.Get was begun by image_get_begin(). -ERR_NOT_FOUND: no such image, or content of it or its snapshot
 * is missing (then davit-image mends it: image_fetch()). The chain comes from the config blob's label
 * containerd.io/gc.ref.snapshot.<snapshotter>; when that is missing: ERR_NOT_FOUND too. Platform: the host's, or @platform
 * ("linux/arm64"). */
struct ctrd_call *image_get_begin(struct ctrd *, const char *name, const struct ctx *);
int image_get_end(struct ctrd *, struct ctrd_call *, const char *name, const char *platform, const char *snapshotter,
		  const struct ctx *, struct image *ret, struct err *err);

struct image_helper {
	const char *address, *ns, *snapshotter, *platform, *lease; /* as davit itself uses them; lease may be NULL */
	bool quiet, debug;
	bool json_progress;
};
/* Runs `davit-image VERB ARGS...` with our standard error (progress) and, for load and import, our standard input. Its
 * result object (one JSON line on its standard output) is the caller's; its error becomes ours, hint and code included.
 * Ctrl-C ends the helper too (SIGINT, and 5 s to clean up). Verbs: pull, unpack, load, import; see davit-image --help. */
int image_helper_run(struct loop *, const struct image_helper *, const char *verb, const struct strv *args, const struct ctx *,
		     json **ret, struct err *err);

/* For the faces: lists and records. */
struct image_row { char *name, *digest, *short_id, *platform; int64_t size, created_at; bool unpacked; };
struct image_rows { struct image_row *v; size_t n; };
void image_rows_done(struct image_rows *);
int image_list(struct ctrd *, const char *snapshotter, const struct ctx *, struct image_rows *ret, struct err *err);
/* By reference, digest, or a digest's beginning of at least 4 characters. */
int image_find(struct ctrd *, const char *what, const struct ctx *, struct ctrd_image *ret, struct err *err);
int image_inspect(struct ctrd *, const char *what, const char *platform, const char *snapshotter, const struct ctx *, json **ret,
		  struct err *err);
/* Removes the name; content goes with containerd's collection. In use by a container (unless @force): -ERR_PRECONDITION
 * names it. */
int image_remove(struct ctrd *, const char *what, bool force, const struct ctx *, char **ret_name, struct err *err);
