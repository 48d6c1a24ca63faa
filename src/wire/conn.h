/* Between sans-IO engines and sockets: a connected, non-blocking socket on a loop.
 * What an engine wants to send is written when the loop is turned, or by conn_flush(), so that several calls started
 * back to back leave in one write. Both buffers are kept from message to message, up to CONN_KEEP bytes each: what a long
 * message needed beyond that is given back behind it. */
#pragma once
#include "buf.h"
#include "err.h"
#include "loop.h"
#include <stdbool.h>
#include <sys/types.h>

struct conn;

enum { CONN_KEEP = 64 << 10 };

struct conn_ops {
	/* Bytes of the peer: returns how many were taken. What was left comes again with what follows it, so an engine that
	 * leaves the beginning of a message has the whole message in one piece; it caps what it waits for. -code ends the
	 * connection. The bytes are valid during the call. */
	ssize_t (*input)(void *arg, const void *p, size_t n, struct err *err);
	/* Append what is to be sent, some 100 KiB at a time; nothing when there is nothing. An error ends it likewise. NULL:
	 * everything is put into conn_out(). */
	int (*output)(void *arg, struct buf *out, struct err *err);
	/* The last call: the connection is gone. May free the conn. */
	void (*closed)(void *arg, const struct err *why);
};

/* Takes @fd over. @name stands in errors ("connection to NAME closed by the peer"). */
struct conn *conn_new(struct loop *, int fd, const char *name, const struct conn_ops *, void *arg);
/* Not inside input() and output(). closed() is not called. */
void conn_free(struct conn *);
const char *conn_name(const struct conn *);
pid_t conn_peer(const struct conn *); /* of a client: socket_peer() */
/* Where to append what is to be sent; then conn_kick(). */
struct buf *conn_out(struct conn *);
/* Bytes that the peer has not taken yet. */
size_t conn_unsent(const struct conn *);
/* The peer does not take anything any more: what is sent is dropped. */
bool conn_is_mute(const struct conn *);
/* There may be something to send. */
void conn_kick(struct conn *);
/* Send now what can be sent; not inside input() and output(). May call closed(). */
void conn_flush(struct conn *);
/* From now on read nothing, and ask input() for nothing that it left, while the peer does not take what was sent: for
 * servers whose protocol has no flow control. */
void conn_polite(struct conn *);
/* End the connection with -ERR_DEADLINE when the peer says nothing at all within @silence_ms from now, or at any later time takes
 * nothing of what is unsent for @stall_ms. 0: never. */
void conn_patience(struct conn *, int64_t silence_ms, int64_t stall_ms);
/* Allocate now what is kept of both buffers: messages that fit need no more. */
void conn_reserve(struct conn *);
/* What both buffers have room for is a part of *@total from now on, until the conn is freed. */
void conn_count(struct conn *, size_t *total);
/* Send nothing more and end the connection at the next turn of the loop. Allowed anywhere. */
void conn_abort(struct conn *);
