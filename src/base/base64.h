/* Base64 with padding (RFC 4648, section 4). */
#pragma once
#include "buf.h"
#include "err.h"

void base64_encode(struct buf *out, const void *data, size_t len);
/* Strict: no white space, padding where it belongs. -ERR_INVALID, and nothing is added. */
int base64_decode(struct buf *out, const char *s, size_t len, struct err *err);
