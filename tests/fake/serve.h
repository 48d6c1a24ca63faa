/* One call as a service of the fake sees it, and what the services share. */
#pragma once
#include "call.h"
#include "grpc-server.h"
#include "record.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_FAIL,
	FAULT_HANG,
	FAULT_DROP,
	FAULT_DELAY,
	FAULT_AFTER_FAIL,
	FAULT_AFTER_DROP,
	FAULT_RAW,
	FAULT_GATHER
};

struct fault {
	char *where; /* a number, or the end of a method */
	enum fault_kind kind;
	unsigned value; /* status or milliseconds */
	char *raw;      /* hexadecimal digits of an answer */
};

struct program {
	char *key, *what, *output;
};

struct fake_server {
	struct loop *loop;
	struct store store;
	struct list_node calls; /* that are open */
	unsigned count;         /* of calls since the reset */
	struct buf log;         /* of them */
	char *rootfs;           /* a folder that is what every snapshot holds: nothing */
	struct fault *faults;
	size_t n_faults, faults_cap;
	struct program *programs;
	size_t n_programs, programs_cap;
};

struct served {
	struct list_node node;
	struct fake_server *fake;
	struct grpc_stream *stream;
	const struct service_method *method;
	char *ns, *lease;
	struct fault fault; /* where is not used */
	bool begun, ended, gathers;
	char *waits_for;       /* Tasks.Wait: the key of the process */
	struct strv filters;   /* Events.Subscribe */
	struct record *ingest; /* Content.Write: the one it has locked */
	struct buf held;       /* a delayed message */
	struct watch timer;
	int timer_fd;
};

struct service_method {
	const char *path;
	const ProtobufCMessageDescriptor *request; /* NULL: bytes, in the served call's held */
	void (*serve)(struct served *, const ProtobufCMessage *req);
};

/* Answers. send() may be repeated for streams; finish() ends with OK; reply() is both. */
void served_send(struct served *, const ProtobufCMessage *);
void served_finish(struct served *);
void served_reply(struct served *, const ProtobufCMessage *);
void served_empty(struct served *);
void served_bytes(struct served *, const void *p, size_t n); /* a reply to a control method */
void served_fail(struct served *, enum errc code, const char *fmt, ...) _printf_(3, 4);

/* Look up in the call's namespace, or answer NOT_FOUND and return NULL. */
struct record *served_find(struct served *, enum kind, const char *key);
/* Add to the call's namespace and to its lease, or answer ALREADY_EXISTS and return NULL. */
struct record *served_add(struct served *, enum kind, const char *key);
void lease_add(struct served *, const char *type, const char *id);
/* What an update's mask says about labels; false when @path says something else. */
bool update_labels(struct record *, const char *path, const struct dict *to);
Google__Protobuf__Timestamp *time_pack(struct arena *, int64_t ns);

void publish(struct fake_server *, const char *ns, const char *topic, const char *type, const ProtobufCMessage *event);
void task_exit(struct fake_server *, struct record *, uint32_t status);
void blob_put(struct fake_server *, const char *ns, const void *p, size_t n, char ret_digest[72]);
void faults_forget(struct fake_server *);

extern const struct service_method object_methods[], content_methods[], snapshot_methods[], task_methods[], other_methods[],
	control_methods[];
extern const struct grpc_handler fake_handler;
