/* The gRPC server engine: one HTTP/2 connection of a client, bytes in and out; its calls go to a grpc_handler
 * (grpc-server.h), inside h2_server_input(). Sans-IO; grpc-server.c puts it on sockets. */
#pragma once
#include "buf.h"
#include "err.h"
#include "grpc-server.h"

struct h2_server;

/* What the engine asks of whoever carries its bytes. */
struct h2_carrier {
	void (*kick)(void *arg); /* there is something to send */
	void (*drop)(void *arg); /* grpc_stream_drop_connection() */
	/* So many bytes of messages that are not whole are held now. False: all connections together hold too much, so that a long
	 * message is refused. NULL: they may. */
	bool (*hold)(void *arg, size_t n);
	void *arg;
};

enum {
	H2_SERVER_STREAMS = 8192,      /* open at once on a connection: a wait of a client is one */
	H2_SERVER_HELD_MAX = 64 << 20, /* bytes of its messages that are not whole yet; the call that goes beyond is ended */
};

struct h2_server *h2_server_new(const struct grpc_handler *, void *arg, const struct h2_carrier *);
/* Another number than H2_SERVER_STREAMS; before the first output. */
void h2_server_streams(struct h2_server *, unsigned n);
/* Every stream that is still open is closed first. */
void h2_server_free(struct h2_server *);
DEFINE_CLEANUP(struct h2_server, h2_server_free)

/* Errors end the connection. */
int h2_server_input(struct h2_server *, const void *p, size_t n, struct err *err);
int h2_server_output(struct h2_server *, struct buf *out, struct err *err);
/* The client has said all of the preface, and its SETTINGS. */
bool h2_server_greeted(const struct h2_server *);
/* End the calls whose deadline has passed at @now (clock_mono()). Returns when it must be called again, 0 for never; a new
 * call, which only input() brings, may make that earlier. */
int64_t h2_server_expire(struct h2_server *, int64_t now);
/* Say GOAWAY: calls that are open go on, new ones are refused; output() fails when the last has ended. */
void h2_server_shutdown(struct h2_server *);
