/* StopTask, DestroyTask, SignalTask. */
#pragma once
#include "plugin.h"

struct core;
struct driver_conf;

void stop_task_begin(struct plugin_call *, const ProtobufCMessage *);
void destroy_task_begin(struct plugin_call *, const ProtobufCMessage *);
void signal_task_begin(struct plugin_call *, const ProtobufCMessage *);

/* In a worker: the task's container @container, or with NULL that of job @job, is ended and goes, as far as gc.container says.
 * -ERR_NOT_FOUND: there is none. */
int stop_remove(struct core *, const struct driver_conf *, const char *container, const char *job, const struct ctx *,
		struct err *);
