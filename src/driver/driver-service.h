/* The methods of Nomad's Driver service: which function begins each. Here are those that need no task; the others stand where
 * their noun is. */
#pragma once
#include "plugin.h"

extern const struct plugin_method driver_service[]; /* ends with a zeroed row */

/* exec.c: begin() of a stream gets its first message */
void exec_task_begin(struct plugin_call *, const ProtobufCMessage *);
void exec_streaming_begin(struct plugin_call *, const ProtobufCMessage *);
void exec_streaming_message(struct plugin_call *, const ProtobufCMessage *);
void exec_streaming_half_close(struct plugin_call *);
