/* ttrpc server: for the shim, and for the shims that tests play. Runs on a loop; a handler is called on it and must not
 * wait: it answers at once, or parks the stream and answers later.
 *
 * A connection allocates what it needs when it is accepted: a message is a slice of its kept input, an answer is written into its
 * kept output, and the server brings the first streams with it. So no request allocates anything that is within CONN_KEEP, and one
 * of TTRPC_SERVER_STREAMS_KEPT at once; what more takes is given back behind it. A parked call is one struct ttrpc_stream.
 *
 * Takes connections of our own user and root only (listener.h). A frame longer than 4 MiB (or CONN_KEEP, while all clients together
 * hold more than listener.h's limit) is skipped and answered with RESOURCE_EXHAUSTED (8), a malformed request with INVALID_ARGUMENT
 * (3), an unknown method with UNIMPLEMENTED (12); the connection goes on. */
#pragma once
#include "err.h"
#include "list.h"
#include "listener.h"
#include "loop.h"
#include "ttrpc-frame.h"
#include <stddef.h>
#include <stdint.h>

struct ttrpc_server;
struct ttrpc_stream; /* one call, as the server sees it */

enum {
	TTRPC_SERVER_STREAMS = 8192,    /* open at once on a connection: a wait of a client is one */
	TTRPC_SERVER_UNSENT = 1 << 20,  /* bytes of answers: a client that leaves so many unread is not read from either */
	TTRPC_SERVER_STREAMS_KEPT = 64, /* structs of streams that are there from the first, and so many that were needed besides */
};

struct ttrpc_method {
	const char *name;
	/* A message: the only one of a unary call. @msg is valid during the call. Not called once the stream has ended. */
	void (*message)(void *arg, struct ttrpc_stream *, const void *msg, size_t len);
	/* The client sends nothing more. Not called once the stream has ended. May be NULL. */
	void (*half_close)(void *arg, struct ttrpc_stream *);
	/* Ended by us, or overdue, or the connection broke: free the stream's state; it dies with it. May be NULL. */
	void (*closed)(void *arg, struct ttrpc_stream *);
};
struct ttrpc_service {
	const char *name;
	const struct ttrpc_method *methods; /* up to one without a name */
};

/* Takes over the listening socket @fd (socket_listen() makes one; a shim inherits it), within @limits (listener.h, NULL: the
 * usual). @services up to one without a name; they stay the caller's, and @arg is for their methods. */
struct ttrpc_server *ttrpc_server_new(struct loop *, int fd, const struct listener_limits *limits,
				      const struct ttrpc_service *services, void *arg);
void ttrpc_server_free(struct ttrpc_server *); /* closes every connection; not inside a handler */
DEFINE_CLEANUP(struct ttrpc_server, ttrpc_server_free)
/* Write out now what was answered, as far as clients take it: before an exit. Not inside a handler. */
void ttrpc_server_flush(struct ttrpc_server *);
size_t ttrpc_server_connections(const struct ttrpc_server *);
struct listener_counts ttrpc_server_counts(const struct ttrpc_server *);

/* What the handler remembers of a stream; NULL until it was set. */
void ttrpc_stream_set(struct ttrpc_stream *, void *state);
void *ttrpc_stream_state(const struct ttrpc_stream *);
/* For the handler to park the stream in a list of its own (those that wait for one exit). It leaves that list by itself when it
 * ends, whoever ends it. */
struct list_node *ttrpc_stream_link(struct ttrpc_stream *);
struct ttrpc_stream *ttrpc_stream_of(struct list_node *link);
const struct ttrpc_method *ttrpc_stream_method(const struct ttrpc_stream *);
/* A value of the request's metadata; valid during the first message(), absent after it. */
struct ttrpc_text ttrpc_stream_md(const struct ttrpc_stream *, const char *key);
/* When the client gives up: clock_mono() ns, 0 for never. The call is ended then with DEADLINE_EXCEEDED (4). */
int64_t ttrpc_stream_deadline(const struct ttrpc_stream *);

/* One message of a server stream or of one in both directions. */
void ttrpc_stream_send(struct ttrpc_stream *, const void *msg, size_t len);
/* Bytes of answers, of all streams of this connection, that the client has not taken: ttrpc has no flow control, so who sends for
 * long waits while this is large. */
size_t ttrpc_stream_unsent(const struct ttrpc_stream *);
/* The answer to a unary call or to a client's stream; it ends the stream. */
void ttrpc_stream_reply(struct ttrpc_stream *, const void *msg, size_t len);
/* The same for @len bytes that the caller writes where it says, before anything else of this server is called. NULL: nobody will
 * hear it. */
void *ttrpc_stream_answer(struct ttrpc_stream *, size_t len);
/* End with a gRPC status and a message (NULL: none). 0 ends a server's stream; for a unary call it is an empty answer.
 * The method's closed() follows when the function that was called by the server returns, or at the next turn. */
void ttrpc_stream_end(struct ttrpc_stream *, unsigned status, const char *message);
/* For fault injection: drop the whole connection of this stream. */
void ttrpc_stream_drop_connection(struct ttrpc_stream *);
