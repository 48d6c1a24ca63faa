#include "job-stop.h"
#include "job-name.h"
#include "job-pod.h"
#include "mem.h"
#include "value.h"
#include "record.h"
#include "remains.h"
#include "stop.h"
#include "task.h"
#include "monitored.h"
#include <signal.h>

/* A start by its monitor that was under way when it was said that the job is to stop may have come after what we looked at. */
static int stop_late_start(struct core *c, const struct record *rec, int timeout, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *name = mem_strdup(rec->name);
	int lock = -1, r;

	if (!rec->job || !monitored_asks(rec->job) || !claim_locked(c, rec->name))
		return 0;
	r = record_lock(c, rec->c.id, &name, true, ctx, &lock, err);
	if (r < 0)
		return r;
	claim_unlock(c, name, lock);
	return stop_tasks(c, rec, timeout, NULL, ctx, err);
}

int job_stop(struct core *c, const char *name, int timeout, job_stop_last *last, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_find(c, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = monitored_stop(c, &rec, ctx, err);
	if (r >= 0)
		r = stop_tasks(c, &rec, timeout, NULL, ctx, err);
	if (r >= 0) {
		int late = stop_late_start(c, &rec, timeout, ctx, err);

		r = late < 0 || late > r ? late : r;
	}
	if (r > 0 && last)
		last(c, (const char *const[]){ rec.c.id }, 1, timeout, ctx);
	if (r > 0)
		r = remains_after_end(c, &rec, ctx, err);
	return r < 0 ? err_wrap(err, r, "stop job %s", rec.name) : 0;
}

int job_stop_begin(struct core *c, const char *id, int sig, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_get(c, id, ctx, &rec, err);

	if (r >= 0)
		r = stop_signal(c, &rec, sig, ctx, err);
	return r < 0 ? err_wrap(err, r, "stop job %s", id) : r;
}

int job_stop_id(struct core *c, const char *id, const struct stop_how *how, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_get(c, id, ctx, &rec, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r >= 0)
		r = stop_tasks_how(c, &rec, how, ctx, err);
	return r < 0 ? err_wrap(err, r, "stop job %s", id) : 0;
}

static int kill_task(struct core *c, const struct record *rec, const char *id, int sig, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int r = task_look(c, id, ctx, &t, err);

	if (r < 0)
		return r;
	if (task_is_over(&t))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: is not running", rec->name),
				"start it with: davit start %s", rec->name);
	r = tasks_kill(c->ctrd, id, NULL, sig, false, ctx, err);
	if (r >= 0 && sig == SIGKILL && t.state == TASK_PAUSED) /* the freezer of v1 holds what is to die, too */
		(void)tasks_resume(c->ctrd, id, ctx, NULL);
	return r < 0 ? err_wrap(err, r, "kill job %s", rec->name) : 0;
}

/* All that run; one has to. */
static int kill_tasks(struct core *c, const struct record *job, int sig, const struct ctx *ctx, struct err *err)
{
	const char *id = record_job_id(job);
	bool hit = false;
	int r = 0;

	for (size_t i = 0; i < job_id_tasks(id) && (r >= 0 || r == -ERR_PRECONDITION || r == -ERR_NOT_FOUND); i++) {
		_cleanup_free_ char *its = job_id_task(id, i);

		if (i == 0 && sig != SIGKILL && job->job && job_is_pod(job->job)) /* its end ends the machine of the others */
			continue;
		err_clear(err);
		r = kill_task(c, job, its, sig, ctx, err);
		hit |= r >= 0;
	}
	if (!hit || (r < 0 && r != -ERR_PRECONDITION && r != -ERR_NOT_FOUND))
		return r;
	return err_clear(err), 0;
}

int job_kill_id(struct core *c, const char *id, const char *signal, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int sig, r = parse_signal(signal, &sig, err);

	if (r >= 0)
		r = record_get(c, id, ctx, &rec, err);
	return r < 0 ? r : kill_tasks(c, &rec, sig, ctx, err);
}

/* As docker has it: who sends the signal that kills or stops a job wants its end. 1: it was between two lives, and stays ended. */
static int kill_for_good(struct core *c, const struct record *rec, int sig, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record job = { 0 };
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r;

	if (sig != SIGKILL && sig != stop_signal_of(rec))
		return 0;
	r = record_get(c, record_job_id(rec), ctx, &job, err);
	if (r >= 0)
		r = monitored_ask(c, &job, ctx, NULL, &m, err);
	if (r < 0 || m.state == MONITORED_NOTHING || m.state == MONITORED_ENDED)
		return r < 0 ? r : 0;
	return monitored_stop(c, &job, ctx, err);
}

int job_kill(struct core *c, const char *name, int sig, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r >= 0 && (all || (rec.job && rec.job->n_tasks == 1)))
		r = kill_for_good(c, &rec, sig, ctx, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return all ? kill_tasks(c, &rec, sig, ctx, err) : kill_task(c, &rec, rec.c.id, sig, ctx, err);
}
