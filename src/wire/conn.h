/* The one thin file between sans-IO engines and sockets: a connected, non-blocking unix socket on a loop.
 * What an engine wants to send is written when the loop is turned, or by conn_flush(), so that several calls started
 * back to back leave in one write. Also making and accepting the sockets. */
#pragma once
#include "buf.h"
#include "err.h"
#include "loop.h"
#include <sys/types.h>

struct conn;

struct conn_ops {
	/* Bytes of the peer. An error ends the connection. */
	int (*input)(void *arg, const void *p, size_t n, struct err *err);
	/* Append what is to be sent, some 100 KiB at a time; nothing when there is nothing. An error ends it likewise. */
	int (*output)(void *arg, struct buf *out, struct err *err);
	/* The last call: the connection is gone. May free the conn. */
	void (*closed)(void *arg, const struct err *why);
};

/* Takes @fd over. @name stands in errors ("connection to NAME closed by the peer"). */
struct conn *conn_new(struct loop *, int fd, const char *name, const struct conn_ops *, void *arg);
/* Not inside input() and output(). closed() is not called. */
void conn_free(struct conn *);
const char *conn_name(const struct conn *);
/* There may be something to send. */
void conn_kick(struct conn *);
/* Send now what can be sent. May call closed(). */
void conn_flush(struct conn *);
/* From now on read nothing while the peer does not take what was sent: for servers whose protocol has no flow control. */
void conn_polite(struct conn *);
/* Send nothing more and end the connection at the next turn of the loop. Allowed anywhere. */
void conn_abort(struct conn *);

/* -ERR_NOT_FOUND, -ERR_UNAVAILABLE (nobody listens, or too many wait to be accepted), -ERR_PERMISSION,
 * -ERR_INVALID (the path is too long for a socket). */
int conn_dial(const char *path, int *ret_fd, struct err *err);
/* The process that listens at @path; 0 when nobody does, or nobody knows (it is of another pid namespace). */
pid_t conn_listener(const char *path);
/* A listening socket at @path, made with mode 0600; a socket there that nobody listens on is replaced, one that
 * somebody does is -ERR_EXISTS. */
int conn_listen(const char *path, int *ret_fd, struct err *err);

/* Accepts connections for as long as it lives. */
struct acceptor;
struct acceptor *acceptor_new(struct loop *, int fd, void (*fn)(void *arg, int fd), void *arg); /* takes @fd over */
void acceptor_free(struct acceptor *);
