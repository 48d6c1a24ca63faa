/* What has gone through the interfaces of a network namespace, by rtnetlink(7). */
#pragma once
#include "err.h"
#include <stdint.h>

/* As those inside see it, of all interfaces but loopback ones, and those that a VM runtime hands on to its guest: what goes through
 * them has gone through another one. */
struct traffic {
	uint64_t received, sent; /* bytes */
};
/* A socket that asks in the namespace of the file @path, however long that goes on: the caller closes it. -ERR_NOT_FOUND: there is
 * no such file. */
int traffic_open(const char *path, struct err *err);
int traffic_read(int fd, struct traffic *ret, struct err *err);
