/* Whether this driver can run tasks, and why it cannot, as Nomad shows it (`nomad node status`): undetected where the operator has
 * switched it off, unhealthy while its options are wrong or containerd is away, healthy as soon as containerd answers. All of it is
 * for the loop's thread; nothing here waits. */
#pragma once
#include "plugin.h"

struct desk;
struct fingerprint;

/* It has not looked yet: fingerprint_look(). */
struct fingerprint *fingerprint_new(struct desk *);
/* Streams that are open are told nothing any more. */
void fingerprint_free(struct fingerprint *);
/* Something has changed: look again. NULL is fine, as for the next. */
void fingerprint_look(struct fingerprint *);
/* Let go of the desk's core, which is about to be another. */
void fingerprint_leave(struct fingerprint *);

/* Fingerprint: a first message as soon as anything is known, then one for each change; the stream never ends. */
void fingerprint_begin(struct plugin_call *, const ProtobufCMessage *request);
