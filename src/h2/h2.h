/* What the HTTP/2 client and server engines share: bytes in and out of an nghttp2 session, header fields, and the
 * bytes that a stream has still to send. Sans-IO. */
#pragma once
#include "buf.h"
#include "dict.h"
#include "err.h"
#include <nghttp2/nghttp2.h>
#include <stdbool.h>

enum {
	H2_WINDOW = 8 << 20,       /* of a stream and of the connection */
	H2_HEADERS_MAX = 64 << 10, /* a header list as RFC 9113 6.5.2 counts it: 32 for each field */
	H2_OUTPUT_CHUNK = 128 << 10,
};

/* -ERR_UNAVAILABLE: the peer broke the protocol; @why is what nghttp2 said of it. */
int h2_input(nghttp2_session *, const void *p, size_t n, const char *why, struct err *err);
/* Append what is to be sent, about H2_OUTPUT_CHUNK bytes at a time. -ERR_UNAVAILABLE when nothing is left to be sent
 * nor read: the connection is over. */
int h2_output(nghttp2_session *, struct buf *out, const char *why, struct err *err);
/* For the send and error callbacks of both engines: keep in @why what ends the session. */
enum { H2_WHY = 200 };
void h2_note_goaway(char why[H2_WHY], const nghttp2_frame *sent);
void h2_note_complaint(char why[H2_WHY], const char *msg, size_t len);
/* The session's first SETTINGS and window. @streams: how many the peer may open, 0 for none. */
void h2_settings(nghttp2_session *, unsigned streams);
nghttp2_option *h2_options(void);

/* Whether the name of a field is @what. */
bool h2_is(const char *what, const uint8_t *name, size_t n);

/* Header fields of one block; the strings stay the caller's until they were submitted. */
struct h2_fields {
	nghttp2_nv *v;
	size_t n, cap;
};
void h2_fields_done(struct h2_fields *);
void h2_fields_add(struct h2_fields *, const char *name, const char *value);
#define _cleanup_h2_fields_ _cleanup_(h2_fields_done)

/* Bytes of a stream that wait for the peer's windows. */
struct h2_tx {
	struct buf bytes;
	size_t sent;
	bool last; /* nothing will be added */
};
void h2_tx_done(struct h2_tx *);
size_t h2_tx_left(const struct h2_tx *);
/* For a data source's read function: up to @n bytes into @to. */
size_t h2_tx_take(struct h2_tx *, void *to, size_t n);
