/* A job's log: files in the CRI line format ("2006-01-02T15:04:05.999999999Z stdout F text\n", P for a partial line),
 * NAME.log, rotated to NAME.log.1 (newest) ... by size and count. Written by davit-logger or a foreground davit, read by `logs`.
 * A layer of its own over base, so that the logger links nothing else. */
#pragma once
#include "buf.h"
#include "ctx.h"
#include "err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum log_stream { LOG_STDOUT, LOG_STDERR };
enum { LOG_LINE_MAX = 16384 }; /* a longer line is written in partial pieces */

struct logfile;
/* Opens for appending; folders are made. @max_size <= 0: never rotated. @max_files counts the one being written, 1 to 256.
 * One writer at a time. What an earlier one left unfinished is ended when its stream goes on. */
int logfile_open(const char *path, int64_t max_size, int64_t max_files, struct logfile **ret, struct err *err);
/* For who must go on whatever happens: a file that cannot be opened is tried again at every write, as on a full disk. */
struct logfile *logfile_new(const char *path, int64_t max_size, int64_t max_files);
/* One that goes into systemd's journal, line by line, and into no file. @journal is taken over. */
struct journal;
struct logfile *logfile_new_journal(struct journal *);
/* A child of ours, forked after this and before the first write, can go on where we end, however we end: nothing that the ledger
 * (ledger.h; borrowed; NULL: that is not so) took is lost then, and nothing stands there twice. What is taken is to be written
 * before more is taken of that stream. */
struct ledger;
void logfile_share(struct logfile *, struct ledger *);
/* In the child, once its parent does not write any more, and with the parent's descriptors closed: what it had taken and not
 * written is written; a line that it has begun goes on. */
void logfile_inherit(struct logfile *);
/* Bytes as they come from the container; whole lines are written at once, the rest is kept until its end comes.
 * A full disk loses lines, never blocks: the first loss is remembered and a line says so when there is room again. */
void logfile_write(struct logfile *, enum log_stream, const char *p, size_t n);
void logfile_flush(struct logfile *);         /* what has no line end yet, as a partial line */
bool logfile_pending(const struct logfile *); /* there is something that logfile_flush() would write */
void logfile_free(struct logfile *);          /* flushes */
DEFINE_CLEANUP(struct logfile, logfile_free)

struct logread {
	const char *path;
	int64_t tail;         /* lines, -1: all. With until: the last lines before it */
	int64_t since, until; /* wall ns; 0: none. Of a line that came in pieces when its first did */
	bool pieces;          /* each piece by its own time: exactly what came then */
	bool follow, timestamps;
	/* Instead of lines JSON objects, one for each record: these members (text without braces), "time", "stream", "partial"
	 * where the line goes on, "text". NULL: lines; borrowed */
	const char *json;
	const char *prefix; /* before each line, as of several logs on one output: a partial line is one then; NULL: none */
	int out_fd, err_fd; /* -1: that stream is left out. One that is a terminal gets text that cannot command it: see
			       utf8_disarm_text(); a pipe or a file gets the job's bytes */
	/* Follow ends once this (may be NULL) has said that the task is gone and the log was quiet for a quarter of a second
	 * (its logger may be that much behind). Called at the start, then whenever wake_fd is readable; ended() takes what
	 * made it so. Without a wake_fd (-1): a few times a second. Not called again once it has said so. */
	bool (*ended)(void *arg);
	void *arg;
	int wake_fd;
};
/* Writes the log to the fds; follows rotation (inotify). A line that cannot be parsed is passed on as it is. A closed
 * out_fd or err_fd (EPIPE; SIGPIPE is the caller's to ignore) ends it: 1. So does the removal of the log: 0.
 * -ERR_NOT_FOUND when there is no such log; a follower waits for it as long as its folder is there. Memory is bounded,
 * however long lines are. */
int logfile_read(const struct logread *, const struct ctx *, struct err *err);
/* Followers of several may learn of further ones, and of the end of all. */
struct logmore {
	/* Asked at the start, and then a few times a second at least: LOGMORE_ONE fills @ret, which is followed from its beginning
	 * on, and whose strings stay until the end. Following goes on, with nothing to read too, until LOGMORE_OVER. */
	enum logmore_answer { LOGMORE_NONE_YET, LOGMORE_ONE, LOGMORE_OVER } (*next)(void *arg, struct logread *ret);
	void *arg;
};
/* The same of several: what is there in the order of its times, then following all; each has the same @follow and descriptors.
 * @more NULL: there are no others; not without @follow. -ERR_NOT_FOUND where one is missing. */
int logfile_read_all(const struct logread *, size_t n, const struct logmore *more, const struct ctx *, struct err *err);
int logfile_remove(const char *path, struct err *err); /* with its rotated ones; absent is fine */
