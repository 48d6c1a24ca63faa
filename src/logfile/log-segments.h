/* Inside the layer: the files that a log is made of, as a reader meets them. */
#pragma once
#include "logfile.h"

struct log_segment {
	int fd;
	dev_t dev;
	ino_t ino;
	off_t size;
	int64_t changed;
};
struct log_segments {
	struct log_segment *v;
	size_t n, cap;
}; /* newest first */
void log_segments_done(struct log_segments *);
/* All that there are, each once. None is no error. */
int log_segments_open(const char *path, struct log_segments *ret, struct err *err);
/* The same file, whatever its name is now; NULL. */
const struct log_segment *log_segments_find(const struct log_segments *, const struct log_segment *what);

/* Behind its last record that is whole: what follows is still being written. */
off_t log_segment_end(const struct log_segment *);

/* The tail: it begins behind the last record that is not part of it. */
struct log_tail {
	int64_t want, got, until;
	bool began;
};
/* Where the tail begins in this file, of which those that are newer have had their part. True: here indeed; false: it takes in all
 * of it, and more. */
bool log_segment_tail(const struct log_segment *, struct log_tail *, off_t *ret_start);
