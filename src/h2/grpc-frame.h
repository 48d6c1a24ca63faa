/* gRPC's framing inside an HTTP/2 stream: one byte "compressed", four bytes big-endian length, the message. Sans-IO.
 * Source: gRPC over HTTP/2 protocol, "Length-Prefixed-Message". */
#pragma once
#include "buf.h"
#include "err.h"
#include <stdbool.h>

enum { GRPC_FRAME_HEAD = 5 };

/* What has arrived of one message. A zeroed struct waits for the first byte. */
struct grpc_frame {
	unsigned char head[GRPC_FRAME_HEAD];
	size_t n_head, want; /* want: the body's announced length, once the head is complete */
	struct buf body;
};
void grpc_frame_done(struct grpc_frame *);

/* Take bytes from *@p, *@n. 1: a whole message stands in @ret, and what follows it is still in *@p; 0: all bytes were
 * taken and more are needed. -ERR_EXHAUSTED: longer than GRPC_MESSAGE_MAX; -ERR_UNIMPLEMENTED: compressed; the stream
 * cannot be read on after either. Memory grows with what arrives, not with what is announced. */
int grpc_frame_feed(struct grpc_frame *, const unsigned char **p, size_t *n, struct buf *ret, struct err *err);
/* Bytes of a message that is not whole yet; not 0 at the end of a stream means that it was cut. */
size_t grpc_frame_held(const struct grpc_frame *);
/* Append @msg with its head. */
void grpc_frame_put(struct buf *out, const void *msg, size_t len);
