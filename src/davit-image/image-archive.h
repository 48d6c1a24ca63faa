/* What stood in an image archive: the contents files, and where in containerd's store the other files went. */
#pragma once
#include "input.h"
#include "session.h"

enum { ARCHIVE_ENTRIES = 16384, ARCHIVE_JSON_MAX = 20 << 20 };

struct archive_file {
	char *path;
	char *link;        /* of a symbolic or hard link: the path it leads to, from the root; else NULL */
	char *digest;
	int64_t size;
	const char *suffix;/* of the media type, by the compression: "", "gzip" or "zstd"; static */
};
struct archive_files {
	struct archive_file *v;
	size_t n, cap;
	bool layout;       /* it says that it is an OCI layout */
	struct buf index, manifest; /* index.json, manifest.json; empty when missing */
};
void archive_files_done(struct archive_files *);

/* Read all of @in, storing each file that may be a blob. Entries that no image can mean (devices, paths that lead out)
 * are skipped. -ERR_INVALID: damaged; -ERR_EXHAUSTED: more entries, or longer contents files, than the bounds above. */
int archive_scan(struct session *, struct input *in, struct archive_files *ret, struct err *err);
/* The file at @path, links followed; NULL when there is none. */
const struct archive_file *archive_find(const struct archive_files *, const char *path);
/* @path seen from folder @dir, without ".", ".." and double slashes; NULL when it is empty or leads out of the root.
 * The caller frees. */
char *archive_path(const char *dir, const char *path);
