/* ExecTask (script checks, scripts of templates) and ExecTaskStreaming (nomad alloc exec, actions): a process in a task, as its
 * user, in its folder, with its environment. Neither holds a thread. */
#pragma once
#include "exec-session.h"
#include "plugin.h"

enum { EXEC_KEPT = 4096 /* of each output, the last: what Nomad's own drivers keep (its CheckBufSize) */ };

void exec_task_begin(struct plugin_call *, const ProtobufCMessage *);
void exec_streaming_begin(struct plugin_call *, const ProtobufCMessage *);
void exec_streaming_message(struct plugin_call *, const ProtobufCMessage *);
void exec_streaming_half_close(struct plugin_call *);

/* One of a task that runs. -ERR_NOT_FOUND in Nomad's words, -ERR_PRECONDITION, and the errors of exec_session_new(). */
struct exec_wish {
	const char *task_id;
	char *const *command;
	size_t n;
	bool tty, input;
};
int exec_begin(struct plugin_call *, const struct exec_wish *, const struct exec_session_told *, void *arg,
	       struct exec_session **ret, struct err *err);
