/* Calls that came while an engine worked on what they name: they wait, and are made again, in their order, when nothing works on it
 * any more. Who calls gives up when it likes. */
#pragma once
#include "ttrpc-server.h"

struct shim;
void parked_init(struct shim *);
/* The request is copied. The method's closed() is to be parked_closed() first. */
void parked_add(struct shim *, struct ttrpc_stream *, const void *msg, size_t len);
/* True: it was one of them, and is forgotten. */
bool parked_closed(struct shim *, const struct ttrpc_stream *);
/* Something has ended. They are looked at in the loop's next turn. */
void parked_resume(struct shim *);
