/* HTTP/2 by hand: frames that no client of ours writes. Blocking, with a time limit. */
#pragma once
#include "buf.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	RAW_DATA = 0,
	RAW_HEADERS = 1,
	RAW_RST = 3,
	RAW_SETTINGS = 4,
	RAW_PING = 6,
	RAW_GOAWAY = 7,
	RAW_WINDOW = 8,
	RAW_CONTINUATION = 9
};
enum { RAW_END_STREAM = 1, RAW_ACK = 1, RAW_END_HEADERS = 4 };
#define RAW_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

int raw_dial(const char *path); /* a descriptor, or -1 */
/* Append a frame. */
void raw_frame(struct buf *, unsigned type, unsigned flags, uint32_t stream, const void *p, size_t n);
/* Append preface and SETTINGS, with this initial window. */
void raw_hello(struct buf *, uint32_t window);
/* Append the header block of a gRPC request for @path, as HEADERS that end the block. */
void raw_request(struct buf *, uint32_t stream, const char *path, bool last);
/* Append a message in DATA. */
void raw_message(struct buf *, uint32_t stream, const void *p, size_t n, bool last);
/* All of it within @ms: 0; -1: it was not taken, or the peer has closed. */
int raw_send(int fd, const struct buf *, int ms);
/* Until the peer closes: 0, and what it said is appended; -1: it has not within @ms. */
int raw_until_closed(int fd, struct buf *ret, int ms);
