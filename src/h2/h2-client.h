/* The gRPC client engine: bytes of an HTTP/2 connection in, calls' messages and ends out. Sans-IO; grpc.c puts it on a
 * socket.
 *
 * Flow control: the connection's credit goes back as bytes arrive, so that a call nobody reads never holds up another;
 * a stream's credit goes back when its messages are taken. So a call holds at most the message that is next plus
 * H2_WINDOW bytes behind it. */
#pragma once
#include "buf.h"
#include "dict.h"
#include "err.h"
#include "list.h"
#include <stdbool.h>
#include <stdint.h>

struct h2_client;
struct h2_call;

struct h2_client *h2_client_new(void);
void h2_client_free(struct h2_client *); /* its calls must be gone */
DEFINE_CLEANUP(struct h2_client, h2_client_free)

/* Errors of these two end the connection: hand them to h2_client_close(). */
int h2_client_input(struct h2_client *, const void *p, size_t n, struct err *err);
int h2_client_output(struct h2_client *, struct buf *out, struct err *err);
/* Whether output() would append anything. */
bool h2_client_pending(const struct h2_client *);
/* The connection is gone: every call that has not ended ends with @why, and later ones at once. */
void h2_client_close(struct h2_client *, const struct err *why);
/* False once the peer said GOAWAY or the connection is gone: a new call would fail. */
bool h2_client_open(const struct h2_client *);

/* The peer has said its SETTINGS, and so that it is there and speaks HTTP/2. */
bool h2_client_greeted(const struct h2_client *);

/* @timeout_ns: for grpc-timeout, 0 for none. With one, a stream that the peer cancels is -ERR_DEADLINE. */
struct h2_call *h2_call_new(struct h2_client *, const char *method, const struct dict *md, int64_t timeout_ns);
/* Cancels the call when it has not ended. */
void h2_call_free(struct h2_call *);
/* One message, copied; a call that has ended forgets it. */
void h2_call_send(struct h2_call *, const void *msg, size_t len);
void h2_call_half_close(struct h2_call *);
size_t h2_call_unsent(const struct h2_call *);
/* End it from here with @why: the stream is cancelled. Nothing when it has ended. */
void h2_call_fail(struct h2_call *, const struct err *why);

/* Once the call has ended, now or later, @node is appended to @list: whoever has a thousand calls need not ask each. Both stay the
 * caller's, who takes the node out before it frees it. NULL, NULL: not any more. */
void h2_call_tell(struct h2_call *, struct list_node *list, struct list_node *node);
bool h2_call_ended(const struct h2_call *);
/* There is a message, or the call has ended. */
bool h2_call_ready(const struct h2_call *);
/* Only when ready: 1 and the next message (@ret's bytes are replaced), 0 at the end with status OK, or its error. */
int h2_call_take(struct h2_call *, struct buf *ret, struct err *err);
/* Once ended: grpc-status-details-bin of its trailers, in base64 as it came; "": none. */
const char *h2_call_details(const struct h2_call *);
