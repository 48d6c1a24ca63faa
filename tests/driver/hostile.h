/* Requests that no honest client sends, made of a method's own description, so that a new method or field is covered by itself. */
#pragma once
#include "buf.h"
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* What the fields of this name say where they are not twisted, so that a message comes as far as it can; others are "x", an empty
 * map, 1 or 16. */
struct hostile_word {
	const char *field; /* NULL: the end */
	const char *p;
	size_t n;
	bool numbered; /* another one in each message */
};

/* driver_state of a task "y", as Nomad gives it back, but for the length of its map */
#define HOSTILE_STATE \
	"\xa1v\x01\xa7task_id\xa1y\xa2ns\xa5nomad\xa3job\xa1x\xa9" \
	"container\xa1x\xaastarted_at\x01"

struct hostile {
	const ProtobufCMessageDescriptor *type;
	const struct hostile_word *words;                                     /* or NULL */
	void (*each)(void *arg, const char *name, const struct buf *message); /* @name says what is wrong with it */
	void *arg;
};
void hostile_each(const struct hostile *);
/* One with every field set. */
void hostile_plain(const ProtobufCMessageDescriptor *, const struct hostile_word *, struct buf *out);
