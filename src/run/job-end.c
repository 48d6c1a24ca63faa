#include "job-end.h"
#include "claim.h"
#include "mem.h"
#include "monitored.h"
#include "poststop.h"
#include "remains.h"
#include "stop.h"

/* Those that come last are no others. */
static int end_rest(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ bool *which = mem_array(bool, rec->job->n_tasks);

	for (size_t i = 0; i < rec->job->n_tasks; i++)
		which[i] = rec->job->tasks[i].lifecycle != LIFE_POSTSTOP;
	return stop_tasks(c, rec, -1, which, ctx, err);
}

/* Under the lock, so that nobody starts it meanwhile. 1: it is over. */
static int end_locked(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record now = { 0 };
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r = record_get(c, id, ctx, &now, err);

	if (r >= 0)
		r = monitored_ask(c, &now, ctx, NULL, &m, err);
	if (r < 0 || m.state != MONITORED_ENDED)
		return r < 0 ? r : 0;
	r = end_rest(c, &now, ctx, err);
	return r < 0 ? r : 1;
}

int job_end(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int lock = -1, r = record_get(c, id, ctx, &rec, err);

	if (r >= 0)
		r = record_lock(c, id, &rec.name, true, ctx, &lock, err);
	if (r >= 0) {
		r = end_locked(c, id, ctx, err);
		claim_unlock(c, rec.name, lock);
	}
	if (r > 0)
		poststop_of_jobs(c, (const char *const[]){ id }, 1, POSTSTOP_PATIENT, ctx);
	if (r > 0)
		r = remains_after_end(c, &rec, ctx, err);
	monitored_poke(c, id);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	return r < 0 ? err_wrap(err, r, "end job %s", id) : 0;
}
