/* Starting a job that exists. */
#include "boot-id.h"
#include "decide.h"
#include "job-name.h"
#include "mapped.h"
#include "mem.h"
#include "mend.h"
#include "remains.h"
#include "task.h"
#include "monitored.h"
#include <string.h>
#include "job-stop.h"
#include "poststop.h"

int run_load_records(struct run *run, struct record *rec, const struct ctx *ctx, struct err *err)
{
	const size_t n = run->job->n_tasks;
	int r = 0;

	run->records = mem_array(struct record, n);
	run->records[0] = TAKE_STRUCT(*rec);
	for (size_t i = 1; r >= 0 && i < n; i++) {
		_cleanup_free_ char *id = job_id_task(run->id, i);

		r = containers_get(run->core->ctrd, id, ctx, &run->records[i].c, err);
	}
	run_add_tasks(run);
	return r;
}

int run_load(struct run *run, struct record *rec, const struct ctx *ctx, struct err *err)
{
	int r;

	run->job = TAKE_PTR(rec->job);
	run->id = mem_strdup(rec->c.id);
	run->snapshotter = mem_strdup(rec->c.snapshotter);
	r = run_load_records(run, rec, ctx, err);
	if (r >= 0)
		r = run_decide_users(run, err);
	if (r < 0 || !run->users)
		return r;
	run->netns = places_netns(run->id);
	return run_join_users(run, err);
}

/* Does another task than the first run, or may it? */
static int others_run(const struct run *run, const struct ctx *ctx, struct err *err)
{
	int r = 0;

	for (size_t i = 1; r == 0 && i < run->job->n_tasks; i++) {
		_cleanup_free_ char *id = job_id_task(run->id, i);
		struct task_status t;

		r = task_look(run->core, id, ctx, &t, err);
		if (r >= 0)
			r = task_may_live(&t);
	}
	return r;
}

/* Does the record still say so? */
static bool start_is_wanted(const struct run *run, const struct record *now, const struct task_status *tasks,
			    const struct monitored *m)
{
	_cleanup_free_ char *boot = run->opts->why == START_BOOT ? boot_id() : NULL;

	if (boot)
		return monitored_at_boot(now, tasks, m->n, boot);
	return run->opts->why == START_AGAIN && m->whole && m->state == MONITORED_DUE;
}

/* Nobody has changed anything since it was wanted. The record was read before the lock was had. */
enum { START_UNWANTED = 2 };
static int start_is_due(struct run *run, struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record now = { 0 };
	_cleanup_free_ struct task_status *tasks = NULL;
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r = record_get(run->core, run->id, ctx, &now, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), START_UNWANTED;
	if (r >= 0)
		r = monitored_ask(run->core, &now, ctx, &tasks, &m, err);
	if (r < 0)
		return r;
	if (!start_is_wanted(run, &now, tasks, &m))
		return START_UNWANTED;
	if (run->opts->why == START_BOOT)
		r = monitored_boot_begun(run->core, &now, &m, ctx, err);
	if (r < 0)
		return r;
	dict_done(&rec->c.labels);
	rec->c.labels = TAKE_STRUCT(now.c.labels);
	return 0;
}

/* For the failure of another; nobody has stopped it since. */
static int start_is_recovery(struct run *run, struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record now = { 0 };
	int r = record_get(run->core, run->id, ctx, &now, err);
	const char *label;

	if (r < 0)
		return r == -ERR_NOT_FOUND ? (err_clear(err), START_UNWANTED) : r;
	label = dict_get(&now.c.labels, RECORD_RECOVERY);
	if (!label || strcmp(label, run->opts->recovery) != 0 || dict_get(&now.c.labels, RECORD_STOPPED))
		return START_UNWANTED;
	dict_done(&rec->c.labels);
	rec->c.labels = TAKE_STRUCT(now.c.labels);
	return 0;
}

/* What was read before the lock was had may be past: somebody may have updated or stopped it meanwhile. */
static int start_read_again(struct run *run, struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record now = { 0 };
	int r = record_get(run->core, run->id, ctx, &now, err);

	if (r < 0)
		return r;
	if (!now.job)
		return err_set(err, ERR_DATA_LOSS, "its record is not davit's, or cannot be read");
	job_free(run->job);
	run->job = TAKE_PTR(now.job);
	record_done(rec);
	*rec = TAKE_STRUCT(now);
	return 0;
}

/* A job that exists: its records, with the tasks of its last run deleted. 1: it runs, and nobody wants to see it. START_UNWANTED.
 */
static int start_prepare(struct run *run, struct record *rec, const struct ctx *ctx, pid_t *ret_pid, struct err *err)
{
	struct task_status t;
	int r;

	if (!rec->job)
		return err_hint(err, err_set(err, ERR_DATA_LOSS, "its record is not davit's, or cannot be read"),
				"remove it with: davit rm -f %s", rec->name);
	run->job = TAKE_PTR(rec->job);
	run->id = mem_strdup(rec->c.id);
	run->snapshotter = mem_strdup(rec->c.snapshotter);
	r = record_lock(run->core, run->id, &run->job->name, true, ctx, &run->lock, err);
	if (r < 0)
		return r;
	r = task_look(run->core, run->id, ctx, &t, err);
	if (r >= 0 && run->opts->why != START_ASKED)
		r = start_is_due(run, rec, ctx, err);
	if (r >= 0 && run->opts->recovery)
		r = start_is_recovery(run, rec, ctx, err);
	if (r < 0 || r == START_UNWANTED)
		return r;
	r = start_read_again(run, rec, ctx, err);
	if (r < 0)
		return r;
	if (t.state == TASK_LIVE && run->opts->mode == RUN_DETACHED) {
		(void)mend_netns(run->core, run->id, run->job, ctx, NULL);
		*ret_pid = t.pid;
		return 1;
	}
	if (t.state == TASK_UNKNOWN)
		return err_hint(err, err_set(err, ERR_UNAVAILABLE, "its shim does not say how it is"), "end it with: davit stop %s",
				run->job->name);
	r = task_may_live(&t) ? 1 : others_run(run, ctx, err); /* one that was only created is ended with what its start left */
	if (r < 0)
		return r;
	if (r > 0) /* a reboot takes the task and the network namespace, not what CNI remembers of it */
		return err_hint(err, err_set(err, ERR_PRECONDITION, "it is running already"), "davit logs -f %s follows it",
				run->job->name);
	r = remains_settle(run->core, rec, ctx, err);
	if (r == 0) /* while we looked */
		return err_set(err, ERR_UNAVAILABLE, "it is not known whether its last run is over");
	return r < 0 ? r : run_load_records(run, rec, ctx, err);
}

/* Whoever stopped it while it was being started again may have found nothing that runs. */
static int end_if_stopped(struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record now = { 0 };
	int r = record_get(run->core, run->id, ctx, &now, err);

	if (r >= 0 && dict_get(&now.c.labels, RECORD_STOPPED))
		r = job_stop(run->core, run->id, -1, poststop_of_jobs, ctx, err);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r;
}

int job_start(struct core *core, const char *name, const struct run_opts *opts, const struct ctx *ctx, struct run_result *ret,
	      struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(run_done) struct run run = { .core = core, .opts = opts, .lock = -1 };
	struct run_result res = { 0 };
	pid_t pid = 0;
	int r = record_find(core, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = start_prepare(&run, &rec, ctx, &pid, err);
	if (r > 0) {
		*ret = (struct run_result){ .name = mem_strdup(run.job->name), .id = mem_strdup(run.id), .pid = pid };
		return 0;
	}
	if (r == 0)
		r = run_decide(&run, ctx, err);
	if (r >= 0)
		r = run_execute(&run, ctx, &res, err);
	if (r >= 0 && (opts->why != START_ASKED || opts->recovery))
		r = end_if_stopped(&run, ctx, err);
	if (r < 0) {
		run_result_done(&res);
		return err_wrap(err, r, "start job %s", name);
	}
	*ret = res;
	return 0;
}
