/* Methods of the Driver service that only look: they hold no thread. WaitTask, InspectTask, TaskStats, TaskEvents. */
#pragma once
#include "handle.h"
#include "plugin.h"

void wait_task_begin(struct plugin_call *, const ProtobufCMessage *);
void inspect_task_begin(struct plugin_call *, const ProtobufCMessage *);
void task_stats_begin(struct plugin_call *, const ProtobufCMessage *);
void task_events_begin(struct plugin_call *, const ProtobufCMessage *);

/* The task that a call is about, borrowed. NULL: it is not known, and the call was answered so. */
struct handle *task_of_call(struct plugin_call *, const char *task_id);
