/* StopTask, DestroyTask, SignalTask. */
#pragma once
#include "plugin.h"

void stop_task_begin(struct plugin_call *, const ProtobufCMessage *);
void destroy_task_begin(struct plugin_call *, const ProtobufCMessage *);
void signal_task_begin(struct plugin_call *, const ProtobufCMessage *);
