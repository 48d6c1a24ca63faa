/* What stands in an image archive. It is listed first, by its headers, so that nothing is stored but what a manifest names. */
#pragma once
#include "manifest.h"
#include "session.h"
#include "spool.h"

enum { ARCHIVE_ENTRIES = 16384, ARCHIVE_JSON_MAX = 20 << 20 };

struct archive_file {
	char *path;
	char *link; /* of a symbolic or hard link: the path it leads to, from the root; else NULL */
	int64_t at; /* of its header */
	int64_t size;
	char *digest;       /* once stored */
	const char *suffix; /* of the media type, by the compression: "", "gzip" or "zstd"; static */
};
struct archive_files {
	struct archive_file *v;
	size_t n, cap;
	struct spool spool;
};
void archive_files_done(struct archive_files *);

/* List @in, which must outlive @ret. Entries that no image can mean (devices, paths that lead out) are left out.
 * -ERR_INVALID: damaged; -ERR_EXHAUSTED: more entries than the bound. */
int archive_list(struct input *in, struct archive_files *ret, struct err *err);
/* The file at @path, links followed; NULL when there is none. */
struct archive_file *archive_find(struct archive_files *, const char *path);
/* "blobs/sha256/...". */
struct archive_file *archive_find_blob(struct archive_files *, const char *digest);
/* All its bytes, appended to @ret: -ERR_EXHAUSTED when there are more than @max. One that is called by its digest is checked. */
int archive_get(struct archive_files *, const struct archive_file *, size_t max, struct buf *ret, struct err *err);
/* Make it a blob of containerd's store, once. One that is called by its digest must have it. */
int archive_store(struct session *, struct archive_files *, struct archive_file *, struct err *err);
/* @path seen from folder @dir, without ".", ".." and double slashes; NULL when it is empty or leads out of the root.
 * The caller frees. */
char *archive_path(const char *dir, const char *path);
