/* A signal that its engine sends: for all processes of a container, since it knows how it keeps them together, and stops those that
 * fork meanwhile; and for the first one where that is no process of the host's (engine-kind.h). Each has an engine of its own,
 * beside whatever else is done to the container. */
#pragma once
#include "container.h"

/* @call->ended follows. */
int engine_kill_call(struct engine_call *, const struct container *, bool all, int sig, struct err *err);
/* The call @asked, whose method has engine_kill_closed(), is answered when the engine has done it. */
void engine_kill(struct container *, bool all, int sig, struct ttrpc_stream *asked);
void engine_kill_closed(void *arg, struct ttrpc_stream *asked);
/* The container goes: the rest of them end. */
void engine_kill_end(struct container *);
void engine_kill_abandon(struct container *); /* the same, and nobody is answered */
