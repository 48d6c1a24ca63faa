/* A tar archive that can be read from any place in it: the file itself when it is a plain one, else a decompressed copy, in a
 * temporary file without a name ($TMPDIR, or /var/tmp) that leaves some of its file system free. */
#pragma once
#include "input.h"

struct spool {
	struct input *in; /* where it came from: for errors; must outlive it */
	int fd;           /* in->fd, or the copy */
	bool copied;
	int64_t base;      /* where in fd the archive begins */
	int64_t end;       /* bytes of the archive */
	struct input view; /* what the reader in use reads from */
};

/* -ERR_EXHAUSTED: the temporary folder's file system is nearly full. */
int spool_open(struct spool *, struct input *in, struct err *err);
void spool_done(struct spool *);
/* A reader of the tar from byte @at on, which a header stands at (archive_read_header_position()). One at a time. */
int spool_tar(struct spool *, int64_t at, struct archive **ret, struct err *err);
