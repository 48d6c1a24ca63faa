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

static const struct job *jobset_find(const struct jobset *s, const char *name)
{
	for (size_t i = 0; i < s->n_jobs; i++)
		if (s->jobs[i].name && !strcmp(s->jobs[i].name, name))
			return &s->jobs[i];
	return NULL;
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

static int check_set_depends(const struct jobset *s, const struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->n_depends_on; i++) {
		const char *on = j->depends_on[i].name;
		int r = 0;

		if (j->name && !strcmp(j->name, on))
			r = check_fail("depends_on", on, "a job cannot wait for itself", err);
		else if (!jobset_find(s, on))
			r = check_fail("depends_on", on, "there is no such job in the set", err);
		if (r < 0)
			return j->name ? err_wrap(err, r, "job %s", j->name) : r;
	}
	return 0;
}

int check_jobset(const void *set, struct err *err)
{
	const struct jobset *s = set;
	int r = check_set_names(s, err);

	for (size_t i = 0; r >= 0 && i < s->n_jobs; i++)
		r = check_set_depends(s, &s->jobs[i], err);
	return r;
}
