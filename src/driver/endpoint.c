#include "endpoint.h"
#include "exec-heir.h"
#include "mem.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct endpoint *endpoint_find(const struct list_node *all, const char *address)
{
	list_for_each(it, all) {
		struct endpoint *e = container_of(it, struct endpoint, node);

		if (!strcmp(e->address, address))
			return e;
	}
	return NULL;
}

struct endpoint *endpoint_at(struct list_node *all, struct loop *loop, const char *address, const struct core_conf *how,
			     struct workers *workers)
{
	struct endpoint *e = endpoint_find(all, address);
	int r;

	if (e)
		return e;
	e = mem_new(struct endpoint);
	e->address = mem_strdup(address);
	e->how = *how;
	e->how.address = e->address;
	e->how.ns = CORE_NAMESPACE;
	r = core_open_on(loop, &e->how, &e->core, NULL);
	assert(r >= 0); /* it connects to nothing yet, and the namespace can be */
	e->execs = exec_sessions_new(e->core, workers);
	list_push(all, &e->node);
	return e;
}

bool endpoints_busy(const struct list_node *all)
{
	bool busy = false;

	list_for_each(it, all)
		busy |= exec_sessions_busy(container_of(it, struct endpoint, node)->execs) > 0;
	return busy;
}

void endpoints_stop(struct list_node *all)
{
	list_for_each(it, all)
		exec_sessions_end(container_of(it, struct endpoint, node)->execs);
}

void endpoints_bequeath(struct list_node *all)
{
	list_for_each(it, all) {
		struct endpoint *e = container_of(it, struct endpoint, node);

		exec_heir_launch(e->execs, e->address, e->how.run_dir);
		exec_sessions_free(TAKE_PTR(e->execs));
	}
}

static void endpoint_free(struct endpoint *e)
{
	list_unlink(&e->node);
	exec_sessions_free(e->execs);
	core_free(e->core);
	free(e->address);
	free(e);
}

void endpoints_done(struct list_node *all)
{
	while (!list_empty(all))
		endpoint_free(container_of(all->next, struct endpoint, node));
}
