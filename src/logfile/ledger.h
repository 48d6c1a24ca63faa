/* What was taken from a job's pipes, and how much of it is in the job's log and in its results (results.h), in memory that we share
 * with a child of ours: killed at whatever moment, we leave behind what the child needs to go on without a loss and without a
 * repetition. */
#pragma once
#include "logfile.h"
#include <sys/types.h>

struct ledger;
/* To be made before the fork. NULL: see errno. */
struct ledger *ledger_new(void);
void ledger_free(struct ledger *);
DEFINE_CLEANUP(struct ledger, ledger_free)

/* As read(2) of a pipe that nobody blocks on and nobody else reads; what it gives is in the ledger. */
ssize_t ledger_take(struct ledger *, enum log_stream, int from, char *p, size_t n);
/* The files: the log has both streams, of the results each has one. */
enum ledger_file { LEDGER_STDOUT, LEDGER_STDERR, LEDGER_LOG, LEDGER_FILES };
/* Before a write of @len bytes at the end, which is @at, of the file @ino: after it the first done[s] bytes that were ever taken
 * from stream s need nobody any more. @len 0: that is so already. */
void ledger_note(struct ledger *, enum ledger_file, ino_t ino, int64_t at, int64_t len, const uint64_t done[2]);

/* In the child, once we are dead: cuts the log back to its last whole write, says which streams have begun in it ... */
void ledger_settle_log(struct ledger *, const char *path, bool ret_begun[2]);
/* ... or sees how much of the last write is in that of the results, of which nothing is cut: it is not ours alone ... */
void ledger_settle_result(struct ledger *, enum log_stream, int fd);
/* ... and then, what was taken of the stream and is not in the file: NULL and 0 at the end. */
const char *ledger_next(struct ledger *, enum ledger_file, enum log_stream, size_t *ret_n);
