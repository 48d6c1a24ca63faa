/* Where an archive is written: a file that appears when it is whole, or a descriptor that was handed over. */
#pragma once
#include "ctx.h"
#include "err.h"
#include <archive.h>
#include <stdbool.h>
#include <sys/types.h>

struct output {
	const char *name; /* for errors: the path, or "standard output" */
	int fd;
	bool own, pipe;        /* is ours to close; may block */
	char *path, *dir;      /* a new file's; NULL: written in place (a device, a pipe) */
	char *temp;            /* its name until then; NULL: it has none */
	const struct ctx *ctx; /* a write that waits ends with it */
	struct err err;        /* of the last write that failed */
};

/* @path, or @fd when that is NULL. A terminal is refused. What stands at @path stays until output_commit(). */
int output_open(struct output *, const char *path, int fd, const struct ctx *, struct err *err);
int output_write(struct output *, const void *p, size_t n, struct err *err);
/* All is written. */
int output_commit(struct output *, struct err *err);
/* Without commit nothing of a new file stays. */
void output_done(struct output *);

/* A writer of a tar into it. The output must outlive it. */
int output_tar(struct output *, struct archive **ret, struct err *err);
/* What a call of libarchive on such a writer returned: its error, or 0. */
int output_check(struct output *, struct archive *, int r, struct err *err);

static inline void archive_write_freep(struct archive **a)
{
	if (*a)
		(void)archive_write_free(*a);
}
