/* ttrpc over a unix socket: the client, for shims and for containerd's event service. Waits turn the loop, as those of
 * grpc.h do, and errors are the same: a broken connection is -ERR_UNAVAILABLE for every call, a status its own code.
 * ttrpc knows no cancel: the answer to a call that was freed or has timed out is dropped when it comes. It has no flow
 * control either: a stream whose messages are not taken is given up with -ERR_EXHAUSTED at TTRPC_UNREAD_MAX.
 *
 * Unary calls allocate nothing once one of their size has been made: requests are written into the connection's kept output,
 * calls come from those that were freed, and an answer's buffer changes places with the caller's. */
#pragma once
#include "buf.h"
#include "ctx.h"
#include "dict.h"
#include "err.h"
#include "loop.h"
#include <stdbool.h>

struct ttrpc;
struct ttrpc_call;

enum {
	TTRPC_UNREAD_MAX = 16 << 20, /* bytes of a stream's messages that nobody has taken, 64 for each besides */
	TTRPC_CALLS_KEPT = 16,       /* structs of calls that were freed, for those to come */
};
enum ttrpc_kind {
	TTRPC_UNARY,
	TTRPC_CLIENT_STREAM, /* messages of ours, then one answer */
	TTRPC_SERVER_STREAM, /* one message of ours, then answers */
	TTRPC_BIDI,
};

/* connect(2); errors of grpc_open(). */
int ttrpc_open(struct loop *, const char *path, struct ttrpc **ret, struct err *err);
void ttrpc_free(struct ttrpc *); /* calls that are still open must be freed first */
DEFINE_CLEANUP(struct ttrpc, ttrpc_free)
bool ttrpc_alive(const struct ttrpc *);

/* Start a call. @msg is the one message of a unary call and of a server stream; the other kinds have NULL, 0 here and
 * use ttrpc_send(). @md may be NULL. @ctx gives the deadline: sent, and enforced here too. Never NULL. */
struct ttrpc_call *ttrpc_start(struct ttrpc *, enum ttrpc_kind, const char *service, const char *method, const void *msg,
			       size_t len, const struct dict *md, const struct ctx *ctx);
/* Call @fn once, from the loop or from what made it end, when the call has ended: what it waits for then is there. It may free the
 * call and start others, but not free the client. For callers that do not wait. */
void ttrpc_notify(struct ttrpc_call *, void (*fn)(void *arg, struct ttrpc_call *), void *arg);
void ttrpc_send(struct ttrpc_call *, const void *msg, size_t len, bool last);
void ttrpc_send_end(struct ttrpc_call *);
/* As grpc_recv(), grpc_ready(), grpc_unary_end(). */
int ttrpc_recv(struct ttrpc_call *, const struct ctx *ctx, struct buf *ret, struct err *err);
bool ttrpc_ready(const struct ttrpc_call *);
int ttrpc_unary_end(struct ttrpc_call *, const struct ctx *ctx, struct buf *ret, struct err *err);
void ttrpc_call_free(struct ttrpc_call *);
DEFINE_CLEANUP(struct ttrpc_call, ttrpc_call_free)
