/* A Nomad job file into a set of jobs: JOB-GROUP-N for each instance N of each group. */
#include "nomad.h"
#include "mem.h"
#include "name.h"
#include <string.h>

enum { TEMPLATE_STEPS = 300000, TEMPLATE_WORK = 8 << 20 }; /* of all templates of a file */

/* the job */

int nomad_job_id(struct nomad *n, const struct node *v, struct err *err) { return nomad_plain(n, v, &n->id, err); }
int nomad_job_name(struct nomad *n, const struct node *v, struct err *err) { return nomad_plain(n, v, &n->name, err); }
int nomad_job_region(struct nomad *n, const struct node *v, struct err *err) { return nomad_plain(n, v, &n->region, err); }
int nomad_job_namespace(struct nomad *n, const struct node *v, struct err *err) { return nomad_plain(n, v, &n->ns, err); }

int nomad_meta_of_job(struct nomad *n, const struct node *v, struct err *err)
{
	(void)err;
	n->job_meta = v;
	return 0;
}

int nomad_meta_of_group(struct nomad *n, const struct node *v, struct err *err)
{
	(void)err;
	n->group_meta = v;
	return 0;
}

int nomad_job_datacenters(struct nomad *n, const struct node *v, struct err *err)
{
	if (v->kind != NODE_LIST)
		return nomad_bad(n, v, err, "%s: wants a list of texts", v->key);
	if (v->first)
		return nomad_plain(n, v->first, &n->datacenter, err);
	return 0;
}

int nomad_job_type(struct nomad *n, const struct node *v, struct err *err)
{
	static const char *const types[] = { "service", "batch", "system", "sysbatch" };
	const char *type = "";
	int r = nomad_plain(n, v, &type, err);

	for (size_t i = 0; r >= 0 && i < sizeof types / sizeof *types; i++)
		if (!strcmp(type, types[i])) {
			n->batch = i % 2;
			return 0;
		}
	return r < 0 ? r
		     : err_hint(err, nomad_bad(n, v, err, "type \"%.80s\": not one of Nomad's", type),
				"service, batch, system, sysbatch");
}

/* an allocation: one instance of a group */

int nomad_count(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_whole(n, v, 0, NOMAD_JOBS_MAX, &n->count, err);
}

static void alloc_done(struct nomad *n)
{
	tree_done(&n->scratch);
	free(n->shared);
	free(n->volumes);
	n->shared = NULL;
	n->volumes = NULL;
	n->n_shared = n->n_volumes = 0;
	n->group_meta = n->group_restart = NULL;
	n->task = NULL;
}

static int alloc_name(struct nomad *n, const struct node *label, struct err *err)
{
	int r;

	n->job->name = mem_printf("%s-%s-%lld", n->in->how->name ? n->in->how->name : n->id, n->group, (long long)n->index);
	r = name_check("job name", n->job->name, NAME_JOB_MAX, err);
	if (r < 0)
		n->at = label->key_at;
	return r;
}

static int alloc_read(struct nomad *n, const struct node *label, const struct node *body, struct err *err)
{
	int r;

	n->job = jobset_add(n->set);
	nomad_alloc_id(n->id, n->group, n->index, n->alloc_id);
	r = nomad_spend(n, sizeof *n->job, err);
	if (r >= 0)
		r = alloc_name(n, label, err);
	if (r >= 0 && body->block)
		r = nomad_walk(n, &nomad_group_block, body, err);
	if (r >= 0 && !n->job->n_tasks)
		r = nomad_bad_key(n, label, err, "no task in it");
	alloc_done(n);
	return r;
}

/* Where a group has no instance it is read all the same, so that what is wrong in it is said. */
static void drop_job(struct jobset *set) { shape_done(&job_shape, &set->jobs[--set->n_jobs]); }

static int group_read(struct nomad *n, const struct node *label, const struct node *body, struct err *err)
{
	const struct node *count = node_get(body, "count");
	int r = 0;

	n->group = label->key;
	n->count = 1;
	if (count && !count->block)
		r = nomad_count(n, count, err);
	for (n->index = 0; r >= 0 && (n->index < n->count || !n->index); n->index++) {
		r = alloc_read(n, label, body, err);
		if (r >= 0 && !n->count)
			drop_job(n->set);
		else if (r >= 0 && n->set->n_jobs > NOMAD_JOBS_MAX)
			r = nomad_bad_key(n, label, err, "more than %d instances of groups in a file", NOMAD_JOBS_MAX);
	}
	return r < 0 ? err_wrap(err, r, "group %s", label->key) : r;
}

int nomad_group_of_job(struct nomad *n, const struct node *v, struct err *err)
{
	return group_read(n, hcl_label(v, 0), hcl_body(v), err);
}

/* A task outside of groups is a group of its own, of its name. */
int nomad_task_of_job(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *label = hcl_label(v, 0);
	int r;

	n->group = label->key;
	n->count = 1;
	n->index = 0;
	n->job = jobset_add(n->set);
	nomad_alloc_id(n->id, n->group, 0, n->alloc_id);
	r = alloc_name(n, label, err);
	if (r >= 0)
		r = nomad_task_of_group(n, v, err);
	alloc_done(n);
	return r;
}

/* the file */

static const struct node *only_job(struct nomad *n, int *ret_r, struct err *err)
{
	const struct node *job = NULL;

	*ret_r = 0;
	for (const struct node *m = n->tree->root->first; m && *ret_r >= 0; m = m->next) {
		if (strcmp(m->key, "job") != 0 || !m->block || m->labels != 1) {
			*ret_r = nomad_bad_key(n, m, err, "unknown %s \"%.80s\"", m->block ? "block" : "key", m->key);
			*ret_r = err_hint(err, *ret_r, "a job file has one job \"NAME\" { ... }, variables and locals");
		} else if (job) {
			*ret_r = nomad_bad_key(n, m, err, "a second job: a file has one");
		}
		job = m;
	}
	if (!job && *ret_r >= 0)
		*ret_r = err_hint(err, nomad_bad(n, n->tree->root, err, "no job in it"), "job \"NAME\" { ... }");
	return job;
}

static int file_read_job(struct nomad *n, struct err *err)
{
	int r = 0;
	const struct node *job = only_job(n, &r, err);

	if (r < 0)
		return r;
	n->id = n->name = hcl_label(job, 0)->key;
	n->ns = "default";
	n->region = "global";
	n->datacenter = "dc1";
	r = nomad_walk(n, &nomad_job_block, hcl_body(job), err);
	if (r >= 0 && !n->set->n_jobs)
		r = nomad_bad_key(n, hcl_label(job, 0), err, "%s",
				  hcl_next(hcl_body(job), "group", NULL) ? "every group has the count 0: nothing would run"
									 : "no group in it");
	return r;
}

/* One sentence for all that is passed over. */
static void add_notice(struct nomad *n)
{
	_cleanup_buf_ struct buf text = { 0 };

	strv_sort(&n->passed_over, 0);
	if (n->passed_over.n) {
		_cleanup_free_ char *words = strv_join(&n->passed_over, ", ");

		buf_addf(&text, "passed over, since only a Nomad cluster does it: %s", words);
	}
	for (size_t i = 0; i < n->notes.n; i++)
		buf_addf(&text, "%s%s", text.len ? "; " : "", n->notes.v[i]);
	if (text.len)
		strv_push(&n->set->notices, buf_str(&text));
}

static int tree_read(const struct jobfile_text *in, struct tree *tree, struct err *err)
{
	const struct hcl_options options = {
		.vars = in->how->vars, .var_files = in->how->var_files, .env = in->how->env, .folder = in->cwd
	};

	tree->file = in->file;
	return hcl_read(in->data, in->len, &options, tree, err);
}

int nomad_from_tree(const struct jobfile_text *in, const struct tree *tree, struct jobset **ret, struct err *err)
{
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	struct nomad n = { .in = in, .tree = tree, .template_steps = TEMPLATE_STEPS, .template_work = TEMPLATE_WORK };
	int r;

	n.set = set = jobset_new();
	n.at = tree->root->at;
	r = file_read_job(&n, err);
	if (r >= 0) {
		set->name = mem_strdup(in->how->name ? in->how->name : n.id);
		add_notice(&n);
	}
	alloc_done(&n); /* what was made before or behind the first */
	strv_done(&n.passed_over);
	strv_done(&n.notes);
	free(n.vars);
	free(n.templates);
	if (r < 0)
		return tree_err(tree, n.at, r, err);
	*ret = TAKE_PTR(set);
	return 0;
}

int nomad_read(const struct jobfile_text *in, struct jobset **ret, struct err *err)
{
	_cleanup_tree_ struct tree tree = { 0 };
	int r = tree_read(in, &tree, err);

	return r < 0 ? r : nomad_from_tree(in, &tree, ret, err);
}
