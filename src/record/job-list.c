#include "job-list.h"
#include "job-filter.h"
#include "job-name.h"
#include "mem.h"
#include "mend.h"
#include "namespaces.h"
#include "snapshots.h"
#include <stdlib.h>
#include <string.h>

void job_rows_done(struct job_rows *l)
{
	for (size_t i = 0; i < l->n; i++)
		job_row_done(&l->v[i]);
	free(l->v);
	*l = (struct job_rows){ 0 };
}

/* What was never complete is no job yet, and a --rm job that has ended is one no more. */
static bool is_listed(const struct record *rec, const struct job_row *row)
{
	return job_state_is_active(row->state) || dict_get(&rec->c.labels, RECORD_COMPLETE) != NULL;
}

static bool has_layer(const struct ctrd_container *c) { return c->snapshotter && c->snapshot_key && *c->snapshot_key; }

static int by_record_id(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Their ids, in order; borrowed but for the array. */
static const char **ids_of(const struct records *recs)
{
	const char **ids = mem_array(const char *, recs->n);

	for (size_t i = 0; i < recs->n; i++)
		ids[i] = recs->v[i].c.id;
	if (recs->n)
		qsort(ids, recs->n, sizeof *ids, by_record_id);
	return ids;
}

/* Claims that nobody works on, and that came to no record. */
static size_t count_claims(struct core *c, const struct records *recs, const struct ctx *ctx)
{
	_cleanup_(ctrd_leases_done) struct ctrd_leases leases = { 0 };
	_cleanup_free_ const char **ids = ids_of(recs);
	size_t n = 0;

	if (leases_list(c->ctrd, "labels.\"" CLAIM_JOB "\"", ctx, &leases, NULL) < 0)
		return 0;
	for (size_t i = 0; i < leases.n; i++) {
		const char *name = dict_get(&leases.v[i].labels, CLAIM_JOB), *id = dict_get(&leases.v[i].labels, CLAIM_ID);

		n += name && id && !(recs->n && bsearch(&id, ids, recs->n, sizeof *ids, by_record_id)) && !claim_locked(c, name);
	}
	return n;
}

/* One namespace of several that are asked side by side. Its records come before its tasks are asked for: a job that is complete
 * has its task among those, unless that is gone by then. */
struct asked {
	struct core there;
	bool own; /* what is not listed is counted too */
	struct ctrd_call *call, *others;
	struct records recs;
	struct ctrd_containers of; /* the records of further tasks, where they are asked for */
};

struct asked_all {
	struct asked *v;
	size_t n;
};

static void ask_namespaces(struct asked_all *all, const struct core *c, const struct ctrd_namespaces *ns, bool tasks,
			   const struct ctx *ctx)
{
	all->v = mem_array(struct asked, ns->n);
	for (; all->n < ns->n; all->n++) {
		struct asked *a = &all->v[all->n];

		a->there = core_in(c, ns->v[all->n].name);
		a->own = !strcmp(a->there.conf.ns, c->conf.ns);
		a->call = record_list_begin(&a->there, ctx);
		if (tasks)
			a->others = containers_list_begin(a->there.ctrd, "labels.\"" RECORD_OF "\"", ctx);
	}
}

static void asked_done(struct asked_all *all)
{
	for (size_t i = 0; i < all->n; i++) {
		ctrd_call_free(all->v[i].call);
		ctrd_call_free(all->v[i].others);
		ctrd_containers_done(&all->v[i].of);
		records_done(&all->v[i].recs);
		core_leave(&all->v[i].there);
	}
	free(all->v);
}

static int hear_records(struct asked *a, const struct ctx *ctx, struct err *err)
{
	int r = record_list_end_brief(TAKE_PTR(a->call), ctx, &a->recs, err);

	if (r >= 0 && a->others)
		r = containers_list_end(TAKE_PTR(a->others), ctx, &a->of, err);
	if (r >= 0)
		a->call = task_list_begin(&a->there, ctx);
	return r;
}

/* What a list is made of. */
struct listing_of {
	struct asked *asked;
	const struct job_filter *filter;
	struct task_states tasks;
	const struct ctx *ctx;
	struct job_rows *out;
};

static bool wants_ended(const struct job_filter *f) { return f->all || f->last || job_filter_asks_status(f->filters); }

/* Takes the row over. */
static int list_add_row(struct listing_of *l, const struct record *job, const struct ctrd_container *own, struct job_row *row,
			struct err *err)
{
	const bool wanted = is_listed(job, row) && (wants_ended(l->filter) || job_state_is_active(row->state));
	int r = wanted ? job_filter_row(row, l->filter->filters, err) : 0;

	if (r <= 0) {
		job_row_done(row);
		return r;
	}
	if (l->filter->sizes && has_layer(own))
		(void)snapshots_usage(l->asked->there.ctrd, own->snapshotter, own->snapshot_key, l->ctx, &row->size, NULL);
	l->out->v = mem_resize(l->out->v, (l->out->n + 1) * sizeof *l->out->v);
	l->out->v[l->out->n++] = *row;
	return 0;
}

static const struct ctrd_container *find_container(const struct ctrd_containers *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].id, id))
			return &all->v[i];
	return NULL;
}

static int add_tasks(struct listing_of *l, const struct record *job, const struct task_status *states, size_t n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_free_ char *id = job_id_task(job->c.id, i);
		const struct ctrd_container *own = i ? find_container(&l->asked->of, id) : &job->c;
		const struct record task = { .c = own ? *own : (struct ctrd_container){ 0 }, .task = i }; /* borrowed */
		struct job_row row;

		if (!own)
			continue;
		job_row_fill_task(&l->asked->there, job, &task, &states[i], &row);
		r = list_add_row(l, job, own, &row, err);
	}
	return r;
}

static int add_job(struct listing_of *l, const struct record *job, struct err *err)
{
	const size_t n = job_id_tasks(job->c.id);
	_cleanup_free_ struct task_status *states = mem_array(struct task_status, n);
	struct core *c = &l->asked->there;
	struct job_row row;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = job_id_task(job->c.id, i);
		const struct task_status *t = task_states_find(&l->tasks, id);

		states[i] = t ? *t : (struct task_status){ .state = TASK_ABSENT };
	}
	job_row_fill(c, job, states, n, &row);
	(void)mend_touched(c, job, states, n, l->ctx);
	l->out->ended += l->asked->own && mend_is_due(c, job, states, n);
	if (l->filter->all && l->asked->own && !is_listed(job, &row) && !claim_locked(c, job->name))
		l->out->left++;
	if (!l->filter->tasks || n == 1 || !job->job)
		return list_add_row(l, job, &job->c, &row, err);
	job_row_done(&row);
	return add_tasks(l, job, states, n, err);
}

static int hear_tasks(struct asked *a, const struct job_filter *f, const struct ctx *ctx, struct job_rows *out, struct err *err)
{
	struct listing_of l = { .asked = a, .filter = f, .ctx = ctx, .out = out };
	int r = task_list_end(TAKE_PTR(a->call), ctx, &l.tasks, err);

	for (size_t i = 0; r >= 0 && i < a->recs.n; i++)
		r = add_job(&l, &a->recs.v[i], err);
	if (r >= 0 && f->all && a->own)
		out->left += count_claims(&a->there, &a->recs, ctx);
	task_states_done(&l.tasks);
	return r < 0 ? r : 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct job_row *x = a, *y = b;

	return (x->created_at < y->created_at) - (x->created_at > y->created_at);
}

static int list_jobs(struct core *c, const struct job_filter *f, const struct ctx *ctx, struct job_rows *out, struct err *err)
{
	struct ctrd_namespace own = { .name = (char *)(uintptr_t)c->conf.ns };
	const struct ctrd_namespaces only = { &own, 1 };
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces every = { 0 };
	_cleanup_(asked_done) struct asked_all asked = { 0 };
	int r = f->all_namespaces ? namespaces_list(c->ctrd, ctx, &every, err) : 0;

	if (r >= 0)
		ask_namespaces(&asked, c, f->all_namespaces ? &every : &only, f->tasks, ctx);
	for (size_t i = 0; r >= 0 && i < asked.n; i++)
		r = hear_records(&asked.v[i], ctx, err);
	for (size_t i = 0; r >= 0 && i < asked.n; i++)
		r = hear_tasks(&asked.v[i], f, ctx, out, err);
	return r;
}

int job_list(struct core *c, const struct job_filter *f, const struct ctx *ctx, struct job_rows *ret, struct err *err)
{
	struct job_rows rows = { 0 };
	int r = job_filter_check(f->filters, err);

	if (r >= 0)
		r = list_jobs(c, f, ctx, &rows, err);
	if (r < 0) {
		job_rows_done(&rows);
		return r;
	}
	if (rows.n)
		qsort(rows.v, rows.n, sizeof *rows.v, newest_first);
	while (f->last && rows.n > f->last)
		job_row_done(&rows.v[--rows.n]);
	*ret = rows;
	return 0;
}

int job_count_elsewhere(struct core *c, const struct ctx *ctx, size_t *ret_n, char **ret_ns, struct err *err)
{
	_cleanup_(job_rows_done) struct job_rows rows = { 0 };
	const struct job_filter all = { .all = true, .all_namespaces = true };
	const char *first = NULL;
	size_t n = 0;
	int r = job_list(c, &all, ctx, &rows, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rows.n; i++) {
		if (!strcmp(rows.v[i].ns, c->conf.ns))
			continue;
		first = first ? first : rows.v[i].ns;
		n++;
	}
	*ret_n = n;
	if (ret_ns)
		*ret_ns = mem_strdup(first);
	return 0;
}
