#include "reconcile.h"
#include "job-rename.h"
#include "mem.h"
#include "netshare.h"
#include "orphans.h"
#include "remains.h"
#include "scratch.h"
#include <string.h>

enum { PORTS_MS = 10000, PORTS_PAUSE_MS = 2 };

/* What is known of a name: its claim, its record, its task. */
struct found {
	char *name, *id, *user;
	bool record, complete, remove, running, stopped;
	bool kept; /* others are in its network (netshare.h) */
	bool past; /* the record has another name: a davit was killed while it renamed the job (job-rename.h) */
};

static void found_done(struct found *f)
{
	free(f->name);
	free(f->id);
	free(f->user);
}

static bool is_prey(const struct found *f)
{
	return !f->past && !f->running && (!f->complete || (f->remove && f->stopped)) && !(f->kept && !f->record);
}

static int look_task(struct core *c, struct found *f, const struct ctx *ctx, struct err *err)
{
	struct task_status t = { 0 };
	int r = job_may_live(c, f->id, ctx, &t, err);

	if (r < 0)
		return r;
	f->running = r > 0;
	f->stopped = t.state == TASK_STOPPED;
	return 0;
}

static int look(struct core *c, const char *name, const char *id, struct found *f, const struct ctx *ctx, struct err *err)
{
	struct ctrd_container rec = { 0 };
	const char *its;
	int r;

	found_done(f);
	*f = (struct found){ .name = mem_strdup(name), .id = mem_strdup(id) };
	if (!id)
		return 0;
	r = netshare_is_kept(c, id, ctx, &f->user, err);
	if (r < 0)
		return r;
	f->kept = r > 0;
	r = containers_get(c->ctrd, id, ctx, &rec, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	f->record = true;
	its = dict_get(&rec.labels, CLAIM_JOB);
	f->past = its && strcmp(its, name) != 0;
	f->complete = dict_get(&rec.labels, RECORD_COMPLETE) != NULL;
	f->remove = dict_get(&rec.labels, RECORD_REMOVE) != NULL;
	ctrd_container_done(&rec);
	return look_task(c, f, ctx, err);
}

/* Its lock is held. 0: its task lives. */
static int remove_found(struct core *c, const struct found *f, const struct ctx *ctx, struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	int r;

	if (!f->id)
		r = remains_remove_claim(c, f->name, ctx, err);
	else if (f->record)
		r = job_over_end_unstarted(c, f->id, ctx, NULL, &over, err);
	else /* without a record it is nobody's, whatever runs */
		r = job_over_terminate(c, f->id, ctx, &over, err);
	if (over)
		r = remains_remove(c, f->name, over, true, ctx, err);
	return r < 0 ? r : !f->id || over;
}

/* A claim of a name that its job has not: the job has one of its own. */
static int drop_past(struct core *c, const struct found *f, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_get(c, f->id, ctx, &rec, err);

	if (r >= 0)
		r = job_rename_settle(c, &rec, f->name, ctx, err);
	return r < 0 ? err_wrap(err, r, "end the renaming of job %s", f->name) : 1;
}

int reconcile_name(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_(found_done) struct found f = { 0 };
	_cleanup_free_ char *id = NULL;
	int r = claim_find_id(c, name, ctx, &id, err);

	if (r >= 0)
		r = look(c, name, id, &f, ctx, err);
	if (r < 0)
		return r;
	if (f.past)
		return drop_past(c, &f, ctx, err);
	if (f.kept && !f.record)
		return err_hint(err, err_set(err, ERR_EXISTS, "name %s is in use: job %s is still in its network", name, f.user),
				"stop that first: davit stop %s", f.user);
	if (!is_prey(&f))
		return 0;
	r = remove_found(c, &f, ctx, err);
	return r < 0 ? err_wrap(err, r, "clean up what a killed davit left of %s", name) : r;
}

/* Is the claim of @f's name still for its id, or gone? What was seen before the lock was had may be past. */
static int is_still_its(struct core *c, const struct found *f, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *id = NULL;
	int r = claim_find_id(c, f->name, ctx, &id, err);

	return r < 0 ? r : id ? f->id && !strcmp(id, f->id) : f->record;
}

/* A claim lives as long as its job: one that ended has its ports no more once its network is released. */
static bool holds_network(const struct found *f)
{
	_cleanup_free_ char *netns = places_netns(f->id);

	return f->stopped || access(netns, F_OK) == 0;
}

static int settle(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_find(c, id, ctx, &rec, err);

	return r < 0 ? r : remains_settle(c, &rec, ctx, err);
}

static int release(struct core *c, struct found *f, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *name = mem_strdup(f->name), *id = mem_strdup(f->id);
	int r = look(c, name, id, f, ctx, err);

	if (r >= 0 && f->past) /* its job has a claim of its own name, which is asked for, too */
		return drop_past(c, f, ctx, err);
	if (r < 0 || f->running || f->kept)
		return r < 0 ? r : 0;
	r = is_still_its(c, f, ctx, err);
	if (r == 0)
		return 1;
	if (r > 0 && is_prey(f))
		return remove_found(c, f, ctx, err);
	return r > 0 && holds_network(f) ? settle(c, f->id, ctx, err) : r;
}

int reconcile_runs(struct core *c, const char *ns, const struct ctrd_lease *lease, const struct ctx *ctx, struct err *err)
{
	const char *name = dict_get(&lease->labels, CLAIM_JOB), *id = dict_get(&lease->labels, CLAIM_ID);
	_cleanup_(found_done) struct found f = { 0 };
	struct core there;
	int r;

	if (!name || !id)
		return 1;
	there = core_in(c, ns);
	r = look(&there, name, id, &f, ctx, err);
	core_leave(&there);
	return r < 0 ? r : f.running || f.kept;
}

/* A job that is being removed has its ports until its network's DEL has come so far; the rest of it is nobody's concern. 1: it
 * has none any more, 0: it is not being removed, or not to its end. */
static int await_ports(struct core *c, const char *name, const char *id, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, PORTS_MS);

	while (claim_is_removing(c, name) && ctx_check(&limit, NULL) >= 0) {
		int r = cni_has_ports(&c->conf.cni, id) ? ctx_check(ctx, err) : 1;

		if (r != 0)
			return r;
		(void)loop_pause(c->loop, PORTS_PAUSE_MS, &limit, NULL); /* the remover is another process */
	}
	return ctx_check(ctx, err);
}

int reconcile_port(struct core *c, const char *ns, const struct ctrd_lease *lease, const struct ctx *ctx, struct err *err)
{
	const char *name = dict_get(&lease->labels, CLAIM_JOB), *id = dict_get(&lease->labels, CLAIM_ID);
	_cleanup_(found_done) struct found f = { 0 };
	struct core there;
	int r, lock = -1;

	if (!name || !id)
		return 0;
	there = core_in(c, ns);
	r = look(&there, name, id, &f, ctx, err);
	if (r >= 0 && !f.running)
		r = await_ports(&there, name, id, ctx, err);
	if (r == 0 && !f.running) {
		r = claim_lock(&there, name, false, ctx, &lock, err);
		if (r == -ERR_EXISTS)
			r = (err_clear(err), 0);
		else if (r >= 0)
			r = release(&there, &f, ctx, err);
		claim_unlock(&there, name, lock);
	}
	core_leave(&there);
	return r;
}

/* A job that has ended, and a plugin could not delete what it added. */
static bool is_unsettled(const struct core *c, const struct found *f)
{
	return f->complete && !f->running && !f->kept && cni_is_cached(&c->conf.cni, f->id);
}

/* Its lock is held now: is it still what it was? 1 when it was, and is gone. */
static int remove_prey(struct core *c, const char *name, const char *id, struct found *f, const struct ctx *ctx, struct err *err)
{
	int r = look(c, name, id, f, ctx, err);

	if (r >= 0 && f->past)
		return drop_past(c, f, ctx, err);
	if (r >= 0 && is_unsettled(c, f))
		return settle(c, id, ctx, err);
	if (r < 0 || !is_prey(f))
		return r;
	r = is_still_its(c, f, ctx, err);
	if (r <= 0)
		return r < 0 ? r : !id;
	return remove_found(c, f, ctx, err);
}

static int reconcile_one(struct core *c, const char *name, const char *id, bool dry_run, const struct ctx *ctx,
			 struct strv *removed, struct err *err)
{
	_cleanup_(found_done) struct found f = { 0 };
	int lock = -1, r;

	if (claim_locked(c, name))
		return 0; /* somebody is at work */
	r = look(c, name, id, &f, ctx, err);
	if (r < 0 || (!f.past && !is_prey(&f) && !is_unsettled(c, &f)))
		return r;
	r = dry_run ? 1 : claim_lock(c, name, false, ctx, &lock, err);
	if (r == -ERR_EXISTS)
		return err_clear(err), 0;
	if (r >= 0 && !dry_run)
		r = remove_prey(c, name, id, &f, ctx, err);
	claim_unlock(c, name, lock);
	if (r > 0)
		strv_pushf(removed, "%s %s (%s)",
			   f.past        ? "former name"
			   : is_prey(&f) ? "leftover"
					 : "network of",
			   name, id ? id : "claim only");
	return r < 0 ? err_wrap(err, r, "leftover %s", name) : 0;
}

static bool claimed(const struct ctrd_leases *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *its = dict_get(&l->v[i].labels, CLAIM_ID);

		if (its && !strcmp(its, id))
			return true;
	}
	return false;
}

/* The lock files that nobody holds: left by a davit that was killed. */
static void free_locks(const struct core *c, struct strv *ret_names)
{
	_cleanup_free_ char *dir = places_run(c, "");
	_cleanup_(closedirp) DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *name = places_lock_name(e->d_name);

		if (name && !claim_locked(c, name))
			strv_push(ret_names, name);
	}
}

void reconcile_locks(struct core *c, const struct ctx *ctx)
{
	_cleanup_strv_ struct strv names = { 0 };

	free_locks(c, &names);
	for (size_t i = 0; i < names.n; i++) {
		int lock;

		if (claim_lock(c, names.v[i], false, ctx, &lock, NULL) < 0)
			continue;
		(void)reconcile_name(c, names.v[i], ctx, NULL);
		claim_unlock(c, names.v[i], lock);
	}
}

/* Keeps the first error of several. */
static void keep_first(int *first, int r, const struct err *why, struct err *err)
{
	if (r >= 0 || *first < 0)
		return;
	*first = r;
	if (err)
		*err = *why;
}

/* One that cannot be removed keeps none of the others. */
int reconcile_all(struct core *c, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_(records_done) struct records recs = { 0 };
	_cleanup_(ctrd_leases_done) struct ctrd_leases leases = { 0 };
	int first = 0, r = leases_list(c->ctrd, "labels.\"" CLAIM_JOB "\"", ctx, &leases, err);

	if (r >= 0)
		r = record_list(c, ctx, &recs, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < leases.n; i++) {
		struct err why = ERR_INIT;

		const struct dict *l = &leases.v[i].labels;

		r = reconcile_one(c, dict_get(l, CLAIM_JOB), dict_get(l, CLAIM_ID), dry_run, ctx, removed, &why);
		keep_first(&first, r, &why, err);
	}
	for (size_t i = 0; i < recs.n; i++) { /* records whose claim has gone */
		struct err why = ERR_INIT;

		if (claimed(&leases, recs.v[i].c.id))
			continue;
		r = reconcile_one(c, recs.v[i].name, recs.v[i].c.id, dry_run, ctx, removed, &why);
		keep_first(&first, r, &why, err);
	}
	if (!dry_run)
		reconcile_locks(c, ctx);
	r = scratch_prune(c, dry_run, ctx, removed, first < 0 ? NULL : err);
	first = first < 0 ? first : r;
	r = orphans_end(c, dry_run, ctx, removed, first < 0 ? NULL : err);
	return first < 0 ? first : r;
}
