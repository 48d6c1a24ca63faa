/* Unix sockets by path: connecting, listening, and who is at the other end. */
#pragma once
#include "err.h"
#include <stdbool.h>
#include <sys/types.h>

/* Connect without waiting: the descriptor is non-blocking. -ERR_NOT_FOUND, -ERR_UNAVAILABLE (nobody listens, or too many wait to be
 * accepted), -ERR_PERMISSION, -ERR_INVALID (the path is too long for a socket). */
int socket_dial(const char *path, int *ret_fd, struct err *err);
/* The process that listens at @path; 0 when nobody does, or nobody knows (it is of another pid namespace). */
pid_t socket_listener(const char *path);
/* The same of a connection to it: who listened when it was made. */
pid_t socket_peer(int fd);
/* A listening socket at @path that has exactly @mode (0600 for ourselves and root) from the moment it is there; one that nobody
 * listens on is replaced, one that somebody does is -ERR_EXISTS. */
int socket_listen(const char *path, mode_t mode, int *ret_fd, struct err *err);
/* The user at the other end, as it was when it connected. False when the kernel does not say. */
bool socket_peer_uid(int fd, uid_t *ret_uid);
