#include "ensemble.h"
#include "mem.h"
#include <string.h>

/* ports */

int ensemble_port_public(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_whole(e, v, 0, UINT16_MAX, &e->now.host, err);
}

int ensemble_port_private(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_whole(e, v, 1, UINT16_MAX, &e->now.inside, err);
}

int ensemble_port_allocation(struct ensemble *e, const struct node *v, struct err *err)
{
	e->now.allocation_at = v;
	return ensemble_text(e, v, &e->now.allocation, err);
}

/* Whose it is: where the node has one allocation alone, that one's. */
static int port_allocation(struct ensemble *e, const struct node *v, struct ensemble_name **ret, struct err *err)
{
	const struct node *list = node_get(e->node, "allocations");
	const char *name = e->now.allocation;
	int r;

	if (!name && list && list->n == 1) {
		name = list->first->text;
		e->now.allocation_at = list->first;
	}
	if (!name)
		return ensemble_bad(e, v, err, "whose port is it? allocation is missing");
	r = ensemble_find(e, e->now.allocation_at, name, ret, err);
	if (r >= 0 && (*ret)->node != e->node)
		r = ensemble_bad(e, e->now.allocation_at, err, "allocation %.80s is not on this node", name);
	return r;
}

static int read_port(struct ensemble *e, const struct node *v, struct err *err)
{
	struct ensemble_name *owner = NULL;
	struct job *job;
	struct port *p;
	int r;

	e->now = (struct ensemble_now){ 0 };
	r = ensemble_walk(e, &ensemble_port_block, v, err);
	if (r >= 0 && !e->now.inside)
		r = ensemble_bad(e, v, err, "a port without private");
	if (r >= 0)
		r = port_allocation(e, v, &owner, err);
	if (r < 0)
		return r;
	job = &e->set->jobs[owner->job];
	if (job->n_ports == JOB_PORTS_MAX)
		return ensemble_bad(e, v, err, "more than %d ports", JOB_PORTS_MAX);
	p = job_add_port(job);
	p->host = (uint16_t)e->now.host;
	p->inside = (uint16_t)e->now.inside;
	return 0;
}

int ensemble_node_ports(struct ensemble *e, const struct node *v, struct err *err)
{
	int r = ensemble_each(e, v, read_port, err);

	return r < 0 ? err_wrap(err, r, "ports") : 0;
}

/* nodes */

static int place(struct ensemble *e, const struct node *v, struct err *err)
{
	struct ensemble_name *placed = NULL;
	const char *name = NULL;
	int r = ensemble_text(e, v, &name, err);

	if (r >= 0)
		r = ensemble_find(e, v, name, &placed, err);
	if (r < 0)
		return r;
	if (placed->node)
		return ensemble_bad(e, v, err, "allocation %.80s has a node already", name);
	placed->node = e->node;
	return 0;
}

int ensemble_node_allocations(struct ensemble *e, const struct node *v, struct err *err)
{
	if (v->kind != NODE_LIST)
		return ensemble_bad(e, v, err, "allocations of a node are a list of names");
	return ensemble_each(e, v, place, err);
}

int ensemble_node_recovery(struct ensemble *e, const struct node *v, struct err *err)
{
	static const char *const words[] = { "stay_down", "one_for_one", "one_for_all", "rest_for_one", NULL };
	const char *text = node_text(v);

	for (size_t i = 0; text && words[i]; i++)
		if (!strcmp(text, words[i])) {
			if (i)
				ensemble_ignore(e, "nodes.failure_recovery");
			return 0;
		}
	return ensemble_bad_word(e, v, "failure_recovery", words, err);
}

int ensemble_node_redundancy(struct ensemble *e, const struct node *v, struct err *err)
{
	int64_t n = 0;
	int r = ensemble_whole(e, v, 0, 1000, &n, err);

	if (n)
		ensemble_ignore(e, "nodes.redundancy");
	return r;
}

int ensemble_nodes(struct ensemble *e, const struct node *v, struct err *err)
{
	int r = v->kind == NODE_MAP ? 0 : ensemble_bad(e, v, err, "nodes is a map");

	for (const struct node *m = v->kind == NODE_MAP ? v->first : NULL; m && r >= 0; m = m->next) {
		e->node = m;
		r = ensemble_walk(e, &ensemble_node_block, m, err);
		if (r < 0)
			return err_wrap(err, r, "node %.80s", m->key);
	}
	return r;
}
