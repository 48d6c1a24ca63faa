/* gRPC over HTTP/2 on a unix socket: the client.
 *
 * A connection belongs to one thread and one loop (base/loop.h). A call is started, which never blocks; whoever waits
 * for one turns the loop, and every other started call goes on meanwhile. A failure to send shows at the wait.
 * A peer that dies, or a connection that breaks, ends every call with -ERR_UNAVAILABLE.
 * Statuses become codes by err_from_grpc(); the message is the peer's, percent-decoded.
 * Sources: gRPC over HTTP/2 protocol; containerd's limits in reference containerd.md B. No PING is ever sent. */
#pragma once
#include "buf.h"
#include "ctx.h"
#include "dict.h"
#include "err.h"
#include "loop.h"
#include <stdbool.h>

enum {
	GRPC_MESSAGE_MAX = 16 << 20, /* of either direction; a longer one is -ERR_EXHAUSTED */
	GRPC_GREETING_MS = 10000,    /* a peer that says nothing for so long behind the first call is given up */
};

struct grpc;
struct grpc_call;

/* connect(2) to the socket at @path; the HTTP/2 preface goes out at once, nothing is waited for.
 * -ERR_NOT_FOUND (no socket), -ERR_UNAVAILABLE (nobody listens), -ERR_PERMISSION. */
int grpc_open(struct loop *, const char *path, struct grpc **ret, struct err *err);
/* A connection that is none, for who makes one later: its calls end with -ERR_UNAVAILABLE. */
struct grpc *grpc_unopened(struct loop *);
void grpc_free(struct grpc *); /* calls that are still open must be freed first */
DEFINE_CLEANUP(struct grpc, grpc_free)
bool grpc_alive(const struct grpc *);
pid_t grpc_peer(const struct grpc *);              /* the process that listens there; 0: not known */
void grpc_set_greeting(struct grpc *, int64_t ms); /* instead of GRPC_GREETING_MS */

/* Start a call of @method ("/package.Service/Method") with metadata @md (may be NULL). @ctx gives the deadline: sent
 * as grpc-timeout, and the loop ends the call at it with -ERR_DEADLINE, whether or not anybody waits for it; each wait has its own
 * ctx besides. Never NULL. */
struct grpc_call *grpc_start(struct grpc *, const char *method, const struct dict *md, const struct ctx *ctx);
/* Queue one message (copied); @last half-closes the stream behind it. */
void grpc_send(struct grpc_call *, const void *msg, size_t len, bool last);
void grpc_send_end(struct grpc_call *);
/* Bytes queued that the peer's windows have not let out yet: an uploader waits while this is large. */
size_t grpc_unsent(const struct grpc_call *);
/* Turn the loop until fewer than @below bytes are unsent or the call has ended. */
int grpc_drain(struct grpc_call *, size_t below, const struct ctx *ctx, struct err *err);

/* The next message into @ret (reset first): 1; 0 when the stream ended with status OK; else the call's error.
 * Turns the loop until there is one. */
int grpc_recv(struct grpc_call *, const struct ctx *ctx, struct buf *ret, struct err *err);
/* Once grpc_recv() has given its end: grpc-status-details-bin, in base64 as it came (a google.rpc.Status); "": none. */
const char *grpc_details(const struct grpc_call *);
/* True when grpc_recv() would not wait. */
bool grpc_ready(const struct grpc_call *);
/* True when its end is there behind what grpc_recv() has not given yet: grpc_unary_end() would not wait either. The answer of a
 * unary call and its end are two frames, which may come one after the other. */
bool grpc_ended(const struct grpc_call *);
/* Instead of waiting: call @fn(@arg) once when the call has ended, with its status, the connection's loss or its deadline, so that
 * what waits for it then does not turn the loop. The loop calls it, never a function of this header, in a turn's end, where several
 * are called in the order in which their calls ended. It may start and free any call, this one too, and free the connection; it
 * does not wait. A call that has ended already is told of in the next turn; one that is freed is not told of. @fn NULL: not any
 * more. A stream whose messages nobody takes does not end once H2_WINDOW is full of them. */
void grpc_notify(struct grpc_call *, void (*fn)(void *arg), void *arg);
/* Frees the call; one that has not ended is cancelled (RST_STREAM CANCEL). NULL is fine. */
void grpc_call_free(struct grpc_call *);
DEFINE_CLEANUP(struct grpc_call, grpc_call_free)

/* Wait for a unary call that was started and sent: exactly one message and status OK. */
int grpc_unary_end(struct grpc_call *, const struct ctx *ctx, struct buf *ret, struct err *err);
