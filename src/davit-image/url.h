/* An address's parts, as far as a client of registries needs them. */
#pragma once
#include "buf.h"
#include <stdbool.h>

/* @text, percent-encoded as a part of a query. */
void url_escape(struct buf *to, const char *text);
/* The address's parts, borrowed lengths: scheme is "http" or "https". -1 when it is not such an address: user names,
 * blanks and control characters are refused. */
int url_split(const char *url, bool *ret_tls, const char **ret_host, size_t *ret_host_len, const char **ret_path);
/* localhost, 127.0.0.0/8 and ::1, with or without a port. */
bool url_loopback(const char *host, size_t len);
