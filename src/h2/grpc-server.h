/* gRPC server on a unix socket: for the fake containerd of the tests, and later the Nomad plugin. Runs on a loop; a handler is
 * called on it and must not wait: it answers at once, or keeps the call and answers later.
 *
 * Takes connections of our own user and root (listener.h), of clients with prior knowledge of HTTP/2; one that closes without a
 * word is no error. PINGs are answered. A message longer than GRPC_MESSAGE_MAX ends its call with RESOURCE_EXHAUSTED (8), a
 * compressed one with UNIMPLEMENTED (12); the connection goes on. Unknown methods are the handler's to refuse. */
#pragma once
#include "grpc.h"
#include "listener.h"

struct grpc_server;
struct grpc_stream; /* one call, as the server sees it */

struct grpc_handler {
	/* A new call. Return state for the other functions, or NULL after grpc_stream_end(): none of them is called then. */
	void *(*open)(void *arg, struct grpc_stream *, const char *method, const struct dict *md);
	/* A whole message of the client; valid during the call only. Not called after grpc_stream_end(). May be NULL. */
	void (*message)(void *state, struct grpc_stream *, const void *msg, size_t len);
	/* The client sends nothing more. Not called after grpc_stream_end(). May be NULL. */
	void (*half_close)(void *state, struct grpc_stream *);
	/* The stream is gone (ended by us, or cancelled, or the connection broke): free the state; @stream dies with it.
	 * May be NULL. */
	void (*closed)(void *state, struct grpc_stream *);
};

/* A client of gRPC speaks first, with the preface: one that has said nothing for so long is none. */
enum { GRPC_SERVER_SILENCE_MS = 10000 };

/* Listens on @path (made, 0600; a stale socket there is replaced, one in use is -ERR_EXISTS), within @limits (listener.h); NULL:
 * the defaults, and GRPC_SERVER_SILENCE_MS. */
int grpc_server_new(struct loop *, const char *path, const struct listener_limits *limits, const struct grpc_handler *, void *arg,
		    struct grpc_server **ret, struct err *err);
/* Closes every connection, unlinks the socket. Not inside a handler. */
void grpc_server_free(struct grpc_server *);
DEFINE_CLEANUP(struct grpc_server, grpc_server_free)
/* Takes no new connections and tells every client GOAWAY; open calls go on, and each connection closes behind its
 * last one. The socket is unlinked. */
void grpc_server_shutdown(struct grpc_server *);
/* How many calls a client may have open on a connection that it makes from now on; H2_SERVER_STREAMS by itself. What it starts
 * beyond that waits with the client. */
void grpc_server_streams(struct grpc_server *, unsigned n);
size_t grpc_server_connections(const struct grpc_server *);
struct listener_counts grpc_server_counts(const struct grpc_server *);

/* One message, copied. Nothing happens when the stream has ended. */
void grpc_stream_send(struct grpc_stream *, const void *msg, size_t len);
/* Trailers: status 0..16 and a message (NULL: none). Nothing may be sent afterwards. */
void grpc_stream_end(struct grpc_stream *, unsigned status, const char *message);
/* What stands in the trailer grpc-status-details-bin: a packed google.rpc.Status, at most GRPC_DETAILS_MAX bytes (a longer one is
 * left out). Before grpc_stream_end(). */
enum { GRPC_DETAILS_MAX = 8 << 10 };
void grpc_stream_details(struct grpc_stream *, const void *status, size_t len);
/* No message() and no half_close() until it is told to go on, when those come that were held: at most a window of bytes, since the
 * client gets no credit for them. Going on calls message(), unless it is said inside of it. */
void grpc_stream_pause(struct grpc_stream *, bool paused);
/* Call @fn(@arg) once when at most @below bytes are unsent, or the stream is about to close; at once where that is so already. It
 * is inside the engine's output: it posts (loop.h), and does nothing else. NULL: not any more. */
void grpc_stream_when_unsent(struct grpc_stream *, size_t below, void (*fn)(void *arg), void *arg);
/* Bytes queued that the client's windows have not let out yet: a producer waits while this is large. */
size_t grpc_stream_unsent(const struct grpc_stream *);
/* When the client gives up, from its grpc-timeout: clock_mono() ns, 0 for never. The call is ended then with
 * DEADLINE_EXCEEDED (4), or reset when the client does not take what is unsent. */
int64_t grpc_stream_deadline(const struct grpc_stream *);
/* For fault injection: drop the whole connection of this stream. The handler's closed() follows at the next turn. */
void grpc_stream_drop_connection(struct grpc_stream *);
