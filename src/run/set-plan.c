#include "set-plan.h"
#include "decide.h"
#include "job-pod.h"
#include "mem.h"
#include "name.h"
#include "port.h"
#include "ports.h"
#include "reconcile.h"
#include "record.h"
#include "set-state.h"
#include <string.h>

const char *set_change_name(enum set_change c)
{
	static const char *const names[N_CHANGES] = { "create", "same", "differs", "blocked", "left" };

	return names[c];
}

void set_rows_done(struct set_rows *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].name);
		strv_done(&r->v[i].keys);
		free(r->v[i].why);
	}
	free(r->v);
	*r = (struct set_rows){ 0 };
}

/* differences */

static bool json_same(json *a, json *b)
{
	_cleanup_buf_ struct buf x = { 0 }, y = { 0 };

	if (!a || !b)
		return a == b;
	json_write(a, &x);
	json_write(b, &y);
	return x.len == y.len && !memcmp(x.data, y.data, x.len);
}

static void diff_objects(json *a, json *b, const char *path, struct strv *out);

/* Tasks one by one; of other lists it is said that they differ. */
static void diff_tasks(json *a, json *b, const char *path, struct strv *out)
{
	const size_t n = json_len(a), m = json_len(b);

	for (size_t i = 0; i < n && i < m; i++) {
		_cleanup_free_ char *at = mem_printf("%s[%zu]", path, i);

		diff_objects(json_at(a, i), json_at(b, i), at, out);
	}
	if (n != m)
		strv_push(out, path);
}

static void diff_member(json *a, json *b, const char *path, const char *key, struct strv *out)
{
	_cleanup_free_ char *at = mem_printf("%s%s%s", path, *path ? "." : "", key);
	json *x = json_get(a, key), *y = json_get(b, key);

	if (json_same(x, y))
		return;
	if (x && y && !strcmp(key, "tasks"))
		diff_tasks(x, y, at, out);
	else
		strv_push(out, at);
}

static void diff_objects(json *a, json *b, const char *path, struct strv *out)
{
	json_object_object_foreach(a, key, unused) {
		(void)unused;
		diff_member(a, b, path, key, out);
	}
	json_object_object_foreach(b, other, unused_too) {
		(void)unused_too;
		if (!json_get(a, other))
			diff_member(a, b, path, other, out);
	}
}

static bool may_be_chosen(const struct port *open, const struct port *chosen)
{
	return open->inside == chosen->inside && open->proto == chosen->proto &&
	       (!open->host || (chosen->host >= open->host && chosen->host <= open->host_last));
}

static void adopt_ports(struct job *wanted, const struct job *has)
{
	for (size_t i = 0; i < wanted->n_ports && i < has->n_ports; i++)
		if (port_is_open(&wanted->ports[i]) && may_be_chosen(&wanted->ports[i], &has->ports[i])) {
			wanted->ports[i].host = has->ports[i].host;
			wanted->ports[i].host_last = has->ports[i].host_last;
		}
}

void job_differences(const struct job *wanted, const struct job *has, struct strv *out)
{
	_cleanup_(job_freep) struct job *copy = job_copy(wanted), *given = job_copy(has);
	_cleanup_json_ json *a = NULL, *b = NULL;

	job_pod_unmake(copy);
	job_pod_unmake(given);
	adopt_ports(copy, given);
	a = job_to_json_kept(copy);
	b = job_to_json_kept(given);
	diff_objects(a, b, "", out);
}

/* a set */

static struct set_row *row_add(struct set_rows *rows, const char *name)
{
	rows->v = mem_grow(rows->v, &rows->cap, rows->n + 1, sizeof *rows->v);
	rows->v[rows->n] = (struct set_row){ .name = mem_strdup(name) };
	return &rows->v[rows->n++];
}

/* As a run would have it: with its network. */
static struct job *as_it_runs(const struct job *job)
{
	struct job *j = job_copy(job);

	if (!j->network)
		j->network = mem_strdup(RUN_DEFAULT_NETWORK);
	return j;
}

static const struct record *record_of(const struct records *recs, const char *name)
{
	for (size_t i = 0; i < recs->n; i++)
		if (!strcmp(recs->v[i].name, name))
			return &recs->v[i];
	return NULL;
}

static void compare_job(const struct job *job, const struct record *rec, struct set_row *row)
{
	_cleanup_(job_freep) struct job *wanted = as_it_runs(job);

	if (rec->job)
		job_differences(wanted, rec->job, &row->keys);
	row->change = !rec->job || row->keys.n ? CHANGE_DIFFERS : CHANGE_SAME;
}

/* 1: a job that runs has one of its ports, or somebody listens there. */
static int find_taken_port(struct core *c, const struct job *j, const struct ctx *ctx, char **ret_why, struct err *err)
{
	_cleanup_(claim_clashes_done) struct claim_clashes found = { 0 };
	struct err why = ERR_INIT;
	int r = j->n_ports ? claim_find_clashes(c, "", false, j->ports, j->n_ports, ctx, &found, err) : 0;

	for (size_t i = 0; r >= 0 && i < found.n; i++) {
		const struct port *p = &j->ports[found.v[i].port];
		const char *name = dict_get(&found.v[i].lease.labels, CLAIM_JOB);

		r = reconcile_runs(c, found.v[i].ns, &found.v[i].lease, ctx, err);
		if (r <= 0)
			continue;
		*ret_why = mem_printf("port %u/%s is used by job %s", p->host, port_proto_name(p->proto), name ? name : "?");
		return 1;
	}
	for (size_t i = 0; r >= 0 && i < j->n_ports; i++)
		if (!port_is_open(&j->ports[i]) && port_check(&j->ports[i], &why) < 0) {
			*ret_why = mem_strdup(why.msg);
			return 1;
		}
	return r;
}

static int compare_all(struct core *c, const struct jobset *set, const struct records *recs, const struct ctx *ctx,
		       struct set_rows *rows, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < set->n_jobs; i++) {
		const struct job *j = &set->jobs[i];
		const struct record *rec = j->name ? record_of(recs, j->name) : NULL;
		struct set_row *row = row_add(rows, j->name ? j->name : "");

		if (rec) {
			compare_job(j, rec, row);
			continue;
		}
		r = find_taken_port(c, j, ctx, &row->why, err);
		row->change = row->why ? CHANGE_BLOCKED : CHANGE_CREATE;
	}
	return r;
}

static bool set_has(const struct jobset *set, const char *name)
{
	for (size_t i = 0; i < set->n_jobs; i++)
		if (set->jobs[i].name && !strcmp(set->jobs[i].name, name))
			return true;
	return false;
}

static void add_left(const struct jobset *set, const struct records *recs, struct set_rows *rows)
{
	for (size_t i = 0; set->name && i < recs->n; i++) {
		const char *its = dict_get(&recs->v[i].c.labels, RECORD_SET);

		if (its && !strcmp(its, set->name) && !set_has(set, recs->v[i].name))
			row_add(rows, recs->v[i].name)->change = CHANGE_LEFT;
	}
}

int set_compare(struct core *c, const struct jobset *set, const struct ctx *ctx, struct set_rows *ret, struct err *err)
{
	_cleanup_(records_done) struct records recs = { 0 };
	int r = jobset_check(set, err);

	if (r >= 0)
		r = record_list(c, ctx, &recs, err);
	if (r >= 0)
		r = compare_all(c, set, &recs, ctx, ret, err);
	if (r >= 0)
		add_left(set, &recs, ret);
	return r < 0 ? r : 0;
}
