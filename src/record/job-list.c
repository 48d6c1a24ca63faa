#include "job-list.h"
#include "job-filter.h"
#include "mem.h"
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
	return row->state == JOB_RUNNING || row->state == JOB_PAUSED || row->state == JOB_UNKNOWN ||
	       dict_get(&rec->c.labels, RECORD_COMPLETE) != NULL;
}

static bool rec_has_layer(const struct record *rec) { return rec->c.snapshotter && rec->c.snapshot_key && *rec->c.snapshot_key; }

static bool has_record(const struct records *recs, const char *id)
{
	for (size_t i = 0; i < recs->n; i++)
		if (!strcmp(recs->v[i].c.id, id))
			return true;
	return false;
}

/* Claims that nobody works on, and that came to no record. */
static size_t count_claims(struct core *c, const struct records *recs, const struct ctx *ctx)
{
	_cleanup_(ctrd_leases_done) struct ctrd_leases leases = { 0 };
	size_t n = 0;

	if (leases_list(c->ctrd, "labels.\"" CLAIM_JOB "\"", ctx, &leases, NULL) < 0)
		return 0;
	for (size_t i = 0; i < leases.n; i++) {
		const char *name = dict_get(&leases.v[i].labels, CLAIM_JOB), *id = dict_get(&leases.v[i].labels, CLAIM_ID);

		n += name && id && !has_record(recs, id) && !claim_locked(c, name);
	}
	return n;
}

/* One namespace of several that are asked side by side. Its records come before its tasks are asked for: a job that is complete
 * has its task among those, unless that is gone by then. */
struct asked {
	struct core there;
	bool own; /* what is not listed is counted too */
	struct ctrd_call *call;
	struct records recs;
};

struct asked_all {
	struct asked *v;
	size_t n;
};

static void ask_namespaces(struct asked_all *all, const struct core *c, const struct ctrd_namespaces *ns, const struct ctx *ctx)
{
	all->v = mem_array(struct asked, ns->n);
	for (; all->n < ns->n; all->n++) {
		struct asked *a = &all->v[all->n];

		a->there = core_in(c, ns->v[all->n].name);
		a->own = !strcmp(a->there.conf.ns, c->conf.ns);
		a->call = record_list_begin(&a->there, ctx);
	}
}

static void asked_done(struct asked_all *all)
{
	for (size_t i = 0; i < all->n; i++) {
		ctrd_call_free(all->v[i].call);
		records_done(&all->v[i].recs);
		core_leave(&all->v[i].there);
	}
	free(all->v);
}

static int hear_records(struct asked *a, const struct ctx *ctx, struct err *err)
{
	int r = record_list_end(TAKE_PTR(a->call), ctx, &a->recs, err);

	if (r >= 0)
		a->call = task_list_begin(&a->there, ctx);
	return r;
}

static int hear_tasks(struct asked *a, const struct job_filter *f, const struct ctx *ctx, struct job_rows *out, struct err *err)
{
	_cleanup_(task_states_done) struct task_states tasks = { 0 };
	struct core *c = &a->there;
	const struct records *recs = &a->recs;
	bool all = f->all || f->last || job_filter_asks_status(f->filters), counts = f->all && a->own;
	int r = task_list_end(TAKE_PTR(a->call), ctx, &tasks, err);

	for (size_t i = 0; r >= 0 && i < recs->n; i++) {
		struct job_row row;

		job_row_fill(c, &recs->v[i], task_states_find(&tasks, recs->v[i].c.id), &row);
		if (counts && !is_listed(&recs->v[i], &row) && !claim_locked(c, recs->v[i].name))
			out->left++;
		r = is_listed(&recs->v[i], &row) && (all || (row.state != JOB_EXITED && row.state != JOB_CREATED))
			    ? job_filter_row(&row, f->filters, err)
			    : 0;
		if (r <= 0) {
			job_row_done(&row);
			continue;
		}
		if (f->sizes && rec_has_layer(&recs->v[i]))
			(void)snapshots_usage(c->ctrd, recs->v[i].c.snapshotter, recs->v[i].c.snapshot_key, ctx, &row.size, NULL);
		out->v = mem_resize(out->v, (out->n + 1) * sizeof *out->v);
		out->v[out->n++] = row;
	}
	if (r >= 0 && counts)
		out->left += count_claims(c, recs, ctx);
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
		ask_namespaces(&asked, c, f->all_namespaces ? &every : &only, ctx);
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
