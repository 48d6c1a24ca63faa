#include "set-joins.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

struct set_joins {
	const char *set;
	struct strv known; /* ids of jobs, sorted */
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

/* Nobody else's quotes come into the filter: no set has a name with such. Further tasks of a job say their set, too. */
static char *jobs_of_set(const struct set_joins *j)
{
	return strpbrk(j->set, "\"\\") ? NULL : mem_printf("labels.\"" RECORD_SET "\"==\"%s\",labels.\"" CLAIM_JOB "\"", j->set);
}

int set_joins_look(struct set_joins *j, struct core *c, const struct ctx *ctx, struct records *ret)
{
	_cleanup_free_ char *filter = jobs_of_set(j);
	_cleanup_(ctrd_containers_done) struct ctrd_containers all = { 0 };
	size_t cap = 0;
	int r = filter ? containers_list_lean(c->ctrd, filter, ctx, &all, NULL) : 0;

	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		_cleanup_(record_done) struct record rec = { 0 };

		if (knows(j, all.v[i].id))
			continue;
		r = record_get(c, all.v[i].id, ctx, &rec, NULL);
		if (r == -ERR_NOT_FOUND) {
			r = 0; /* gone already */
			continue;
		}
		if (r < 0)
			break;
		set_joins_know(j, rec.c.id);
		ret->v = mem_grow(ret->v, &cap, ret->n + 1, sizeof *ret->v);
		ret->v[ret->n++] = TAKE_STRUCT(rec);
	}
	return r < 0 ? r : 0;
}
