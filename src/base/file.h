/* Files and folders as davit needs them: bounded reads, atomic writes, trees. Errors name the path. */
#pragma once
#include "buf.h"
#include "ctx.h"
#include "err.h"
#include <stdbool.h>
#include <sys/types.h>

/* The whole file, appended to @out; -ERR_EXHAUSTED when longer than @max. Works on /proc files. What is no file (a pipe, a
 * device, a folder) is refused: -ERR_INVALID; so nothing that somebody put there makes us wait. */
int file_read(const char *path, size_t max, struct buf *out, struct err *err);
int file_read_at(int dirfd, const char *path, size_t max, struct buf *out, struct err *err);
/* The same of what a user names: a pipe (a shell's <(COMMAND), /dev/stdin) or a device as well. Waits for it under @ctx,
 * but only for a moment for somebody to open a FIFO's other end: -ERR_INVALID when nobody does. */
int file_read_given(const char *path, size_t max, const struct ctx *ctx, struct buf *out, struct err *err);
/* For such files, opened with O_NONBLOCK: waits for something to read. 1: there is, or the end. 0: nothing came for a moment; if
 * read(2) sees the end now, nobody has opened the other end of this FIFO: file_no_writer(). */
int file_await(int fd, const struct ctx *ctx, struct err *err);
int file_no_writer(const char *name, struct err *err);
/* All of it at @at, however many writes that takes. -1 and errno. */
int file_write_at(int fd, const char *p, size_t n, off_t at);
/* A temporary file beside it, then rename(2): readers see the old or the new one. No fsync. */
int file_write(const char *path, const void *data, size_t len, mode_t mode, struct err *err);
/* mkdir -p, whatever the umask: what is missing on the way there is made with 0755, the last folder with @mode. Folders that
 * exist keep theirs. */
int file_mkdirs(const char *path, mode_t mode, struct err *err);
/* The same with 0700 for every folder that is made: below a folder that is our own. */
int file_mkdirs_private(const char *path, struct err *err);
/* A folder of our own: made with @mode when it is not there, made that narrow when it is wider, and ours when it is another's. */
int file_own_folder(const char *path, mode_t mode, struct err *err);
/* rm -rf, never crossing into another file system (a mount), never following links, whoever is at work in it meanwhile.
 * Absent is fine. */
int file_remove_tree(const char *path, struct err *err);
bool file_exists(const char *path);
/* 0 when @path is a file, or is not there at all: for what hands a path to a library that would wait at a pipe. */
int file_check(const char *path, struct err *err);
/* What that is which should have been a file: "a folder", "a pipe", "a socket" or "a device". */
const char *file_kind(mode_t mode);
/* A regular file that we may execute. */
bool file_executable(const char *path);
/* First executable @name in a ':' list of folders; the caller frees; NULL when there is none. */
char *file_find(const char *path_list, const char *name);
/* flock(LOCK_EX) on @path, made with 0600 when absent; returns the fd. Whoever unlinks the file holds it, so what is returned is
 * the file that has the name now.
 * @wait false: -ERR_PRECONDITION at once when somebody else holds it. */
int file_lock(const char *path, bool wait, const struct ctx *ctx, struct err *err);
