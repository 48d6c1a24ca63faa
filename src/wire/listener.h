/* A listening socket: takes connections of peers that may, within limits, for as long as it lives. What a server has for
 * one connection is its own struct with a struct guest in it. */
#pragma once
#include "conn.h"
#include "list.h"
#include <stdbool.h>
#include <stdint.h>

struct listener;

enum {
	/* A client of a server has a connection or two, containerd has one for each container of a pod and, restarted, some that
	 * are not seen as closed yet. More is a client that leaks, and every connection may hold a message of ours. */
	LISTENER_CONNECTIONS = 256,
	/* Bytes of messages that are not whole, or not sent, of all connections together: each has room for its longest message,
	 * all at once have not. What LISTENER_CONNECTIONS keep for messages of a usual size is a quarter of it. */
	LISTENER_HELD_MAX = 128 << 20,
};

/* Zeroed, or NULL, is LISTENER_CONNECTIONS, our own user and root, and patience without end: closing a connection of
 * containerd's would tell it that its shim has died. */
struct listener_limits {
	size_t connections; /* at once; beyond it a connection is closed as soon as it is accepted, so that the client hears of it
			     */
	size_t held;        /* bytes of all; 0: LISTENER_HELD_MAX */
	int64_t silence_ms; /* a peer that says nothing at all for so long is no client; 0: never */
	int64_t stall_ms;   /* one that takes nothing of its answers for so long keeps our memory; 0: never */
	const uid_t *uids;  /* who may connect besides our own user and root; copied */
	size_t n_uids;
};

struct listener_counts {
	uint64_t accepted, full, foreign; /* taken; refused for their number; refused for their user */
};

/* Takes @fd over (socket_listen() makes one, a shim inherits it). @fn has a new connection's descriptor: it calls guest_init(). */
struct listener *listener_new(struct loop *, int fd, const struct listener_limits *, void (*fn)(void *arg, int fd), void *arg);
/* Take no more connections; the guests stay. */
void listener_stop(struct listener *);
void listener_free(struct listener *); /* every guest must be gone */
struct listener_counts listener_counts(const struct listener *);

struct guest {
	struct list_node node;
	struct listener *listener;
	struct conn *conn;
	size_t held; /* guest_hold() */
};
/* Only inside the listener's function. */
void guest_init(struct guest *, struct listener *, int fd, const char *name, const struct conn_ops *, void *arg);
void guest_done(struct guest *); /* closes the connection; as conn_free(), not inside input() and output() */
/* What the engine has of messages that are not whole, besides the conn's own buffers. */
void guest_hold(struct guest *, size_t n);
/* Bytes that all guests hold; whether that is beyond the limit. Engines refuse a long message then (longer than CONN_KEEP): the
 * guests with small ones are not to blame. */
size_t listener_held(const struct listener *);
bool listener_full(const struct listener *);
struct list_node *listener_guests(struct listener *);
size_t listener_n(const struct listener *);
