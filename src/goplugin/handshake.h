/* How a host of go-plugin and its plugin find each other: a cookie in the environment, a unix socket, one line on standard output.
 * Source: go-plugin's server.go and docs/internals.md. */
#pragma once
#include "err.h"
#include <stdbool.h>

/* Whether the environment has the cookie; without it the program was started by a person, not by its host. */
bool handshake_cookie(const char *name, const char *value);
/* A path for the socket that nothing is at: in PLUGIN_UNIX_SOCKET_DIR, else TMPDIR, else /tmp. The caller frees. -ERR_INVALID: it
 * is too long for a socket. */
int handshake_path(char **ret, struct err *err);
/* Give the socket to PLUGIN_UNIX_SOCKET_GROUP (a name of /etc/group, or a number), where that is said: 0660. */
int handshake_group(const char *path, struct err *err);
/* "1|@app|unix|@path|grpc|", after which nothing may be written to @fd: the host reads on, but not for ever. */
int handshake_tell(int fd, unsigned app, const char *path, struct err *err);
