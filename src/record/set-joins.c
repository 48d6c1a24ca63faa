#include "set-joins.h"
#include "job-name.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

struct set_joins {
	const char *set;
	struct strv known; /* ids of jobs, sorted: of the set, and of no or another set */
	bool begun;        /* the records of all that were there are known */
};

struct set_joins *set_joins_new(const char *set)
{
	struct set_joins *j = mem_new(struct set_joins);

	*j = (struct set_joins){ .set = set };
	return j;
}

void set_joins_free(struct set_joins *j)
{
	if (!j)
		return;
	strv_done(&j->known);
	free(j);
}

static int by_id(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool knows(const struct set_joins *j, const char *id)
{
	return j->known.n && bsearch(&id, j->known.v, j->known.n, sizeof id, by_id);
}

void set_joins_know(struct set_joins *j, const char *id)
{
	strv_push(&j->known, id);
	strv_sort(&j->known, 0);
}

/* It is known from here on; @rec is taken over where it has joined. */
static void meet(struct set_joins *j, struct record *rec, struct records *ret, size_t *cap)
{
	const char *its = dict_get(&rec->c.labels, RECORD_SET);

	set_joins_know(j, rec->c.id);
	if (!its || strcmp(its, j->set) != 0)
		return;
	ret->v = mem_grow(ret->v, cap, ret->n + 1, sizeof *ret->v);
	ret->v[ret->n++] = TAKE_STRUCT(*rec);
}

static int look_at_records(struct set_joins *j, struct core *c, const struct ctx *ctx, struct records *ret)
{
	_cleanup_(records_done) struct records all = { 0 };
	size_t cap = 0;
	int r = record_list(c, ctx, &all, NULL);

	for (size_t i = 0; r >= 0 && i < all.n; i++)
		if (!knows(j, all.v[i].c.id))
			meet(j, &all.v[i], ret, &cap);
	j->begun |= r >= 0;
	return r < 0 ? r : 0;
}

/* Of a task's container, or of none of davit's; the caller frees. */
static char *job_of_task(const char *id)
{
	const char *dash = strrchr(id, '-'), *dot = dash ? strchr(dash, '.') : NULL;

	return dot ? mem_strndup(id, (size_t)(dot - id)) : mem_strdup(id);
}

static int look_at_tasks(struct set_joins *j, struct core *c, const struct task_states *tasks, const struct ctx *ctx,
			 struct records *ret)
{
	size_t cap = 0;

	for (size_t i = 0; i < tasks->n; i++) {
		_cleanup_free_ char *id = job_of_task(tasks->v[i].id);
		_cleanup_(record_done) struct record rec = { 0 };
		int r;

		if (knows(j, id))
			continue;
		r = record_get(c, id, ctx, &rec, NULL);
		if (r >= 0)
			meet(j, &rec, ret, &cap);
		else if (r == -ERR_NOT_FOUND)
			set_joins_know(j, id);
		else
			return r;
	}
	return 0;
}

int set_joins_look(struct set_joins *j, struct core *c, const struct task_states *tasks, const struct ctx *ctx, struct records *ret)
{
	return tasks && j->begun ? look_at_tasks(j, c, tasks, ctx, ret) : look_at_records(j, c, ctx, ret);
}
