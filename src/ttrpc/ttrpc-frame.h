/* ttrpc on the wire: frames, and the two protobuf messages inside them, Request and Response. Sans-IO, and nothing is
 * allocated: what is read are slices of the bytes that came, what is written is appended in its place.
 * Frame: u32 length | u32 stream id | u8 type | u8 flags | data, all big-endian.
 * Source: reference containerd.md C.4; ttrpc's PROTOCOL.md. */
#pragma once
#include "buf.h"
#include "dict.h"
#include "err.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	TTRPC_HEAD = 10,
	TTRPC_DATA_MAX = 4 << 20, /* of a frame, as ttrpc's own channel has it: a longer one is skipped and answered with 8 */
	TTRPC_METADATA_MAX = 256, /* entries of a request, which every look for one reads */
};
enum ttrpc_type { TTRPC_REQUEST = 1, TTRPC_RESPONSE, TTRPC_DATA };
enum ttrpc_flags {
	TTRPC_REMOTE_CLOSED = 1, /* the sender sends no more on this stream */
	TTRPC_REMOTE_OPEN = 2,   /* a request that data of the client follows */
	TTRPC_NO_DATA = 4,       /* the frame only carries its flags: it is no empty message */
};

/* A slice of what was read: no NUL stands behind it, nor in it. NULL when the field is absent. */
struct ttrpc_text {
	const char *p;
	size_t n;
};
bool ttrpc_text_is(struct ttrpc_text, const char *s);

struct ttrpc_frame {
	uint32_t id;
	uint8_t type, flags; /* as received: unknown ones are the caller's to refuse */
	bool oversized;      /* longer than TTRPC_DATA_MAX, or than the reader waits for: its data is skipped */
	const void *data;    /* part of what was read */
	size_t len;
};

/* What is still to be skipped. A zeroed struct stands before the first frame. */
struct ttrpc_reader {
	uint32_t skip;
	uint32_t max; /* set by the caller: what is waited for of a frame that is not whole; 0: TTRPC_DATA_MAX */
};
/* The frame at *@p, of which *@n bytes are there. 1: it stands in @ret and *@p, *@n are behind it; 0: it is not whole, *@p stands
 * at its beginning, and at most TTRPC_HEAD + TTRPC_DATA_MAX bytes from there make it so. Any bytes are frames, so it cannot
 * fail. */
int ttrpc_reader_next(struct ttrpc_reader *, const unsigned char **p, size_t *n, struct ttrpc_frame *ret);

/* Append a frame: its head; then, by the caller, its data; then the length into the head. end() says no, and takes the frame
 * out again, when the data is longer than TTRPC_DATA_MAX. */
size_t ttrpc_frame_begin(struct buf *out, uint32_t id, enum ttrpc_type, unsigned flags);
bool ttrpc_frame_end(struct buf *out, size_t begun);
/* All at once; @len is at most TTRPC_DATA_MAX. */
void ttrpc_frame_put(struct buf *out, uint32_t id, enum ttrpc_type, unsigned flags, const void *data, size_t len);

struct ttrpc_request {
	struct ttrpc_text service, method;
	const void *payload; /* NULL when the field is absent, as it is for an empty message */
	size_t len;
	int64_t timeout_ns; /* relative; 0: none */
	/* get: the whole, for ttrpc_request_md() */
	const void *data;
	size_t n;
};
/* -ERR_INVALID: no Request, or one with a NUL in a string, or with too much metadata. */
int ttrpc_request_get(const void *data, size_t n, struct ttrpc_request *ret, struct err *err);
/* The value of a key of its metadata, the last where there are several. */
struct ttrpc_text ttrpc_request_md(const struct ttrpc_request *, const char *key);
void ttrpc_request_put(struct buf *out, const struct ttrpc_request *, const struct dict *md);

struct ttrpc_response {
	unsigned code; /* google.rpc.Status; 0: OK */
	struct ttrpc_text message;
	const void *payload;
	size_t len;
};
/* -ERR_INTERNAL */
int ttrpc_response_get(const void *data, size_t n, struct ttrpc_response *ret, struct err *err);
void ttrpc_response_put(struct buf *out, const struct ttrpc_response *);
/* The same for code 0 and @len bytes that the caller writes where it says, before anything else is appended. */
void *ttrpc_response_room(struct buf *out, size_t len);
