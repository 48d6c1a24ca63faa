/* What a log looks like on disk: records in the CRI format, and the names of rotated files. For logfile.c and logread.c.
 * Source: Kubernetes CRI logging design: "TIME STREAM TAG[:TAG...] TEXT\n", tag P (partial) or F (full). */
#pragma once
#include "logfile.h"

struct logline {
	const char *time;
	size_t time_len;
	enum log_stream stream;
	bool partial; /* its line goes on in the stream's next record */
	const char *text;
	size_t len;
};
enum { LOGLINE_HEAD = 64 }; /* this much of a record is enough to know all but its text */

/* @p to @p + @n: a record without its line end. False: not in this format. Borrows from @p. */
bool logline_parse(const char *p, size_t n, struct logline *ret);
int64_t logline_at(const struct logline *); /* wall ns; 0 when the time cannot be read */
/* Text that comes in two pieces: what was kept from before, and what is new. */
void logline_add(struct buf *out, const char *time, enum log_stream, bool partial, const struct buf *kept, const char *text,
		 size_t n);
/* File number @i of the log: the path itself, then PATH.1 ... The caller frees. */
char *logline_path(const char *path, size_t i);
enum { LOG_FILES_MAX = 256 };
