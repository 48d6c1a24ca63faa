/* StartTask. */
#pragma once
#include "plugin.h"

void start_task_begin(struct plugin_call *, const ProtobufCMessage *);
