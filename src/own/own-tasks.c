#include "own-tasks.h"
#include "mem.h"
#include "namespaces.h"
#include "remains.h"
#include "task.h"

enum { TASK_MS = 15000 };

void own_tasks_done(struct own_tasks *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].ns);
		free(l->v[i].id);
	}
	free(l->v);
	*l = (struct own_tasks){ 0 };
}

static int add_tasks_of(struct core *c, const char *ns, const struct ctx *ctx, struct own_tasks *l, struct err *err)
{
	_cleanup_(task_states_done) struct task_states tasks = { 0 };
	_cleanup_(core_leave) struct core there = core_in(c, ns);
	int r = task_list(&there, ctx, &tasks, err);

	for (size_t i = 0; r >= 0 && i < tasks.n; i++) {
		if (task_is_over(&tasks.v[i].status))
			continue;
		l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
		l->v[l->n++] = (struct own_task){ mem_strdup(ns), mem_strdup(tasks.v[i].id) };
	}
	return r;
}

int own_tasks_list(struct core *c, const struct ctx *ctx, struct own_tasks *ret, struct err *err)
{
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	_cleanup_(own_tasks_done) struct own_tasks l = { 0 };
	int r = namespaces_list(c->ctrd, ctx, &all, err);

	for (size_t i = 0; r >= 0 && i < all.n; i++)
		r = add_tasks_of(c, all.v[i].name, ctx, &l, err);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct own_tasks){ 0 };
	return 0;
}

/* Deleted too: its shim would stay behind with nobody to end it. */
static int end_own_task(struct core *c, const struct own_task *t, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, TASK_MS);
	_cleanup_(core_leave) struct core there = core_in(c, t->ns);

	return remains_task(&there, t->id, &limit, err);
}

int own_tasks_end(struct core *c, const struct own_tasks *l, const struct ctx *ctx, struct err *err)
{
	int first = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct err why = ERR_INIT;
		int r = end_own_task(c, &l->v[i], ctx, &why);

		if (r >= 0 || (first < 0 && r != -ERR_CANCELLED))
			continue;
		first = r;
		if (err)
			*err = why;
		if (r == -ERR_CANCELLED)
			break;
	}
	return first;
}
