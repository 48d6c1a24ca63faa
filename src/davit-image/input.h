/* A file or standard input as a stream of bytes, and what libarchive makes of it. */
#pragma once
#include "buf.h"
#include "ctx.h"
#include "err.h"
#include <archive.h>
#include <stdbool.h>

struct input {
	const char *name;      /* for errors: the path, or "standard input" */
	int fd;                /* -1: none */
	const struct ctx *ctx; /* a read that waits ends with it */
	struct err err;        /* of the last read that failed */
	/* Called with all that is read. NULL: nobody looks. */
	int (*tee)(void *arg, const void *p, size_t n, struct err *err);
	void *tee_arg;
	char *chunk;
	struct archive *reader; /* the one in use, and what it was given: */
	int64_t given;
	bool skips; /* the reader may pass over @left bytes of a file that are not read */
	int64_t left;
	size_t peeked; /* bytes at the beginning of @chunk that input_next() has yet to hand out */
};

/* @path "-" or NULL: standard input. */
int input_open(struct input *, const char *path, const struct ctx *, struct err *err);
void input_done(struct input *);
/* The first bytes, up to @n (at most 512), without consuming them: their number. */
ssize_t input_peek(struct input *, size_t n, const char **ret, struct err *err);

/* How much a reader may ask for before it understands the first byte of it: a header, or the name in one of gzip's. */
enum { INPUT_AHEAD_MAX = 4 << 20 };
/* A reader of the whole stream, decompressed (gzip, zstd, xz, bzip2, lzma or none). The input must outlive it. */
int input_decompress(struct input *, struct archive **ret, struct err *err);
/* A reader of the tar inside. */
int input_tar(struct input *, struct archive **ret, struct err *err);
/* libarchive takes a read that fails between two parts of a file for its end: 0 when it was the end. */
int input_ended(const struct input *, struct err *err);
/* What went wrong in an archive that reads from @in: the input's own error first, else libarchive's. */
int input_archive_error(struct input *, struct archive *, struct err *err);

static inline void archive_freep(struct archive **a)
{
	if (*a)
		(void)archive_read_free(*a);
}
