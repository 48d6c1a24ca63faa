#include "recover.h"
#include "claim.h"
#include "file.h"
#include "job-run.h"
#include "mem.h"
#include "monitored.h"
#include "poststop.h"
#include "recovery.h"
#include "remains.h"
#include "stop.h"
#include "value.h"
#include <string.h>

enum { STARTING_MS = 2000 }; /* who only looks, or changes something, holds a lock shorter */

/* The jobs of a set that can be read. */
struct recover {
	struct core *core;
	struct records all;
	struct recovery_member *members;
	const struct record **of;
	size_t *order, n, failed;
};

static void recover_done(struct recover *v)
{
	free(v->members);
	free(v->of);
	free(v->order);
	records_done(&v->all);
}

static bool of_same_set(const struct record *a, const struct record *b)
{
	const char *x = dict_get(&a->c.labels, RECORD_SET), *y = dict_get(&b->c.labels, RECORD_SET);

	return x && y && !strcmp(x, y);
}

static int64_t recorded_place(const struct record *rec)
{
	const char *text = dict_get(&rec->c.labels, RECORD_PLACE);
	int64_t place;

	return text && parse_whole(text, &place) ? place : INT64_MAX;
}

static int recover_load(struct recover *v, const struct record *failed, const struct ctx *ctx, struct err *err)
{
	int r = record_list(v->core, ctx, &v->all, err);

	if (r < 0)
		return r;
	v->members = mem_array(struct recovery_member, v->all.n);
	v->of = mem_array(const struct record *, v->all.n);
	v->order = mem_array(size_t, v->all.n);
	for (size_t i = 0; i < v->all.n; i++) {
		const struct record *rec = &v->all.v[i];

		if (!rec->job || (!of_same_set(rec, failed) && strcmp(rec->c.id, failed->c.id) != 0))
			continue;
		if (!strcmp(rec->c.id, failed->c.id))
			v->failed = v->n;
		v->members[v->n] = (struct recovery_member){ rec->job, recorded_place(rec) };
		v->of[v->n++] = rec;
	}
	recovery_order(v->members, v->n, v->order);
	return 0;
}

static int recover_mark(struct recover *v, const char *id, const char *with, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };

	dict_set(&labels, RECORD_RECOVERY, with);
	return containers_set_labels(v->core->ctrd, id, &labels, ctx, err);
}

/* Somebody starts it just now: its set, of which not all has started yet, or a person. It comes after the failure anyway. 1, 0. */
static int member_is_starting(const struct recover *v, size_t i, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, STARTING_MS);
	_cleanup_free_ char *name = mem_strdup(v->of[i]->name);
	int lock = -1, r;

	if (!dict_get(&v->of[i]->c.labels, RECORD_STARTED))
		return 1;
	r = record_lock(v->core, v->of[i]->c.id, &name, true, &limit, &lock, err);
	if (r >= 0)
		claim_unlock(v->core, name, lock);
	if (r >= 0 || (r == -ERR_DEADLINE && ctx_check(ctx, NULL) >= 0) || r == -ERR_NOT_FOUND)
		return err_clear(err), r < 0;
	return r;
}

/* It runs, or is going to again: one that a person has stopped, or whose work is done, is left alone. 1, 0. */
static int goes_along(const struct recover *v, size_t i, const struct ctx *ctx, struct err *err)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r;

	if (i == v->failed || !recovery_takes(v->members, v->n, v->failed, i) || dict_get(&v->of[i]->c.labels, RECORD_STOPPED))
		return 0;
	if (v->of[i]->job->remove) /* stopped, it would be gone */
		return 0;
	r = member_is_starting(v, i, ctx, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = job_may_live(v->core, v->of[i]->c.id, ctx, NULL, err);
	if (r == 0)
		r = monitored_ask(v->core, v->of[i], ctx, NULL, &m, err);
	return r < 0 ? r : r > 0 || m.state >= MONITORED_DECIDED;
}

/* The one that has failed last: from then on it is known which go along. */
static int recover_begin(struct recover *v, const struct ctx *ctx, struct err *err)
{
	const char *id = v->of[v->failed]->c.id;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < v->n; i++) {
		r = goes_along(v, i, ctx, err);
		if (r > 0)
			r = recover_mark(v, v->of[i]->c.id, id, ctx, err);
	}
	return r < 0 ? r : recover_mark(v, id, id, ctx, err);
}

static bool is_marked(const struct recover *v, size_t i, const char *id)
{
	const char *with = dict_get(&v->of[i]->c.labels, RECORD_RECOVERY);

	return i != v->failed && with && !strcmp(with, id);
}

static int recover_stop(struct recover *v, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ const struct record **which = mem_array(const struct record *, v->n);
	_cleanup_free_ const char **ids = mem_array(const char *, v->n);
	size_t n = 0;
	int r;

	for (size_t i = 0; i < v->n; i++)
		if (is_marked(v, i, id)) {
			which[n] = v->of[i];
			ids[n++] = v->of[i]->c.id;
		}
	r = stop_all(v->core, which, n, -1, ctx, err);
	if (r > 0)
		poststop_of_jobs(v->core, ids, n, -1, ctx);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = remains_after_end(v->core, which[i], ctx, err);
	return r;
}

/* The job itself, not what it needs: a folder to mount, a network, its command. */
static bool is_gone(struct core *c, const char *id, const struct ctx *ctx)
{
	_cleanup_(record_done) struct record rec = { 0 };

	return record_get(c, id, ctx, &rec, NULL) == -ERR_NOT_FOUND;
}

static int recover_start(struct recover *v, const char *id, const struct run_opts *opts, const struct ctx *ctx, struct err *err)
{
	struct run_result unused = { 0 };
	int r = job_start(v->core, id, opts, ctx, &unused, err);

	run_result_done(&unused);
	return r == -ERR_NOT_FOUND && is_gone(v->core, id, ctx) ? (err_clear(err), 0) : r;
}

static int recover_go_on(struct recover *v, const char *id, const struct ctx *ctx, struct err *err)
{
	const struct run_opts due = { .mode = RUN_DETACHED, .why = START_AGAIN }, along = { .mode = RUN_DETACHED, .recovery = id };
	int r = recover_stop(v, id, ctx, err);

	for (size_t k = 0; r >= 0 && k < v->n; k++) {
		const size_t i = v->order[k];

		if (i == v->failed)
			r = recover_start(v, id, &due, ctx, err);
		else if (is_marked(v, i, id))
			r = recover_start(v, v->of[i]->c.id, &along, ctx, err);
	}
	return r < 0 ? r : recover_mark(v, id, "", ctx, err);
}

static int recover_locked(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(monitored_done) struct monitored m = { 0 };
	_cleanup_(recover_done) struct recover first = { .core = c }, now = { .core = c };
	int r = record_get(c, id, ctx, &rec, err);

	if (r >= 0)
		r = monitored_ask(c, &rec, ctx, NULL, &m, err);
	if (r < 0 || (!m.recovers && !(m.whole && m.state == MONITORED_DUE)))
		return r < 0 ? r : 0;
	if (!m.recovers) {
		r = recover_load(&first, &rec, ctx, err);
		if (r >= 0)
			r = recover_begin(&first, ctx, err);
	}
	if (r >= 0)
		r = recover_load(&now, &rec, ctx, err);
	return r < 0 ? r : recover_go_on(&now, id, ctx, err);
}

static int start_alone(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	const struct run_opts due = { .mode = RUN_DETACHED, .why = START_AGAIN };
	struct run_result unused = { 0 };
	int r = job_start(c, id, &due, ctx, &unused, err);

	run_result_done(&unused);
	return r;
}

int recover_job(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_free_ char *path = places_recovery_lock(c);
	_cleanup_close_ int lock = -1;
	int r = record_get(c, id, ctx, &rec, err);

	if (r >= 0 && (!rec.job || !recovery_is_of_several(rec.job) || !dict_get(&rec.c.labels, RECORD_SET)))
		return start_alone(c, id, ctx, err);
	if (r >= 0)
		r = lock = file_lock(path, true, ctx, err);
	if (r >= 0)
		r = recover_locked(c, id, ctx, err);
	monitored_poke(c, id);
	if (r == -ERR_NOT_FOUND && is_gone(c, id, ctx))
		return err_clear(err), 0;
	return r < 0 ? err_wrap(err, r, "recovery from the failure of job %s", id) : 0;
}
