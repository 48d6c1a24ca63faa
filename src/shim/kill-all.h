/* A signal for all processes of a container: its engine sends it, which knows how it keeps them together, and stops those that
 * fork meanwhile. Each has an engine of its own, beside whatever else is done to the container. */
#pragma once
#include "container.h"

/* @call->ended follows. */
int kill_all_call(struct engine_call *, const struct container *, int sig, struct err *err);
/* The call @asked, whose method has kill_all_closed(), is answered when the engine has done it. */
void kill_all(struct container *, int sig, struct ttrpc_stream *asked);
void kill_all_closed(void *arg, struct ttrpc_stream *asked);
/* The container goes: the rest of them end. */
void kill_all_end(struct container *);
void kill_all_abandon(struct container *); /* the same, and nobody is answered */
