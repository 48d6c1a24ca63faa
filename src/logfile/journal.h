/* systemd's journal as the place of a job's log, by its native protocol (systemd: JOURNAL_NATIVE_PROTOCOL): a datagram an
 * entry, "KEY=VALUE\n" for each field, or "KEY\n", 64 bits of length, VALUE, "\n" where the value has a line end. */
#pragma once
#include "buf.h"
#include "dict.h"
#include "err.h"
#include "logfile.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct journal;
/* @fields: of each entry; keys are in upper case. @path NULL: JOURNAL_SOCKET. Nothing is opened before the first entry, and
 * who listens there may change. */
struct journal *journal_new(const char *path, const struct dict *fields);
void journal_free(struct journal *);
DEFINE_CLEANUP(struct journal, journal_free)
/* A line, or with @partial a piece of one. A journal that takes nothing is waited for, for 2 s, and from then on not at all until
 * it takes one again. 0 or -errno. */
int journal_send(struct journal *, enum log_stream, bool partial, const char *text, size_t n);

/* Is there one? -ERR_PRECONDITION says where it was looked for. */
int journal_check(const char *path, struct err *err);
/* One field as the protocol has it. */
void journal_field(struct buf *out, const char *key, const char *value, size_t n);
