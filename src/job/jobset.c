#include "jobset.h"
#include "check.h"
#include "job-table.h"
#include "mem.h"
#include "strv.h"
#include <string.h>

struct jobset *jobset_new(void) { return mem_new(struct jobset); }

void jobset_free(struct jobset *s)
{
	if (!s)
		return;
	strv_done(&s->notices);
	shape_done(&jobset_shape, s);
	free(s);
}

struct job *jobset_add(struct jobset *s)
{
	struct job *j;

	s->jobs = mem_resize(s->jobs, (s->n_jobs + 1) * sizeof *s->jobs);
	j = &s->jobs[s->n_jobs++];
	*j = (struct job){ 0 };
	shape_init(&job_shape, j);
	return j;
}

json *jobset_to_json(const struct jobset *s) { return shape_write(&jobset_shape, s); }
int jobset_check(const struct jobset *s, struct err *err) { return shape_check(&jobset_shape, s, err); }

static bool jobset_is_job(const struct node *root)
{
	if (root->kind != NODE_MAP)
		return false;
	for (const struct node *m = root->first; m; m = m->next)
		if (!strcmp(m->key, "jobs"))
			return false;
	return true;
}

int jobset_read(const struct tree *from, struct jobset **ret, struct err *err)
{
	_cleanup_(jobset_freep) struct jobset *s = jobset_new();
	const struct node *bad = from->root;
	int r;

	shape_init(&jobset_shape, s);
	if (jobset_is_job(from->root))
		r = shape_read(&job_shape, from->root, jobset_add(s), &bad, err);
	else
		r = shape_read(&jobset_shape, from->root, s, &bad, err);
	if (r < 0)
		return tree_err(from, bad->at, r, err);
	*ret = TAKE_PTR(s);
	return 0;
}

/* The gate between jobs */

/* The jobs by their names, sorted. */
struct job_index {
	const struct job **v;
	size_t n;
};

static int index_order(const void *a, const void *b)
{
	return strcmp((*(const struct job *const *)a)->name, (*(const struct job *const *)b)->name);
}

static struct job_index index_new(const struct jobset *s)
{
	struct job_index x = { mem_array(const struct job *, s->n_jobs), 0 };

	for (size_t i = 0; i < s->n_jobs; i++)
		if (s->jobs[i].name)
			x.v[x.n++] = &s->jobs[i];
	qsort(x.v, x.n, sizeof *x.v, index_order);
	return x;
}

static const struct job *index_find(const struct job_index *x, const char *name)
{
	const struct job key = { .name = (char *)(uintptr_t)name }, *p = &key;
	const struct job *const *found = bsearch(&p, x->v, x->n, sizeof *x->v, index_order);

	return found ? *found : NULL;
}

static int check_set_names(const struct jobset *s, struct err *err)
{
	const char **names = mem_array(const char *, s->n_jobs + 1);
	size_t twice, n = 0;

	for (size_t i = 0; i < s->n_jobs; i++)
		if (s->jobs[i].name)
			names[n++] = s->jobs[i].name;
	twice = texts_twice(names, n);
	if (twice < n) {
		int r = check_fail("job name", names[twice], "two jobs have it", err);

		free(names);
		return r;
	}
	free(names);
	return n == s->n_jobs || s->n_jobs == 1 ? 0 : err_set(err, ERR_INVALID, "a job without a name: each of a set has one");
}

static int check_set_depends(const struct job_index *x, const struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->n_depends_on; i++) {
		const char *on = j->depends_on[i].name;
		int r = 0;

		if (j->name && !strcmp(j->name, on))
			r = check_fail("depends_on", on, "a job cannot wait for itself", err);
		else if (!index_find(x, on))
			r = check_fail("depends_on", on, "there is no such job in the set", err);
		if (r < 0)
			return j->name ? err_wrap(err, r, "job %s", j->name) : r;
	}
	return 0;
}

/* Whom each job waits for, by number; job @i's stand from first[i] to first[i + 1]. */
struct job_edges {
	size_t *first, *to;
};

static void edges_done(struct job_edges *e)
{
	free(e->first);
	free(e->to);
}

static void edges_make(const struct jobset *s, const struct job_index *x, struct job_edges *ret)
{
	size_t n = 0;

	ret->first = mem_array(size_t, s->n_jobs + 1);
	for (size_t i = 0; i < s->n_jobs; i++)
		ret->first[i + 1] = ret->first[i] + s->jobs[i].n_depends_on;
	ret->to = mem_array(size_t, ret->first[s->n_jobs]);
	for (size_t i = 0; i < s->n_jobs; i++)
		for (size_t k = 0; k < s->jobs[i].n_depends_on; k++)
			ret->to[n++] = (size_t)(index_find(x, s->jobs[i].depends_on[k].name) - s->jobs);
}

/* Jobs go once all that they wait for have gone; what stays goes round in a circle. */
static int check_set_circle(const struct jobset *s, const struct job_index *x, struct err *err)
{
	_cleanup_(edges_done) struct job_edges e = { 0 };
	_cleanup_free_ size_t *next = mem_array(size_t, s->n_jobs);
	_cleanup_free_ bool *gone = mem_array(bool, s->n_jobs);
	bool any = true;

	edges_make(s, x, &e);
	while (any) {
		any = false;
		for (size_t i = 0; i < s->n_jobs; i++) {
			while (!gone[i] && next[i] < s->jobs[i].n_depends_on && gone[e.to[e.first[i] + next[i]]])
				next[i]++;
			if (!gone[i] && next[i] == s->jobs[i].n_depends_on)
				any = gone[i] = true;
		}
	}
	for (size_t i = 0; i < s->n_jobs; i++)
		if (!gone[i])
			return check_fail("depends_on", s->jobs[e.to[e.first[i] + next[i]]].name,
					  "jobs wait for each other in a circle", err);
	return 0;
}

int check_jobset(const void *set, struct err *err)
{
	const struct jobset *s = set;
	struct job_index x;
	int r = check_set_names(s, err);

	if (r < 0)
		return r;
	x = index_new(s);
	for (size_t i = 0; r >= 0 && i < s->n_jobs; i++)
		r = check_set_depends(&x, &s->jobs[i], err);
	if (r >= 0)
		r = check_set_circle(s, &x, err);
	free(x.v);
	return r;
}
