/* RecoverTask: a task that another plugin process has started, or this one under an agent that has gone. */
#pragma once
#include "plugin.h"

void recover_task_begin(struct plugin_call *, const ProtobufCMessage *);
