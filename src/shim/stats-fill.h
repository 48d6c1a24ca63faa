/* Messages are filled from the kernel's texts by the names of their fields (metrics.proto): what a message has no field for is
 * passed over, and a file that is not there fills nothing. All is made in an arena. */
#pragma once
#include "cgroup-text.h"
#include "pb.h"

void *stats_new(struct arena *, const ProtobufCMessageDescriptor *);
char *stats_text(struct arena *, const char *); /* a copy */
size_t stats_lines_in(const struct buf *);      /* at most as many */
/* The number @word; "max" is the greatest that the field holds. */
void stats_set(ProtobufCMessage *, const char *field, const char *word);
/* FIELD NUMBER, again and again, from the word @from on. */
void stats_pairs(ProtobufCMessage *, const struct cgroup_line *, size_t from);
/* The same of each line of a file; false: it has none. */
bool stats_lines(const char *path, const char *file, ProtobufCMessage *);
/* A number from the file PREFIX.FIELD for each field that holds one; false: none is there. */
bool stats_files(const char *path, const char *prefix, ProtobufCMessage *);
/* The repeated field @field has what @each makes of each line of a file; NULL: nothing. */
typedef void *stats_each_fn(void *arg, struct arena *, const struct cgroup_line *);
void stats_repeat(const char *path, const char *file, ProtobufCMessage *, const char *field, stats_each_fn *, void *arg,
		  struct arena *);
