/* ttrpc on the wire: frames, and the two protobuf messages inside them, Request and Response. Sans-IO.
 * Frame: u32 length | u32 stream id | u8 type | u8 flags | data, all big-endian.
 * Source: reference containerd.md C.4; ttrpc's PROTOCOL.md. */
#pragma once
#include "buf.h"
#include "dict.h"
#include "err.h"
#include <stdbool.h>
#include <stdint.h>

enum { TTRPC_HEAD = 10, TTRPC_DATA_MAX = 4 << 20, TTRPC_METADATA_MAX = 256 /* entries */ };
enum ttrpc_type { TTRPC_REQUEST = 1, TTRPC_RESPONSE, TTRPC_DATA };
enum ttrpc_flags {
	TTRPC_REMOTE_CLOSED = 1, /* the sender sends no more on this stream */
	TTRPC_REMOTE_OPEN = 2,   /* a request that data of the client follows */
	TTRPC_NO_DATA = 4,       /* the frame only carries its flags: it is no empty message */
};

struct ttrpc_frame {
	uint32_t id;
	uint8_t type, flags; /* as received: unknown ones are the caller's to refuse */
	bool oversized;      /* longer than TTRPC_DATA_MAX: the data was skipped */
	struct buf data;
};
void ttrpc_frame_done(struct ttrpc_frame *);

/* What has arrived of one frame. A zeroed struct waits for the first byte. */
struct ttrpc_reader {
	unsigned char head[TTRPC_HEAD];
	size_t n_head;
	uint32_t left;
	struct ttrpc_frame frame;
};
void ttrpc_reader_done(struct ttrpc_reader *);
/* Take bytes from *@p, *@n. 1: a whole frame stands in @ret (what was in it is freed); 0: all bytes were taken and
 * more are needed. Any bytes are frames, so it cannot fail. */
int ttrpc_reader_feed(struct ttrpc_reader *, const unsigned char **p, size_t *n, struct ttrpc_frame *ret);

/* Append a frame; @len is at most TTRPC_DATA_MAX. */
void ttrpc_frame_put(struct buf *out, uint32_t id, enum ttrpc_type, unsigned flags, const void *data, size_t len);

/* A decoded Request. Strings are its own; the payload points into what was decoded. */
struct ttrpc_request {
	char *service, *method;
	const void *payload; /* NULL when the field is absent, as it is for an empty message */
	size_t len;
	int64_t timeout_ns; /* relative; 0: none */
	struct dict md;
};
void ttrpc_request_done(struct ttrpc_request *);
/* -ERR_INVALID: no Request, or one with a NUL in a string, or with too much metadata. */
int ttrpc_request_get(const void *data, size_t n, struct ttrpc_request *ret, struct err *err);
void ttrpc_request_put(struct buf *out, const struct ttrpc_request *);

struct ttrpc_response {
	unsigned code; /* google.rpc.Status; 0: OK */
	char *message; /* may be NULL */
	const void *payload;
	size_t len;
};
void ttrpc_response_done(struct ttrpc_response *);
int ttrpc_response_get(const void *data, size_t n, struct ttrpc_response *ret, struct err *err);
void ttrpc_response_put(struct buf *out, const struct ttrpc_response *);
