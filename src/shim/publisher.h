/* What the shim tells containerd: task events, in their order, over containerd's own ttrpc socket, which is connected when there is
 * something to say and again when containerd has been away. Source: reference containerd.md C.4, C.6. */
#pragma once
#include "loop.h"
#include <protobuf-c/protobuf-c.h>

struct publisher;
/* @address: of containerd's ttrpc socket; NULL or "": nobody is told. Texts are copied. */
struct publisher *publisher_new(struct loop *, const char *address, const char *ns);
void publisher_free(struct publisher *);
/* @name: "TaskExit" and so on; @topic "/tasks/exit". It is told as soon as containerd takes it, in its turn. While containerd is
 * away they wait, EVENTS_BYTES of them; where there are more, the oldest are lost, but no TaskExit ever is: there are as many of
 * those as processes that containerd itself has asked for. */
void publisher_say(struct publisher *, const char *topic, const char *name, const ProtobufCMessage *);
bool publisher_pending(const struct publisher *);
size_t publisher_lost(const struct publisher *); /* so far */
enum { EVENTS_BYTES = 1 << 20 };
