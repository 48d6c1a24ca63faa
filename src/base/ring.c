#include "ring.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

void ring_init(struct ring *r, size_t room) { *r = (struct ring){ .data = mem_zalloc(room), .room = room }; }

void ring_done(struct ring *r)
{
	free(r->data);
	*r = (struct ring){ 0 };
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

size_t ring_put(struct ring *r, const void *p, size_t n)
{
	size_t end, first;

	n = least(n, ring_space(r));
	if (!n)
		return 0;
	end = (r->at + r->len) % r->room;
	first = least(n, r->room - end);
	memcpy(r->data + end, p, first);
	memcpy(r->data, (const char *)p + first, n - first);
	r->len += n;
	return n;
}

const char *ring_next(const struct ring *r, size_t *ret_n)
{
	*ret_n = least(r->len, r->room - r->at);
	return r->len ? r->data + r->at : NULL;
}

void ring_drop(struct ring *r, size_t n)
{
	assert(n <= r->len);
	r->len -= n;
	r->at = r->len ? (r->at + n) % r->room : 0;
}
