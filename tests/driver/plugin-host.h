/* A client of go-plugin, as Nomad's agent is one to the driver: starts the plugin with its cookie, reads the handshake, connects,
 * calls. Everything stands on the caller's loop. */
#pragma once
#include "child.h"
#include "grpc.h"
#include "pb.h"
#include "strv.h"

#define PLUGIN_COOKIE_KEY "NOMAD_PLUGIN_MAGIC_COOKIE"
#define PLUGIN_COOKIE "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"

enum { HOST_HANDSHAKE_MS = 60000, HOST_END_MS = 2000 }; /* what Nomad's agent grants each */

/* 1|2|unix|ADDRESS|grpc|CERT|MULTIPLEX */
struct handshake {
	unsigned core, app;
	char *network, *address, *protocol, *cert;
	char *multiplex; /* NULL: there is no such field */
};
void handshake_done(struct handshake *);
/* @line without its end. -ERR_INVALID where Nomad would refuse it. */
int handshake_parse(const char *line, struct handshake *ret, struct err *err);

struct host_spec {
	const char *path;
	const char *cookie;     /* NULL: the right one; "": no such variable */
	const struct strv *env; /* besides our own: K=V */
	bool inherit_err;       /* else what it logs is kept: child_err() */
};

struct host {
	struct loop *loop;
	struct child *child; /* NULL: attached to */
	struct grpc *grpc;   /* NULL: not connected */
	struct handshake said;
	int64_t ready_ns; /* from the start to the handshake */
};
/* Kills one that was started and still runs; what was attached to goes on. Calls must have been freed. */
void host_done(struct host *);

/* Start it, and wait until it has said its handshake. -ERR_PRECONDITION: it ended instead, or said something else. */
int host_start(struct host *, struct loop *, const struct host_spec *, struct err *err);
/* To one that runs, as an agent that comes back does. @address is borrowed until the connection is there. */
int host_attach(struct host *, struct loop *, const char *address, struct err *err);
/* Once more, beside the connection that is there: the caller's. */
int host_connect(const struct host *, struct grpc **ret, struct err *err);
/* GRPCController.Shutdown, and its end within @ms (Nomad grants HOST_END_MS): the wait(2) status, or -ERR_DEADLINE, and it is
 * killed. */
int host_shutdown(struct host *, int64_t ms, struct err *err);

struct host_method;
/* One request, one answer, in @a. */
int host_call(struct grpc *, const struct host_method *, const ProtobufCMessage *request, const struct ctx *, struct arena *a,
	      const ProtobufCMessage **ret, struct err *err);
/* An error's grpc-status-details-bin: 1 with *ret_recoverable where a RecoverableError stands in it, 0 where none does. */
int host_recoverable(const struct grpc_call *, bool *ret_recoverable);
