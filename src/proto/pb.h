/* Protocol buffers over protobuf-c, made safe against a hostile peer: unpacking goes into an arena with a cap, after a scan
 * that bounds nesting and refuses strings which C would cut short. The arena also holds the parts of a message that is
 * being built. */
#pragma once
#include "buf.h"
#include "err.h"
#include <protobuf-c/protobuf-c.h>

enum { PB_DEPTH_MAX = 32, PB_MEMORY_MAX = 64 << 20, ARENA_KEEP = 64 << 10 };

/* Memory that is freed as a whole. A zeroed struct is an empty one. */
struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;                /* of all blocks */
};
void arena_done(struct arena *);
/* Forget everything that it holds, and keep room of at most ARENA_KEEP: what needs no more than last time allocates nothing. */
void arena_reset(struct arena *);
/* @n zeroed bytes, NULL for none. For what we build ourselves: no cap. */
void *arena_get(struct arena *, size_t n);
#define arena_array(a, T, n) ((T *)arena_get((a), sizeof(T) * (n)))

#define _cleanup_arena_ _cleanup_(arena_done)

/* Unpack a message of type @type; it lives in @a, strings are never NULL, absent messages are NULL.
 * -ERR_DATA_LOSS: malformed, nested deeper than PB_DEPTH_MAX, or a NUL inside a string (bytes that are no UTF-8 pass:
 * paths have them). -ERR_EXHAUSTED: more than PB_MEMORY_MAX of memory. */
int pb_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len, struct arena *a, const ProtobufCMessage **ret,
	      struct err *err);
/* The same, and -ERR_DATA_LOSS where a string is no UTF-8, as proto3 has it: for a server, which gives what it was told to others.
 */
int pb_unpack_strict(const ProtobufCMessageDescriptor *type, const void *data, size_t len, struct arena *a,
		     const ProtobufCMessage **ret, struct err *err);
/* Append the wire form of @msg. Its NULL strings and messages are left out. */
void pb_pack(const ProtobufCMessage *msg, struct buf *out);
