/* Images in containerd as the core needs them; the slow work (registries, archives, unpacking) is done by the program
 * davit-image, which is started when it must be. */
#pragma once
#include "image-config.h"
#include "images.h"
#include "labels.h"
#include "child.h"

/* An image that is present and unpacked. */
struct image {
	char *name, *digest; /* of the target */
	char *manifest, *config_digest;
	char *chain_id; /* top snapshot; "" for an image without layers */
	char *layers;   /* the folders of its layers, top first, ':' between them; NULL: no label says so */
	struct image_config config;
	struct dict labels;
};
void image_done(struct image *);

/* A name that ends in @DIGEST says what it points to: -ERR_PRECONDITION when that is not @digest. Whoever reads or writes a
 * record by its name asks this, since other clients write records too. */
int image_check_name(const char *name, const char *digest, struct err *err);

/* Look the image up, in rounds, so that several overlap. -ERR_NOT_FOUND: no such image, or content of it or its snapshot is missing
 * (then davit-image mends it: image_fetch()). The chain comes from the config blob's label
 * containerd.io/gc.ref.snapshot.<snapshotter>; when that is missing: ERR_NOT_FOUND too. Platform: the host's, or @platform
 * ("linux/arm64"). */
struct image_look;
struct image_look *image_look_begin(struct ctrd *, const char *name, const struct ctx *);
void image_look_free(struct image_look *);
bool image_look_ready(const struct image_look *); /* image_look_go_on() would not wait */
/* 1: a further round was begun. Else it is over: 0 with *ret. */
int image_look_go_on(struct image_look *, struct ctrd *, const char *platform, const char *snapshotter, const struct ctx *,
		     struct image *ret, struct err *err);

struct image_helper {
	const char *address, *ns, *snapshotter, *platform, *lease; /* as davit itself uses them; lease may be NULL */
	const char *authfile;                                      /* of pull: instead of Docker's config.json; may be NULL */
	const char *username, *password; /* of pull: for the image's registry; may be NULL. No command line has them */
	const char *credential_helper;   /* of pull: docker-credential-NAME, where the authfile says nothing; may be NULL */
	bool no_authfile;                /* of pull: Docker's config.json is not looked at */
	const char *mark;                /* of pull and load: KEY=VALUE, a label of the record where it is new; may be NULL */
	bool quiet, debug;
	bool json_progress, plain_progress; /* plain: a line a layer, where others print beside it */
	bool keep_err;                      /* its standard error is child_err()'s: whoever takes it out of there gets all of it */
	void (*ended)(void *arg);           /* as child.h has it; may be NULL */
	void *arg;
	int out_fd;  /* > 4: its descriptor 3, an archive that it writes (or reads), or a lock that lives as long as it does */
	int root_fd; /* > 4: its descriptor 4, the tree to export */
};
/* Runs `davit-image VERB ARGS...` with our standard error (progress) and, for load and import, our standard input. Its
 * result object (one JSON line on its standard output) is the caller's; its error becomes ours, hint and code included.
 * Ctrl-C ends the helper too (SIGINT, and 5 s to clean up). Verbs: pull, unpack, load, import, save, export; see
 * davit-image --help. */
int image_helper_run(struct loop *, const struct image_helper *, const char *verb, const struct strv *args, const struct ctx *,
		     json **ret, struct err *err);
/* The same in parts: it is started; child_ended() says when _end() would not wait, which frees it. One that is not wanted any more:
 * _stop() (NULL is fine). */
int image_helper_begin(struct loop *, const struct image_helper *, const char *verb, const struct strv *args, struct child **ret,
		       struct err *err);
int image_helper_end(struct child *, const struct ctx *, json **ret, struct err *err);
void image_helper_stop(struct child *);
/* Of several: all are told to end before any is waited for, which _end() does, and frees it. Each of the two once. */
void image_helper_stop_begin(struct child *), image_helper_stop_end(struct child *);

/* For the faces: lists and records. */
struct image_row {
	char *name, *digest, *short_id, *platform;
	int64_t size, created_at;
	bool unpacked;
};
struct image_rows {
	struct image_row *v;
	size_t n;
};
void image_rows_done(struct image_rows *);
int image_list(struct ctrd *, const char *snapshotter, const struct ctx *, struct image_rows *ret, struct err *err);
/* @what is a reference, or an ID: what is printed as one, the digest of the record's target, of a manifest or of a
 * configuration, with or without "sha256:", or a beginning of at least 4 digits. NAME@DIGEST is found under a tag of NAME, too,
 * when that points to just this digest. -ERR_INVALID: several images begin with it, and are listed. */
int image_find(struct ctrd *, const char *what, const struct ctx *, struct ctrd_image *ret, struct err *err);
/* The same with every name of an image that is found by its ID. */
int image_find_all(struct ctrd *, const char *what, const struct ctx *, struct ctrd_images *ret, struct err *err);
/* An ID, whatever images there are: no reference reads like that. */
bool image_is_id(const char *what);
/* A name that somebody gave: with a tag, and not by `image load` for want of one. */
bool image_is_named(const char *name);
/* image_find() may know it under another name than its own. */
bool image_may_differ(const char *what);
int image_inspect(struct ctrd *, const char *what, const char *platform, const char *snapshotter, const struct ctx *, json **ret,
		  struct err *err);
/* Removes the name, all names of one that is given by its ID; content goes with containerd's collection. -ERR_PRECONDITION,
 * unless @force: in use by a container, which is named; or an ID that has several names. */
int image_remove(struct ctrd *, const char *what, bool force, const struct ctx *, struct strv *removed, struct err *err);
/* @name is what @what is: it may have meant another image before. *ret_name, the full form, is the caller's; may be NULL. */
int image_tag(struct ctrd *, const char *what, const char *name, const struct ctx *, char **ret_name, struct err *err);

struct image_prune {
	bool all; /* named ones too */
	bool dry_run;
	int64_t until;         /* only those made before; 0: all (ns since the epoch) */
	struct strv labels;    /* "KEY" or "KEY=VALUE" of the configuration, all of them */
	struct strv no_labels; /* none of these */
};
/* Removes the names of images that no container was made from: those that nobody named (no tag, or localhost/loaded, which
 * davit gave), unless a tag points to the same. Adds what it removed to @removed, also when it fails. */
int image_prune(struct ctrd *, const struct image_prune *, const char *snapshotter, const struct ctx *, struct strv *removed,
		struct err *err);

/* How an image was built, newest step first. */
struct image_step {
	char *created_by, *comment, *digest;
	int64_t created_at, size;
}; /* digest NULL: it made no layer */
struct image_history {
	struct image_step *v;
	size_t n;
};
void image_history_done(struct image_history *);
int image_history(struct ctrd *, const char *what, const char *platform, const char *snapshotter, const struct ctx *,
		  struct image_history *ret, struct err *err);
