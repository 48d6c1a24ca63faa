#include "job-rename.h"
#include "job-name.h"
#include "job-order.h"
#include "mem.h"
#include "name.h"
#include "netshare.h"
#include "peers.h"
#include "reconcile.h"
#include "remains.h"
#include <string.h>

/* A rename underway. */
struct rename {
	struct core *core;
	struct record rec;
	char *from;
	const char *to;
	int from_lock, to_lock;
};

static void rename_done(struct rename *n)
{
	if (n->to_lock >= 0)
		claim_unlock(n->core, n->to, n->to_lock);
	if (n->from_lock >= 0)
		claim_unlock(n->core, n->from, n->from_lock);
	record_done(&n->rec);
	free(n->from);
}

int job_rename_settle(struct core *c, const struct record *rec, const char *claim, const struct ctx *ctx, struct err *err)
{
	_cleanup_strv_ struct strv networks = { 0 };
	int r = cni_cached_rename(&c->conf.cni, rec->c.id, claim, rec->name, err);

	if (r >= 0)
		r = netshare_rename(c, rec->c.id, rec->name, ctx, err);
	if (r < 0)
		return r;
	cni_cached_networks(&c->conf.cni, rec->c.id, &networks);
	peers_update(c, &networks, ctx);
	return remains_remove_claim(c, claim, ctx, err);
}

static int rename_in_use(const char *name, struct err *err)
{
	return err_hint(err, err_set(err, ERR_EXISTS, "name %s is in use by a job", name),
			"remove it with: davit rm -f %s, or choose another name", name);
}

/* Is a task of @job called @name? */
static bool has_task_called(const struct job *job, const char *job_name, const char *name)
{
	const size_t len = strlen(job_name);

	return job && job->n_tasks > 1 && !strncmp(name, job_name, len) && name[len] == '.' &&
	       job_find_task(job, name + len + 1) < job->n_tasks;
}

/* Jobs of a set name each other: in what order they start, stop and recover. */
static bool depends_on_it(const struct rename *n, const struct record *other)
{
	const char *set = dict_get(&n->rec.c.labels, RECORD_SET), *its = dict_get(&other->c.labels, RECORD_SET);

	for (size_t i = 0; set && its && !strcmp(set, its) && other->job && i < other->job->n_depends_on; i++)
		if (!strcmp(other->job->depends_on[i].name, n->from))
			return true;
	return false;
}

/* What another job says against it. */
static int rename_check_other(const struct rename *n, const struct record *other, struct err *err)
{
	const char *joins = other->job ? job_joins(other->job) : NULL;

	if (has_task_called(other->job, other->name, n->to) || has_task_called(n->rec.job, n->to, other->name))
		return err_hint(err,
				err_set(err, ERR_EXISTS, "name %s: a task and a job would have the same name, beside job %s", n->to,
					other->name),
				"choose another name");
	if (joins && !strcmp(joins, n->from))
		return err_hint(
			err, err_set(err, ERR_PRECONDITION, "job %s joins the network of job %s by its name", other->name, n->from),
			"remove that first: davit rm -f %s", other->name);
	if (depends_on_it(n, other))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s depends on job %s by its name", other->name, n->from),
				"remove that first: davit rm -f %s", other->name);
	return 0;
}

static int rename_check(const struct rename *n, const struct ctx *ctx, struct err *err)
{
	_cleanup_(records_done) struct records all = { 0 };
	int r = record_list(n->core, ctx, &all, err);

	for (size_t i = 0; r >= 0 && i < all.n; i++)
		if (strcmp(all.v[i].c.id, n->rec.c.id) != 0)
			r = rename_check_other(n, &all.v[i], err);
	return r;
}

/* Both names are ours, and the new one is free. */
static int rename_lock(struct rename *n, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record now = { 0 };
	int r = record_lock(n->core, n->rec.c.id, &n->from, true, ctx, &n->from_lock, err);

	if (r >= 0 && !strcmp(n->from, n->to))
		return err_set(err, ERR_EXISTS, "it has that name");
	if (r >= 0)
		r = claim_lock(n->core, n->to, false, ctx, &n->to_lock, err);
	if (r >= 0)
		r = record_get(n->core, n->rec.c.id, ctx, &now, err);
	if (r < 0)
		return r;
	record_done(&n->rec);
	n->rec = TAKE_STRUCT(now);
	r = reconcile_name(n->core, n->to, ctx, err);
	return r == 0 ? rename_in_use(n->to, err) : r;
}

static int rename_claim(const struct rename *n, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *from = claim_lease_id(n->from), *to = claim_lease_id(n->to), *filter = mem_printf("id==%s", from);
	_cleanup_(ctrd_leases_done) struct ctrd_leases l = { 0 };
	int r = leases_list(n->core->ctrd, filter, ctx, &l, err);

	if (r < 0)
		return r;
	if (!l.n)
		return err_set(err, ERR_NOT_FOUND, "its claim is gone");
	dict_set(&l.v[0].labels, CLAIM_JOB, n->to);
	r = leases_create(n->core->ctrd, to, &l.v[0].labels, ctx, err);
	return r == -ERR_EXISTS ? (err_clear(err), rename_in_use(n->to, err)) : r;
}

/* The host name of the container, where it is the old name, stays, as Docker has it: its spec says it. */
static int rename_job_text(const struct rename *n, struct buf *out, struct err *err)
{
	const struct ctrd_any *any = ctrd_container_extension(&n->rec.c, RECORD_JOB);
	_cleanup_json_ json *job = NULL, *spec = NULL;
	const char *host;
	int r;

	if (!any)
		return err_set(err, ERR_DATA_LOSS, "its record is not davit's");
	r = json_parse(buf_str(&any->value), any->value.len, &job, err);
	if (r >= 0)
		r = json_parse(buf_str(&n->rec.c.spec.value), n->rec.c.spec.value.len, &spec, err);
	if (r < 0)
		return r;
	host = json_get_str(spec, "hostname");
	json_put_str(job, "name", n->to);
	if (!json_get(job, "hostname") && host && !strcmp(host, n->from))
		json_put_str(job, "hostname", host);
	json_write(job, out);
	return 0;
}

static int rename_record(struct rename *n, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	_cleanup_buf_ struct buf text = { 0 };
	char name[] = RECORD_JOB, type[] = RECORD_JOB_TYPE;
	struct ctrd_extension ext = { .name = name, .any = { .type_url = type } };
	const struct container_change change = { .labels = &labels, .extension = &ext };
	int r = rename_job_text(n, &text, err);

	if (r < 0)
		return r;
	ext.any.value = text;
	dict_set(&labels, CLAIM_JOB, n->to);
	r = containers_change(n->core->ctrd, n->rec.c.id, &change, ctx, err);
	if (r < 0)
		return r;
	free(n->rec.name);
	n->rec.name = mem_strdup(n->to);
	return 0;
}

/* The record was not changed, as far as anybody knows: it says itself whose the new claim is. */
static void rename_undo(struct rename *n)
{
	const struct ctx limit = ctx_within(NULL, n->core->conf.undo_ms ? n->core->conf.undo_ms : 30000);
	_cleanup_(record_done) struct record now = { 0 };

	if (core_reconnect(n->core, NULL) >= 0 && record_get(n->core, n->rec.c.id, &limit, &now, NULL) >= 0 &&
	    strcmp(now.name, n->to) != 0)
		(void)remains_remove_claim(n->core, n->to, &limit, NULL);
}

static int rename_all(struct rename *n, const struct ctx *ctx, struct err *err)
{
	int r = rename_check(n, ctx, err);

	if (r >= 0)
		r = rename_claim(n, ctx, err);
	if (r < 0)
		return r;
	r = rename_record(n, ctx, err);
	if (r < 0) {
		rename_undo(n);
		return r;
	}
	return job_rename_settle(n->core, &n->rec, n->from, ctx, err);
}

int job_rename(struct core *c, const char *name, const char *to, const struct ctx *ctx, struct err *err)
{
	_cleanup_(rename_done) struct rename n = { .core = c, .to = to, .from_lock = -1, .to_lock = -1 };
	int r = name_check("name", to, NAME_JOB_MAX, err);

	if (r >= 0)
		r = record_find(c, name, ctx, &n.rec, err);
	if (r < 0)
		return r;
	n.from = mem_strdup(n.rec.name);
	r = rename_lock(&n, ctx, err);
	if (r >= 0)
		r = rename_all(&n, ctx, err);
	return r < 0 ? err_wrap(err, r, "rename job %s", name) : 0;
}
