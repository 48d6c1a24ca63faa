/* What the methods of the task service have in common: a request is unpacked, what it names is looked up, and the call is answered,
 * refused, or parked while an engine works. What finds nothing has refused the call, and is NULL. */
#pragma once
#include "container.h"
#include "shim.pb-c.h"
#include "pb.h"

/* It lives in @a. */
const void *task_request(struct ttrpc_stream *, const ProtobufCMessageDescriptor *type, const void *msg, size_t len,
			 struct arena *a);
struct container *the_container(struct shim *, struct ttrpc_stream *, const char *id);
struct process *the_process(struct shim *, struct ttrpc_stream *, const char *id, const char *exec_id);
/* Of one that no engine works on. While one does the call is parked (parked.h), with its request @msg, and NULL is returned. */
struct process *idle_process(struct shim *, struct ttrpc_stream *, const char *id, const char *exec_id, const void *msg,
			     size_t len);

void task_answer(struct ttrpc_stream *, const ProtobufCMessage *msg);   /* NULL: an empty one */
void task_answer_end(struct ttrpc_stream *, int r, const struct err *); /* an empty answer, or the error @r */
void task_refuse(struct ttrpc_stream *, int r, const struct err *);
void refuse_as(struct ttrpc_stream *, enum errc, const char *why);

/* The call that was parked with process_engine(), to be answered now; NULL: its client has gone. */
struct ttrpc_stream *take_asked(struct process *);
/* closed() of the methods that park one. */
void task_closed(void *arg, struct ttrpc_stream *);

void task_tell(const struct process *, const char *topic, const char *name, const ProtobufCMessage *);
Google__Protobuf__Timestamp task_time(int64_t wall);
