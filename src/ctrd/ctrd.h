/* containerd's services as plain C functions, one header per service: containers.h content.h diff.h events.h images.h
 * introspection.h leases.h namespaces.h snapshots.h tasks.h version.h.
 *
 * Every function that waits turns the connection's loop and takes a ctx. On the hot path a call comes as a pair:
 * X_begin() starts it and returns a struct ctrd_call, X_end() waits, consumes the call (also on error) and decodes.
 * Calls begun on one connection run side by side. Errors carry containerd's own text and gRPC code; no noun is added
 * here beyond the service's own ("image docker.io/library/x:latest", "snapshot ID", ...). What every call can end with:
 * -ERR_DEADLINE and -ERR_CANCELLED of a ctx, -ERR_UNAVAILABLE when the connection breaks, -ERR_DATA_LOSS and -ERR_EXHAUSTED for an
 * answer that cannot be read or is too large; a header names what else a caller branches on. Structures returned are owned by the
 * caller and freed by their _done/_free. Every peer-controlled size is capped: messages at 16 MiB, protobuf nesting at 32, unpacked
 * memory at 64 MiB per message. */
#pragma once
#include "buf.h"
#include "ctx.h"
#include "dict.h"
#include "err.h"
#include "grpc.h"
#include "json.h"
#include "loop.h"
#include "strv.h"

#define CTRD_ADDRESS "/run/containerd/containerd.sock"

struct ctrd; /* a scope: where calls go. It never changes */
struct ctrd_call;

/* A connection to the socket at @address, and a scope on it: @ns is the containerd namespace of its calls ("" for none).
 * Errors of grpc_open(), wrapped as "containerd at ADDRESS": -ERR_NOT_FOUND (no socket), -ERR_UNAVAILABLE (nobody listens),
 * -ERR_PERMISSION. */
int ctrd_open(struct loop *, const char *address, const char *ns, struct ctrd **ret, struct err *err);
/* The same without a connection: ctrd_reopen() makes it; calls before that end with -ERR_UNAVAILABLE. */
struct ctrd *ctrd_unopened(struct loop *, const char *address, const char *ns);
/* More scopes on the same connection, each freed by ctrd_free() in any order; the connection ends with the last. Strings are
 * copied. In another namespace, without a lease: */
struct ctrd *ctrd_in(const struct ctrd *, const char *ns);
/* The same namespace under another lease, which its calls carry in their containerd-lease header; NULL for none: */
struct ctrd *ctrd_under(const struct ctrd *, const char *lease);
void ctrd_free(struct ctrd *);
DEFINE_CLEANUP(struct ctrd, ctrd_free)
/* Where it broke, the connection is made anew, for all of its scopes; calls still open on the old one have ended with
 * -ERR_UNAVAILABLE, and stay their owners'. Errors of ctrd_open(). */
int ctrd_reopen(struct ctrd *, struct err *err);
const char *ctrd_address(const struct ctrd *);
const char *ctrd_namespace(const struct ctrd *);
const char *ctrd_lease(const struct ctrd *); /* NULL: none */
struct loop *ctrd_loop(const struct ctrd *);
bool ctrd_alive(const struct ctrd *);
pid_t ctrd_peer(const struct ctrd *); /* containerd's process; 0: there is none, or it is of another pid namespace */
/* How long a content writer waits for containerd to answer, or to take what is written, when its ctx allows longer: a
 * minute by itself. A call without a deadline has five times that, but for those that wait for something to happen. */
void ctrd_set_patience(struct ctrd *, int64_t ms);

/* A call that nobody will end: cancelled. NULL is fine. */
void ctrd_call_free(struct ctrd_call *);
DEFINE_CLEANUP(struct ctrd_call, ctrd_call_free)
/* True when its _end() would not wait. */
bool ctrd_call_ready(const struct ctrd_call *);
/* Instead of waiting: the loop calls @fn(@arg) once, when the call has ended with an answer, an error, its deadline or the loss of
 * its connection: then its _end() does not wait. @fn may end or free this call and others, begin new ones, and free the last scope
 * of the connection; it does not wait (it is inside loop_turn(), base/loop.h), so what it begins gets an @fn of its own. A call
 * that is ended or freed before that is not told of. @fn NULL: not any more. */
void ctrd_call_notify(struct ctrd_call *, void (*fn)(void *arg), void *arg);

/* google.protobuf.Any: type_url is the bare name (reference 0.1). */
struct ctrd_any {
	char *type_url;
	struct buf value;
};
void ctrd_any_done(struct ctrd_any *);

/* An OCI descriptor. */
struct ctrd_descriptor {
	char *media_type, *digest;
	int64_t size;
	struct dict annotations;
};
void ctrd_descriptor_done(struct ctrd_descriptor *);
void ctrd_descriptor_copy(struct ctrd_descriptor *to, const struct ctrd_descriptor *from);

struct ctrd_mount {
	char *type, *source, *target;
	struct strv options;
};
struct ctrd_mounts {
	struct ctrd_mount *v;
	size_t n;
};
void ctrd_mounts_done(struct ctrd_mounts *);
