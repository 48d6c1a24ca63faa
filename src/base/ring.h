/* Bytes on their way from one descriptor to another: first in, first out, in room of a fixed size. A zeroed ring has none until
 * ring_init(), so one that is never needed costs nothing. */
#pragma once
#include "attr.h"
#include <stdbool.h>
#include <stddef.h>

struct ring {
	char *data;
	size_t room, at, len;
};

void ring_init(struct ring *, size_t room);
void ring_done(struct ring *);
static inline size_t ring_space(const struct ring *r) { return r->room - r->len; }
/* As much of @n bytes as there is space for: how many. */
size_t ring_put(struct ring *, const void *p, size_t n);
/* The oldest bytes, as many as lie in one piece: NULL and 0 when there are none. */
const char *ring_next(const struct ring *, size_t *ret_n);
void ring_drop(struct ring *, size_t n); /* forgets the oldest @n */
