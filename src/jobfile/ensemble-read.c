#include "check.h"
#include "ensemble.h"
#include "mem.h"
#include "name.h"
#include "tree-yaml.h"
#include <string.h>

int ensemble_version(struct ensemble *e, const struct node *v, struct err *err)
{
	const char *text = NULL;
	int r = ensemble_text(e, v, &text, err);

	if (r < 0 || !strcasecmp(text, "V1"))
		return r;
	return ensemble_bad(e, v, err, "version \"%.40s\": V1 is what davit reads", text);
}

int ensemble_join(struct ensemble *e, const struct node *v, struct err *err) { return ensemble_switch(e, v, &e->join, err); }

int ensemble_edges(struct ensemble *e, const struct node *v, struct err *err)
{
	if (v->kind != NODE_LIST)
		return ensemble_bad(e, v, err, "edges is a list");
	if (v->n)
		ensemble_ignore(e, "edges");
	return 0;
}

/* allocations */

static int compare_allocations(const void *a, const void *b)
{
	return strcmp(((const struct ensemble_name *)a)->name, ((const struct ensemble_name *)b)->name);
}

static int no_such_allocation(struct ensemble *e, const struct node *v, const char *name, struct err *err)
{
	const size_t n = e->set->n_jobs;
	const char **names = mem_array(const char *, n + 1), *near;
	int r = ensemble_bad(e, v, err, "no allocation is called \"%.80s\"", name);

	for (size_t i = 0; i < n; i++)
		names[i] = e->names[i].name;
	near = name_nearest(name, names, n);
	free(names);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : r;
}

int ensemble_find(struct ensemble *e, const struct node *v, const char *name, struct ensemble_name **ret, struct err *err)
{
	const struct ensemble_name wanted = { .name = name };

	*ret = e->names ? bsearch(&wanted, e->names, e->set->n_jobs, sizeof *e->names, compare_allocations) : NULL;
	return *ret ? 0 : no_such_allocation(e, v, name, err);
}

/* A job for each, so that all names are known. */
static int name_jobs(struct ensemble *e, const struct node *allocations, struct err *err)
{
	e->names = mem_array(struct ensemble_name, allocations->n);
	for (const struct node *m = allocations->first; m; m = m->next) {
		_cleanup_free_ char *name = mem_printf("%s-%s", e->in->base, m->key);
		struct job *j;
		int r = name_check("job name", name, NAME_JOB_MAX, err);

		if (r < 0) {
			e->at = m->key_at;
			return err_hint(err, r, "it is that of the file, or --name, and the allocation's");
		}
		e->names[e->set->n_jobs] = (struct ensemble_name){ .name = m->key, .job = e->set->n_jobs };
		j = jobset_add(e->set);
		j->name = TAKE_PTR(name);
		j->network = mem_strdup("nunet-bridge");
		(void)job_add_task(j);
	}
	qsort(e->names, e->set->n_jobs, sizeof *e->names, compare_allocations);
	return 0;
}

static int check_allocation(struct ensemble *e, const struct node *m, struct err *err)
{
	int r;

	if (!e->has_executor)
		return err_hint(err, ensemble_bad_key(e, m, err, "no executor"), "executor: containerd");
	if (!e->task->image)
		return ensemble_bad_key(e, m, err, "no image");
	r = job_check(e->job, err);
	if (r < 0)
		e->at = m->key_at;
	return r;
}

/* The others find it by its dns_name, else by its name. */
static void add_alias(struct ensemble *e)
{
	const char *alias = e->job->hostname ? e->job->hostname : e->name;

	if (e->join && check_alias(alias, NULL, NULL) >= 0)
		strv_push(&e->job->aliases, alias);
}

static int read_allocation(struct ensemble *e, const struct node *m, size_t i, struct err *err)
{
	int r;

	e->name = m->key;
	e->job = &e->set->jobs[i];
	e->task = e->job->tasks;
	e->has_executor = false;
	r = ensemble_walk(e, &ensemble_allocation_block, m, err);
	if (r >= 0)
		r = check_allocation(e, m, err);
	if (r >= 0)
		add_alias(e);
	return r < 0 ? err_wrap(err, r, "allocation %.80s", m->key) : 0;
}

int ensemble_allocations(struct ensemble *e, const struct node *v, struct err *err)
{
	size_t i = 0;
	int r;

	if (v->kind != NODE_MAP || !v->n || v->n > ARRAY_MAX)
		return ensemble_bad(e, v, err, "allocations is a map of 1 to %d", ARRAY_MAX);
	r = name_jobs(e, v, err);
	for (const struct node *m = v->first; m && r >= 0; m = m->next)
		r = read_allocation(e, m, i++, err);
	return r;
}

/* the file */

static void ensemble_notices(struct ensemble *e)
{
	_cleanup_free_ char *keys = strv_join(&e->ignored, ", ");

	if (e->ignored.n)
		strv_pushf(&e->set->notices, "ignored, for this is one machine: %s", keys);
	if (e->disk)
		strv_push(&e->set->notices, "ignored, for disk space is not limited: resources.disk");
}

/* YAML that others read: its first key would be unknown, which says nothing. */
static int check_is_ensemble(const struct node *root, struct err *err)
{
	static const struct {
		const char *key, *besides, *what;
	} others[] = { { "apiVersion", "kind", "a manifest of Kubernetes'" }, { "services", NULL, "a Compose file" } };

	for (size_t i = 0; i < sizeof others / sizeof *others && !node_get(root, "allocations"); i++)
		if (node_get(root, others[i].key) && (!others[i].besides || node_get(root, others[i].besides)))
			return err_hint(err, err_set(err, ERR_INVALID, "%s is no job file of davit's", others[i].what),
					"it reads Nomad jobs, NuNet ensembles and JSON (docs/jobs.md)");
	return 0;
}

static int read_ensemble(struct ensemble *e, struct err *err)
{
	const struct node *root = e->tree.root;
	int r = check_is_ensemble(root, err);

	if (r >= 0)
		r = ensemble_walk(e, &ensemble_file_block, root, err);
	if (r < 0)
		return r;
	e->at = root->at;
	if (!node_get(root, "version"))
		return err_hint(err, err_set(err, ERR_INVALID, "no version: is it an ensemble?"), "version: \"V1\"");
	if (!e->set->n_jobs)
		return err_set(err, ERR_INVALID, "no allocations");
	ensemble_notices(e);
	return 0;
}

int ensemble_read(const struct jobfile_text *in, struct jobset **ret, struct err *err)
{
	_cleanup_(jobset_freep) struct jobset *set = jobset_new();
	struct ensemble e = { .in = in, .tree.file = in->file, .set = set };
	int r = tree_yaml(in->data, in->len, &e.tree, err);

	if (r >= 0) {
		set->name = mem_strdup(in->base);
		set->containerd_ns = mem_strdup("nunet");
		e.at = e.tree.root->at;
		r = read_ensemble(&e, err);
		if (r < 0)
			r = tree_err(&e.tree, e.at, r, err);
	}
	tree_done(&e.tree);
	tree_done(&e.scratch);
	strv_done(&e.ignored);
	free(e.names);
	if (r >= 0)
		*ret = TAKE_PTR(set);
	return r;
}
