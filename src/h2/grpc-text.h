/* What gRPC writes into HTTP/2 header fields: percent-encoded messages, timeouts, and how HTTP's own statuses and
 * HTTP/2's error codes are to be read where no grpc-status came. Source: gRPC over HTTP/2 protocol; gRPC's
 * http-grpc-status-mapping. */
#pragma once
#include "buf.h"
#include "err.h"
#include <stdint.h>

/* grpc-message: bytes outside 0x20..0x7e and '%' become %XX. */
void grpc_percent_encode(struct buf *out, const char *s);
/* The inverse. A broken escape is kept as it is; a NUL becomes '?'. */
void grpc_percent_decode(struct buf *out, const char *s, size_t n);

enum { GRPC_TIMEOUT_TEXT = 24 };
/* grpc-timeout: at most eight digits and a unit (n u m S M H), rounded up. Returns @out. */
const char *grpc_timeout_format(int64_t ns, char out[GRPC_TIMEOUT_TEXT]);
/* Nanoseconds, at most INT64_MAX; -ERR_INVALID. */
int grpc_timeout_parse(const char *s, size_t n, int64_t *ret_ns, struct err *err);

/* A status of gRPC or HTTP: at most nine digits; -1 when it is no number. */
int grpc_number_parse(const char *s, size_t n);
enum errc grpc_code_of_http(int status);
enum errc grpc_code_of_h2(uint32_t error_code);
