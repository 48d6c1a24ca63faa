/* Being a plugin of HashiCorp's go-plugin: a gRPC server on a unix socket that the host was told of by a line (handshake.h), with
 * the services that every plugin has (plugin-services.c) and those of a table. Runs on a loop, and so does every function of a
 * table: none of them waits. A call is answered at once, or parked (a struct of the caller's on the loop answers it later), or its
 * work is handed to a worker, a thread with a state of its own, and answered when that is done. Workers are started when there is
 * work and end when there has been none for a while, so that an idle plugin has no thread but the loop's. */
#pragma once
#include "ctx.h"
#include "err.h"
#include "loop.h"
#include "plugin-status.h"
#include "workers.h"
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plugin;
struct plugin_call;

struct plugin_method {
	const char *path;                          /* "/package.Service/Method" */
	const ProtobufCMessageDescriptor *request; /* NULL: what it says is not looked at, and begin() gets NULL */
	/* A call, with its request unpacked within bounds (pb.h; a malformed one was answered INVALID_ARGUMENT). It answers, parks
	 * or submits. The request is valid until begin() returns, or until the done() of what it submitted. */
	void (*begin)(struct plugin_call *, const ProtobufCMessage *request);
	/* Of a method whose client sends a stream, else NULL: begin() gets the first message, this the others, until the call is
	 * answered. The request is valid during the call only. */
	void (*message)(struct plugin_call *, const ProtobufCMessage *request);
	/* The client sends nothing more, which for a call without a stream is not told. May be NULL. */
	void (*half_close)(struct plugin_call *);
};

struct plugin_conf {
	const char *path;                          /* of the socket; made, and unlinked in the end */
	const struct plugin_method *const *tables; /* each ends with a zeroed row; the list with NULL */
	void *app;                                 /* plugin_app() */
	unsigned threads;                          /* workers at most */
	unsigned slow_max;                         /* of them for works that are slow (workers.h); 0: all */
	int64_t idle_ms;                           /* a worker without work for so long ends; 0: never */
	void *(*begin)(void *app);                 /* in each worker, first: its state; may be NULL */
	void (*end)(void *state);                  /* in each worker, last; may be NULL */
	plugin_hint_fn *hint;                      /* how remedies are worded for the host; NULL: as they are */
	bool (*busy)(const void *app);             /* what else plugin_drain() is to wait for; may be NULL: nothing */
};

/* Listens when it returns. -ERR_EXISTS: somebody listens at the path. */
int plugin_new(struct loop *, const struct plugin_conf *, struct plugin **ret, struct err *err);
/* The host said GRPCController.Shutdown, or plugin_stop() was called: turn the loop no more, but free it. */
bool plugin_stopping(const struct plugin *);
void plugin_stop(struct plugin *);
/* Tell every work to end, answer what can be answered, and wait at most @ms for both; what is submitted from now on is not run.
 * True: nothing is left at work and plugin_free() returns at once; false: the process is to end by _exit(2) without freeing
 * anything. The socket is unlinked. */
bool plugin_drain(struct plugin *, int64_t ms);
bool plugin_draining(const struct plugin *); /* it has begun: what is cancelled now is cancelled by it */
void plugin_free(struct plugin *);           /* waits for what is at work */
DEFINE_CLEANUP(struct plugin, plugin_free)
void *plugin_of(const struct plugin *);          /* conf.app */
struct workers *plugin_workers(struct plugin *); /* for what works for itself; gone with plugin_free(): NULL inside */

/* ---- a call; until it is answered, by one of the first five, after which its pointer is not used any more */
void plugin_answer(struct plugin_call *, const ProtobufCMessage *); /* this message and OK */
void plugin_answer_packed(struct plugin_call *, const void *msg, size_t len);
void plugin_end(struct plugin_call *); /* OK, behind what was sent */
/* The error (never UNAVAILABLE or CANCELLED, which go-plugin's host takes for the plugin's end: UNKNOWN instead) with its remedy.
 */
void plugin_fail(struct plugin_call *, const struct err *);
/* The same, and whether Nomad shall try again where it heeds that (StartTask, TaskStats). */
void plugin_fail_recoverable(struct plugin_call *, const struct err *, bool recoverable);

void *plugin_app(const struct plugin_call *);
struct loop *plugin_loop(const struct plugin_call *);
struct plugin *plugin_plugin(const struct plugin_call *);
const char *plugin_method_name(const struct plugin_call *); /* "StartTask" */
int64_t plugin_deadline(const struct plugin_call *); /* of the client, clock_mono() ns; 0: none. It is answered then by itself */
/* Leave the call open. @closed(@arg) is called once when the client has gone (or gave up) before it was answered; the pointer is
 * not used any more from then on. It is not called after an answer of its own;
 * a client that spoils the call by a request too many, or a malformed one, has gone, too. Once more: the last one counts. */
void plugin_park(struct plugin_call *, void (*closed)(void *arg), void *arg);
/* The @arg of plugin_park(); NULL: it is not parked. */
void *plugin_parked(const struct plugin_call *);
/* One message of several; plugin_end() or plugin_fail() follows. */
void plugin_send(struct plugin_call *, const ProtobufCMessage *);
void plugin_send_packed(struct plugin_call *, const void *msg, size_t len); /* one that stands in its wire form */
/* Bytes sent that the client has not taken: a producer waits while this is large. */
size_t plugin_unsent(const struct plugin_call *);
/* Call @taken(@arg) once when no more than @below of them are left, from the loop, unless the call ends before. NULL: not any more.
 */
void plugin_when_taken(struct plugin_call *, size_t below, void (*taken)(void *arg), void *arg);
/* Let the client send no more messages (its window fills) until false: for a reader that is slow. One message of those that were
 * underway may still come for each that is whole already. */
void plugin_pause(struct plugin_call *, bool paused);

/* ---- work of a call, or of the plugin itself, in a worker; inside its owner, who keeps it until done() */
struct plugin_work {
	/* In a worker's thread, with that thread's state. Heeds @ctx: the client's deadline, and its cancel token, which is set
	 * when the client goes (unless @keep) and when the plugin stops. */
	int (*run)(void *arg, void *state, const struct ctx *, struct err *err);
	/* On the loop, once, always in a turn to come, or inside plugin_free(): @r is what run() returned, -ERR_CANCELLED when it
	 * was not run, or -ERR_EXHAUSTED when too much waits already. Who is told of -ERR_CANCELLED does not begin it again.
	 * Answers @call, which is NULL when the client has gone or there is none. Frees the owner. */
	void (*done)(void *arg, struct plugin_call *call, int r, const struct err *err);
	void *arg;
	bool keep;  /* goes on when the client has gone: what stops or destroys */
	bool first; /* before those that wait for a worker and are not: what is short, and ends others */
	bool undo;  /* begins while the plugin drains, too: it takes back what nobody would know of */
	/* the plugin's: */
	struct work work;
	struct plugin *plugin;
	struct plugin_call *call;
	struct list_node node;
	struct post refused;
	bool is_refused;
	struct err err;
	int r;
};
/* The work sets run, done, arg, keep, first; a call has one at a time. closed() of plugin_park() is not called while it is at work:
 * done() tells. */
void plugin_submit(struct plugin_call *, struct plugin_work *);
/* Of no call: what the plugin does by itself. */
void plugin_background(struct plugin *, struct plugin_work *);
/* Tell it to end; done() follows. */
void plugin_cancel(struct plugin_work *);
