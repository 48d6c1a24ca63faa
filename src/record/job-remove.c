/* rm and prune. */
#include "job-remove.h"
#include "file.h"
#include "job-name.h"
#include "kept-logs.h"
#include "mem.h"
#include "mend.h"
#include "monitored.h"
#include "name.h"
#include "reconcile.h"
#include "remains.h"
#include "strays.h"
#include <string.h>

void job_await_removals(struct core *c, const struct ctx *ctx) { claim_await_removals(c, ctx); }

struct removal {
	bool force, volumes;
	bool (*still)(void *arg); /* NULL: it is */
	void *arg;
};

/* Its lock is held now. As docker has it, one that is between two lives is none that has ended. */
static int is_restarting(struct core *c, const struct record *now, const struct ctx *ctx, struct err *err)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r = monitored_ask(c, now, ctx, NULL, &m, err);

	return r < 0 ? r : m.state >= MONITORED_DECIDED;
}

/* 0: somebody has removed it meanwhile. 1: with the proof that it is over, by force if need be. */
static int may_remove(struct core *c, const struct record *rec, bool force, const struct ctx *ctx, struct job_over **ret,
		      struct err *err)
{
	_cleanup_(record_done) struct record now = { 0 };
	int r = record_get(c, rec->c.id, ctx, &now, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r >= 0 && !force)
		r = is_restarting(c, &now, ctx, err);
	if (r > 0)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "it is restarting"),
				"stop it first: davit stop %s, or use --force", rec->name);
	if (r >= 0)
		r = force ? job_over_terminate(c, rec->c.id, ctx, ret, err)
			  : job_over_end_unstarted(c, rec->c.id, ctx, NULL, ret, err);
	if (r >= 0 && !*ret)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "it is running"),
				"stop it first: davit stop %s, or use --force", rec->name);
	return r < 0 ? r : 1;
}

static int remove_locked(struct core *c, const struct record *rec, const struct removal *how, int lock, const struct ctx *ctx,
			 struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	int r;

	if (how->force)
		claim_lock_removing(lock);
	r = may_remove(c, rec, how->force, ctx, &over, err);
	if (r <= 0)
		return r;
	claim_lock_removing(lock);
	return remains_remove(c, rec->name, over, how->volumes, ctx, err);
}

/* 0: it is not to go. */
static int remove_record(struct core *c, const struct record *rec, const struct removal *how, const struct ctx *ctx,
			 struct err *err)
{
	_cleanup_free_ char *name = mem_strdup(rec->name);
	int lock = -1, r = record_lock(c, rec->c.id, &name, true, ctx, &lock, err);
	bool goes;

	if (r < 0)
		return r;
	goes = !how->still || how->still(how->arg);
	r = goes ? remove_locked(c, rec, how, lock, ctx, err) : 0;
	claim_unlock(c, name, lock);
	return r < 0 ? r : goes;
}

/* Nor a claim: a davit that was killed before it made one has left its lock's file. */
static void remove_lock(struct core *c, const char *name, const struct ctx *ctx)
{
	_cleanup_free_ char *path = strchr(name, '/') ? NULL : places_lock(c, name);
	int lock;

	if (path && file_exists(path) && claim_lock(c, name, false, ctx, &lock, NULL) >= 0)
		claim_unlock(c, name, lock);
}

/* No record of that name: a killed davit may have left a claim. */
static int remove_claim(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *lease = claim_lease_id(name), *filter = mem_printf("id==%s", lease);
	struct ctrd_leases l = { 0 };
	int lock = -1, r = leases_list(c->ctrd, filter, ctx, &l, err);
	bool there = r >= 0 && l.n > 0;

	ctrd_leases_done(&l);
	if (r >= 0 && !there)
		remove_lock(c, name, ctx);
	if (r < 0 || !there)
		return r;
	r = claim_lock(c, name, true, ctx, &lock, err);
	if (r < 0)
		return r;
	r = reconcile_name(c, name, ctx, err);
	claim_unlock(c, name, lock);
	return r < 0 ? r : 1;
}

int job_remove(struct core *c, const char *name, bool force, bool volumes, const struct ctx *ctx, struct err *err)
{
	const struct removal how = { .force = force, .volumes = volumes };
	_cleanup_(record_done) struct record rec = { 0 };
	struct err why = ERR_INIT;
	int r = record_find(c, name, ctx, &rec, &why);

	if (r == -ERR_NOT_FOUND) {
		r = remove_claim(c, name, ctx, err);
		if (r != 0)
			return r < 0 ? r : 0;
		if (err)
			*err = why;
		return -ERR_NOT_FOUND;
	}
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	r = remove_record(c, &rec, &how, ctx, err);
	return r < 0 ? err_wrap(err, r, "remove job %s", rec.name) : 0;
}

/* Of an id that is ours: what stands before its eight digits. */
static char *name_of_id(const char *id) { return job_id_is_ours(id) ? mem_strndup(id, (size_t)(strrchr(id, '-') - id)) : NULL; }

static int remove_id(struct core *c, const char *id, const struct removal *how, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_free_ char *name = name_of_id(id);
	int r = record_get(c, id, ctx, &rec, err);

	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		r = name ? remove_claim(c, name, ctx, err) : 0;
		r = r < 0 ? r : 1;
	} else if (r >= 0) {
		r = remove_record(c, &rec, how, ctx, err);
	}
	return r < 0 ? err_wrap(err, r, "remove job %s", id) : r;
}

int job_remove_id(struct core *c, const char *id, bool force, bool volumes, const struct ctx *ctx, struct err *err)
{
	const struct removal how = { .force = force, .volumes = volumes };
	int r = remove_id(c, id, &how, ctx, err);

	return r < 0 ? r : 0;
}

int job_remove_if(struct core *c, const char *id, bool (*still)(void *arg), void *arg, const struct ctx *ctx, struct err *err)
{
	const struct removal how = { .force = true, .volumes = true, .still = still, .arg = arg };

	return remove_id(c, id, &how, ctx, err);
}

/* Nothing of it runs, but its monitor would start it again; or that is not known. */
static bool may_restart(struct core *c, const struct record *rec, const struct ctx *ctx)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };

	return monitored_ask(c, rec, ctx, NULL, &m, NULL) < 0 || m.state >= MONITORED_DECIDED;
}

static int prune_exited(struct core *c, bool volumes, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_(records_done) struct records recs = { 0 };
	int r = record_list(c, ctx, &recs, err);

	for (size_t i = 0; r >= 0 && i < recs.n; i++) {
		const struct record *rec = &recs.v[i];

		r = job_may_live(c, rec->c.id, ctx, NULL, err);
		if (r != 0 || claim_locked(c, rec->name) || may_restart(c, rec, ctx))
			continue;
		if (!dry_run)
			r = remove_record(c, rec, &(struct removal){ .volumes = volumes }, ctx, err);
		if (r == -ERR_PRECONDITION) /* started meanwhile */
			r = (err_clear(err), 0);
		else if (r >= 0)
			strv_pushf(removed, "job %s", rec->name);
	}
	return r < 0 ? r : 0;
}

int job_prune(struct core *c, bool exited, bool volumes, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	int r;

	mend_ended_await(c, ctx);
	r = reconcile_all(c, dry_run, ctx, removed, err);
	if (r >= 0)
		r = strays_remove(c, dry_run, ctx, removed, err);
	if (r >= 0)
		r = kept_logs_prune(c, dry_run, removed, err);
	if (r >= 0 && exited)
		r = prune_exited(c, volumes, dry_run, ctx, removed, err);
	return r;
}
