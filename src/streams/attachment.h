/* Attached to a process that runs (attach.h): what it prints comes to us, and what we say goes to it. On the loop of whoever
 * attaches; nothing here waits but attachment_stay(). */
#pragma once
#include "attach.h"
#include "loop.h"

struct attachment;
struct attachment_conf {
	/* Now the output begins; what came before @at (wall ns) is in the log: logfile_read() with it as until. */
	void (*begun)(void *arg, int64_t at);
	/* A piece of it. What these functions do not take at once the shim keeps for a while; then it is lost. */
	void (*output)(void *arg, enum log_stream, const char *p, size_t n);
	/* We were too slow for @bytes, which would have come here; the log has them, from @since until @until. */
	void (*lost)(void *arg, uint64_t bytes, int64_t since, int64_t until);
	/* Our own input may go on: attachment_write() has taken what it was given. */
	void (*room)(void *arg);
	void (*ended)(void *arg); /* the output has; may free the attachment, as all of these may */
	void *arg;
};

/* @socket: places_attach(). -ERR_NOT_FOUND, -ERR_UNAVAILABLE: the process has ended, or its shim is not davit's. */
int attachment_new(struct loop *, const char *socket, const struct attachment_conf *, struct attachment **ret, struct err *err);
/* Whoever listened has gone: what it has said is all here, though not all of it was passed on yet. */
bool attachment_is_over(const struct attachment *);
void attachment_free(struct attachment *); /* the process's input stays open */
DEFINE_CLEANUP(struct attachment, attachment_free)
/* How much of it was taken, ATTACH_PIECE at most: none while the process does not read, until room(). */
size_t attachment_write(struct attachment *, const char *p, size_t n);
void attachment_close_input(struct attachment *);
/* While we do not read, the shim keeps what fits into the socket. */
void attachment_pause(struct attachment *, bool on);

/* For the owner of a process (log-uri.h) that is about to leave: its input stays open then. Waits for a moment at most. */
void attachment_stay(const char *socket);
