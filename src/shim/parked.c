#include "parked.h"
#include "container.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

struct parked {
	struct list_node node;
	struct ttrpc_stream *call;
	size_t len;
	char msg[];
};

/* One that has to wait still parks itself anew, behind those that are left. */
static void parked_again(void *arg)
{
	struct shim *s = arg;
	size_t n = 0;

	list_for_each(it, &s->parked)
		n++;
	for (; n && !list_empty(&s->parked); n--) {
		struct parked *p = container_of(s->parked.next, struct parked, node);

		list_unlink(&p->node);
		ttrpc_stream_method(p->call)->message(s, p->call, p->msg, p->len);
		free(p);
	}
}

void parked_init(struct shim *s)
{
	list_init(&s->parked);
	post_init(&s->unpark, parked_again, s);
}

void parked_add(struct shim *s, struct ttrpc_stream *call, const void *msg, size_t len)
{
	struct parked *p = mem_zalloc(sizeof *p + len);

	p->call = call;
	p->len = len;
	if (len)
		memcpy(p->msg, msg, len);
	list_push(&s->parked, &p->node);
}

bool parked_closed(struct shim *s, const struct ttrpc_stream *call)
{
	list_for_each(it, &s->parked) {
		struct parked *p = container_of(it, struct parked, node);

		if (p->call != call)
			continue;
		list_unlink(&p->node);
		free(p);
		return true;
	}
	return false;
}

void parked_resume(struct shim *s)
{
	if (!list_empty(&s->parked))
		loop_post(s->loop, &s->unpark);
}
