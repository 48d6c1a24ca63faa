/* ttrpc server: for the shim, and for the shims that tests play. Runs on a loop; a handler is called on it and must not
 * wait: it answers at once, or keeps the stream and answers later.
 *
 * Takes connections of our own user and root only (listener.h). A frame longer than 4 MiB is skipped and answered
 * with RESOURCE_EXHAUSTED (8), a malformed request with INVALID_ARGUMENT (3); the connection goes on. A client that does
 * not read its answers is not read from either. */
#pragma once
#include "dict.h"
#include "err.h"
#include "listener.h"
#include "loop.h"
#include <stddef.h>
#include <stdint.h>

struct ttrpc_server;
struct ttrpc_stream; /* one call, as the server sees it */

enum { TTRPC_SERVER_STREAMS = 8192 }; /* open at once on a connection: a wait of a client is one */

struct ttrpc_handler {
	/* A new call. Return state for the other functions, or NULL after the stream was ended: none of them is called then.
	 * An unknown one is ended with 12 (UNIMPLEMENTED). */
	void *(*open)(void *arg, struct ttrpc_stream *, const char *service, const char *method, const struct dict *md);
	/* A message: the only one of a unary call. Not called once the stream has ended. May be NULL. */
	void (*message)(void *state, struct ttrpc_stream *, const void *msg, size_t len);
	/* The client sends nothing more. Not called once the stream has ended. May be NULL. */
	void (*half_close)(void *state, struct ttrpc_stream *);
	/* Ended by us, or the connection broke: free the state; @stream dies with it. May be NULL. */
	void (*closed)(void *state, struct ttrpc_stream *);
};

/* Takes over the listening socket @fd (socket_listen() makes one; a shim inherits it), within @limits (listener.h, NULL: the
 * usual). */
struct ttrpc_server *ttrpc_server_new(struct loop *, int fd, const struct listener_limits *limits, const struct ttrpc_handler *,
				      void *arg);
void ttrpc_server_free(struct ttrpc_server *); /* closes every connection; not inside a handler */
DEFINE_CLEANUP(struct ttrpc_server, ttrpc_server_free)
/* Write out now what was answered, as far as clients take it: before an exit. */
void ttrpc_server_flush(struct ttrpc_server *);
size_t ttrpc_server_connections(const struct ttrpc_server *);
struct listener_counts ttrpc_server_counts(const struct ttrpc_server *);

/* One message of a server stream or of one in both directions. */
void ttrpc_stream_send(struct ttrpc_stream *, const void *msg, size_t len);
/* The answer to a unary call or to a client's stream; it ends the stream. */
void ttrpc_stream_reply(struct ttrpc_stream *, const void *msg, size_t len);
/* End with a gRPC status and a message (NULL: none). 0 ends a server's stream; for a unary call it is an empty answer.
 * The handler's closed() follows when the function that was called by the server returns, or at the next turn. */
void ttrpc_stream_end(struct ttrpc_stream *, unsigned status, const char *message);
/* When the client gives up: clock_mono() ns, 0 for never. The call is ended then with DEADLINE_EXCEEDED (4). */
int64_t ttrpc_stream_deadline(const struct ttrpc_stream *);
/* For fault injection: drop the whole connection of this stream. */
void ttrpc_stream_drop_connection(struct ttrpc_stream *);
