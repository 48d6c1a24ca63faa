#include "job-wait.h"
#include "job-ends.h"
#include "job-exit.h"
#include "job-name.h"
#include "clock.h"
#include "mem.h"
#include "mend.h"
#include "job-over.h"
#include "monitored.h"
#include "poke.h"
#include "remains.h"
#include "task-wait.h"
#include <string.h>

enum {
	BEGIN_MS = 100, /* until a monitor has its file */
	LOOK_MS = 5000, /* of a monitor that is killed nothing tells */
};

/* What is on its record now, which is there. */
static int record_look_again(struct core *c, struct record *job, const struct ctx *ctx, struct err *err)
{
	struct record now = { 0 };
	int r = record_get(c, job->c.id, ctx, &now, err);

	if (r < 0)
		return r;
	record_done(job);
	*job = now;
	return 0;
}

/* Until all have ended; of one that is settled its record remembers. @exits: of each, time 0 where it is not known. */
static int wait_for_tasks(struct core *c, struct record *job, struct ctrd_exit *exits, const struct ctx *ctx, struct err *err)
{
	_cleanup_(records_done) struct records recs = { 0 };
	const size_t n = job_id_tasks(job->c.id);
	bool settled = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_free_ char *its = job_id_task(job->c.id, i);

		r = task_wait(c, its, NULL, ctx, &exits[i], err);
		if (r == -ERR_NOT_FOUND) {
			settled = true;
			r = (err_clear(err), 0);
		}
	}
	if (r >= 0 && settled) /* perhaps only just */
		r = record_look_again(c, job, ctx, err);
	if (r >= 0 && settled)
		r = record_tasks(c, job, ctx, &recs, err);
	for (size_t i = 0; r >= 0 && settled && i < n; i++)
		if (!exits[i].at)
			(void)record_task_exit(i ? &recs.v[i] : job, &exits[i]);
	return r;
}

static int not_known(const struct record *rec, struct err *err)
{
	err_clear(err);
	return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: has not been started, or its exit is not known", rec->name),
			"start it with: davit start %s", rec->name);
}

/* JOB.TASK alone: the others go on. */
static int wait_for_one(struct core *c, const struct record *rec, const struct ctx *ctx, int *ret_code, struct err *err)
{
	struct ctrd_exit exit = { 0 };
	int r = task_wait(c, rec->c.id, NULL, ctx, &exit, err);

	if (r < 0 && r != -ERR_NOT_FOUND)
		return err_wrap(err, r, "wait for job %s", rec->name);
	if (r < 0 && !record_task_exit(rec, &exit))
		return not_known(rec, err);
	err_clear(err);
	*ret_code = (int)exit.status;
	return 0;
}

/* Until one of the tasks that run has ended, or somebody has told of a change. */
static int await_some_end(struct core *c, const struct record *job, const struct monitored *m, const struct poke *poke,
			  const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ struct task_wait **waits = mem_array(struct task_wait *, m->n);
	_cleanup_strv_ struct strv ids = { 0 };
	bool over = false;
	int r = 0;

	for (size_t i = 0; i < m->n; i++) {
		_cleanup_free_ char *id = job_id_task(job->c.id, i);

		strv_push(&ids, id);
	}
	for (size_t i = 0; i < m->n; i++)
		if (m->tasks[i].state == MONITORED_LIVES)
			waits[i] = task_wait_new(c, ids.v[i], NULL, NULL);
	while (r >= 0 && !over && !poke->seen) {
		r = loop_turn(c->loop, ctx, err);
		for (size_t i = 0; i < m->n; i++)
			over |= waits[i] && task_wait_over(waits[i]);
	}
	for (size_t i = 0; i < m->n; i++)
		task_wait_free(waits[i]);
	return r;
}

/* Its monitor, or the next, ends the others, has those run that come last, and settles it. */
static bool is_being_ended(const struct core *c, const struct record *job, const struct task_status *tasks, size_t n)
{
	if (n < 2 || dict_get(&job->c.labels, RECORD_EXIT))
		return false;
	return monitored_now(c, job->c.id) || (monitored_to_the_end(job->job) && monitored_last_are_due(job, tasks, n));
}

/* 1: it is to be looked at again; 0: it stays ended. */
static int await_restart(struct core *c, struct record *job, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = places_monitor(c, job->c.id);
	_cleanup_(poke_done) struct poke poke = { .fd = -1 };
	_cleanup_(monitored_done) struct monitored m = { 0 };
	_cleanup_free_ struct task_status *tasks = NULL;
	struct ctx limit;
	int r, seen = poke_init(&poke, c->loop, path, NULL); /* before the look */

	r = record_look_again(c, job, ctx, err);
	if (r >= 0)
		r = monitored_ask(c, job, ctx, &tasks, &m, err);
	if (r < 0)
		return r;
	/* one that is removed at its end has one life, and takes its exit with it: only an open Wait gets that */
	if (m.state == MONITORED_NOTHING || job->job->remove || (m.state == MONITORED_ENDED && !is_being_ended(c, job, tasks, m.n)))
		return 0;
	if (m.state == MONITORED_LIVES) {
		r = await_some_end(c, job, &m, &poke, ctx, err);
		return r < 0 ? r : 1;
	}
	(void)mend_touched(c, job, tasks, m.n, ctx);
	if (seen < 0) /* it has just begun */
		r = loop_pause(c->loop, BEGIN_MS, ctx, err);
	limit = ctx_within(ctx, LOOK_MS);
	while (r >= 0 && seen >= 0 && !poke.seen)
		r = loop_turn(c->loop, &limit, err);
	if (r == -ERR_DEADLINE && ctx_check(ctx, NULL) >= 0)
		r = (err_clear(err), 0);
	return r < 0 ? r : 1;
}

/* Its set's recovery has ended it, and starts it again: 1 once it has. Who recovers it says so before. */
static int await_recovery(struct core *c, struct record *job, const struct ctx *ctx, struct err *err)
{
	_cleanup_(job_ends_freep) struct job_ends *ends = NULL;
	int r = 0;

	if (!dict_get(&job->c.labels, RECORD_SET))
		return 0;
	r = record_look_again(c, job, ctx, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0 || !dict_get(&job->c.labels, RECORD_RECOVERY))
		return r;
	ends = job_ends_new(c, ctx);
	job_ends_add(ends, job->c.id);
	while (r == 0 && !(job_ends_look(ends) && job_ends_all(ends))) {
		r = loop_pause(c->loop, JOB_ENDS_LOOK_MS, ctx, err);
		if (r >= 0)
			r = job_may_live(c, job->c.id, ctx, NULL, err);
		if (r == -ERR_UNAVAILABLE) { /* it is looked at again, and then connected to anew */
			err_clear(err);
			r = 0;
		}
	}
	return r;
}

/* Until what runs of it has ended, whoever starts it again. */
static int wait_for_lives(struct core *c, struct record *job, struct ctrd_exit *exits, const struct ctx *ctx, struct err *err)
{
	const size_t n = job_id_tasks(job->c.id);
	int r, again;

	do {
		memset(exits, 0, n * sizeof *exits);
		do
			r = await_restart(c, job, ctx, err);
		while (r > 0);
		if (r >= 0)
			r = n > 1 ? wait_for_tasks(c, job, exits, ctx, err) : task_wait(c, job->c.id, NULL, ctx, &exits[0], err);
		if (r < 0 && r != -ERR_NOT_FOUND)
			return r;
		err_clear(err);
		again = await_recovery(c, job, ctx, err);
	} while (again > 0);
	return again < 0 ? again : r;
}

/* Whoever has those run that come last settles it then. */
static int settle_unless_last(struct core *c, const struct record *job, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ struct task_status *tasks = NULL;
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r = monitored_ask(c, job, ctx, &tasks, &m, err);

	if (r < 0 || monitored_last_are_due(job, tasks, m.n))
		return r;
	return remains_after_end(c, job, ctx, err);
}

static int wait_for_job(struct core *c, struct record *job, const struct ctx *ctx, int *ret_code, struct err *err)
{
	const size_t n = job_id_tasks(job->c.id);
	_cleanup_free_ struct ctrd_exit *exits = mem_array(struct ctrd_exit, n);
	struct ctrd_exit all;
	int64_t at;
	int r = wait_for_lives(c, job, exits, ctx, err);

	if (r < 0 && r != -ERR_NOT_FOUND)
		return err_wrap(err, r, "wait for job %s", job->name);
	all = r < 0 ? (struct ctrd_exit){ 0 } : job_exit_of(job->job, exits, n);
	if (all.at || (r >= 0 && n == 1)) {
		*ret_code = (int)all.status;
		return n > 1 ? settle_unless_last(c, job, ctx, err) : remains_after_end(c, job, ctx, err);
	}
	err_clear(err);
	r = record_look_again(c, job, ctx, err); /* it may have been settled only just */
	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	if (record_exit(job, ret_code, &at))
		return err_clear(err), 0;
	return not_known(job, err);
}

int job_wait(struct core *c, const char *name, const struct ctx *ctx, int *ret_code, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 }, found = { 0 };
	struct record *job = &rec;
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r >= 0 && !all && job_id_tasks(record_job_id(&rec)) > 1)
		return wait_for_one(c, &rec, ctx, ret_code, err);
	if (r >= 0 && rec.task) {
		r = record_get(c, record_job_id(&rec), ctx, &found, err);
		job = &found;
	}
	return r < 0 ? r : wait_for_job(c, job, ctx, ret_code, err);
}
