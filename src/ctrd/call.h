/* Calls inside the layer: one request of a service's method table, and its decoded answer. */
#pragma once
#include "ctrd.h"
#include "pb.h"
#include "any.pb-c.h"
#include "empty.pb-c.h"
#include "field_mask.pb-c.h"
#include "timestamp.pb-c.h"
#include "types.pb-c.h"

struct method {
	const char *path;                        /* "/package.Service/Method" */
	const ProtobufCMessageDescriptor *reply; /* NULL: empty, not looked at */
	const char *noun;                        /* what an error is about, with the id of the call behind it */
};

/* A decoded message: valid until reply_done(). */
struct reply {
	struct arena arena;
	const ProtobufCMessage *msg;
};
void reply_done(struct reply *);
#define _cleanup_reply_ _cleanup_(reply_done)

/* Start a unary call, or one whose answer is a stream. @id names the noun in errors; NULL: none. */
struct ctrd_call *call_begin(struct ctrd *, const struct method *, const char *id, const ProtobufCMessage *req, const struct ctx *);
/* Start a call to which messages will be sent. */
struct ctrd_call *call_open(struct ctrd *, const struct method *, const char *id, const struct ctx *);
void call_send(struct ctrd_call *, const ProtobufCMessage *, bool last);
/* A call of which nothing needs to be asked: its end is success. */
struct ctrd_call *call_nothing(struct ctrd *);

/* Wait for the one answer and consume the call. */
int call_end(struct ctrd_call *, const struct ctx *, struct reply *ret, struct err *err);
/* Same, where the answer says nothing. */
int call_end_empty(struct ctrd_call *, const struct ctx *, struct err *err);
/* Same, and -ERR_NOT_FOUND is success. */
int call_end_absent(struct ctrd_call *, const struct ctx *, struct err *err);
/* True when call_next() would not wait. */
bool call_said(const struct ctrd_call *);
/* The next message of a stream: 1; 0 at its end. The call stays. */
int call_next(struct ctrd_call *, const struct ctx *, struct reply *ret, struct err *err);
struct grpc_call *call_grpc(struct ctrd_call *);
/* The error @r of @err, about the noun of @call unless the text names it already. */
int call_wrap(const struct ctrd_call *, int r, struct err *err);

/* Collects every message of a list with a bound on what they weigh together. */
struct weight {
	size_t total;
};
int weight_add(struct weight *, size_t n, struct err *err);

/* Our structures to messages, whose memory is in the arena (strings are borrowed from the source), and back. What is
 * unpacked goes into a zeroed structure; after an error that holds what came before. */
Types__Entry **entries_pack(struct arena *, const struct dict *, size_t *ret_n);
int entries_unpack(Types__Entry *const *, size_t n, struct dict *ret, struct err *err);
Types__Descriptor *descriptor_pack(struct arena *, const struct ctrd_descriptor *);
int descriptor_unpack(const Types__Descriptor *, struct ctrd_descriptor *ret, struct err *err);
Types__Mount **mounts_pack(struct arena *, const struct ctrd_mounts *);
void mounts_unpack(Types__Mount *const *, size_t n, struct ctrd_mounts *ret);
Google__Protobuf__Any *any_pack(struct arena *, const struct ctrd_any *); /* NULL when it has no type */
void any_unpack(const Google__Protobuf__Any *, struct ctrd_any *ret);
int64_t time_unpack(const Google__Protobuf__Timestamp *); /* ns since the epoch; 0 when absent or out of range */
pid_t pid_unpack(uint32_t);                               /* 0 when it is none */
/* Of a process that has ended, 0 to 255. A job can make a shim say more: one that is traced by it (PTRACE_TRACEME) and stops for
 * a signal looks to it like one that ended without a status, -1. */
static inline uint32_t status_unpack(uint32_t status) { return status > 255 ? 255 : status; }
/* A field mask of "labels.KEY" for each key. */
Google__Protobuf__FieldMask *labels_mask(struct arena *, const struct dict *labels);
/* protobuf-c's structs are not const: what we pack is not written to. */
static inline char *borrow(const char *s) { return (char *)(uintptr_t)s; }
/* An owned copy, NULL for "" and NULL. */
char *text_unpack(const char *);
