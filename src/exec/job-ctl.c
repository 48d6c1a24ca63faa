/* stop, kill, restart, wait. */
#include "job-ops.h"
#include "mem.h"
#include "parse.h"
#include "record.h"
#include "remains.h"
#include "task-wait.h"
#include <signal.h>
#include <string.h>

static int stop_signal(const struct record *rec)
{
	const char *name = rec->job ? rec->job->tasks[0].stop_signal : NULL;
	int sig = SIGTERM;

	if (!name)
		name = dict_get(&rec->c.labels, "io.containerd.image.config.stop-signal");
	if (name)
		(void)parse_signal(name, &sig, NULL);
	return sig;
}

/* The state of its task: 1 with *ret, 0 when there is none. */
static int look(struct core *c, const char *id, const struct ctx *ctx, enum ctrd_status *ret, struct err *err)
{
	struct ctrd_process p = { 0 };
	int r = tasks_get(c->ctrd, id, NULL, ctx, &p, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	*ret = p.status;
	ctrd_process_done(&p);
	return 1;
}

static bool is_alive(enum ctrd_status s)
{
	return s == CTRD_RUNNING || s == CTRD_PAUSED || s == CTRD_PAUSING || s == CTRD_CREATED;
}

static int signal_task(struct core *c, const char *id, int sig, const struct ctx *ctx, struct err *err)
{
	int r = tasks_kill(c->ctrd, id, NULL, sig, false, ctx, err);

	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r;
}

/* Signal, and wait for the end: 1 when it came, 0 when the time ran out. */
static int stop_by(struct core *c, const char *id, int sig, int64_t ms, const struct ctx *ctx, struct err *err)
{
	struct ctx limit = ctx_within(ctx, ms);
	struct ctrd_call *wait = tasks_wait_begin(c->ctrd, id, NULL, ctx);
	struct ctrd_exit unused;
	int r = signal_task(c, id, sig, ctx, err);

	if (r < 0) {
		ctrd_call_free(wait);
		return r;
	}
	r = tasks_wait_end(wait, &limit, &unused, err);
	if (r == -ERR_NOT_FOUND || r >= 0)
		return err_clear(err), 1;
	if (r != -ERR_DEADLINE || ctx_check(ctx, NULL) < 0)
		return r;
	return err_clear(err), 0;
}

static int stop_record(struct core *c, const struct record *rec, int timeout, const struct ctx *ctx, struct err *err)
{
	enum ctrd_status status;
	int64_t seconds = timeout >= 0 ? timeout : rec->job ? rec->job->tasks[0].stop_timeout : 10;
	int r = look(c, rec->c.id, ctx, &status, err);

	if (r <= 0)
		return r;
	if (status == CTRD_PAUSED)
		(void)tasks_resume(c->ctrd, rec->c.id, ctx, NULL);
	r = is_alive(status) ? stop_by(c, rec->c.id, stop_signal(rec), seconds * 1000, ctx, err) : 1;
	if (r == 0)
		r = stop_by(c, rec->c.id, SIGKILL, 30000, ctx, err);
	if (r == 0)
		return err_set(err, ERR_DEADLINE, "it does not end, not even by SIGKILL");
	return r < 0 ? r : remains_after_end(c, rec, ctx, err);
}

int job_stop(struct core *c, const char *name, int timeout, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_find(c, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = stop_record(c, &rec, timeout, ctx, err);
	return r < 0 ? err_wrap(err, r, "stop job %s", rec.name) : 0;
}

int job_restart(struct core *c, const char *name, int timeout, const struct ctx *ctx, struct err *err)
{
	const struct run_opts detached = { .mode = RUN_DETACHED };
	_cleanup_(record_done) struct record rec = { 0 };
	struct run_result unused = { 0 };
	int r = record_find(c, name, ctx, &rec, err);

	if (r >= 0 && dict_get(&rec.c.labels, RECORD_REMOVE))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: it was run with --rm, so that stopping removes it",
					     rec.name), "stop it, and run it anew");
	if (r >= 0)
		r = job_stop(c, name, timeout, ctx, err);
	if (r >= 0)
		r = job_start(c, name, &detached, ctx, &unused, err);
	run_result_done(&unused);
	return r;
}

int job_kill(struct core *c, const char *name, int sig, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	enum ctrd_status status = CTRD_UNKNOWN;
	int r = record_find(c, name, ctx, &rec, err);

	if (r >= 0)
		r = look(c, rec.c.id, ctx, &status, err);
	if (r < 0)
		return r;
	if (r == 0 || !is_alive(status))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: is not running", rec.name),
				"start it with: davit start %s", rec.name);
	r = tasks_kill(c->ctrd, rec.c.id, NULL, sig, false, ctx, err);
	return r < 0 ? err_wrap(err, r, "kill job %s", rec.name) : 0;
}

int job_wait(struct core *c, const char *name, const struct ctx *ctx, int *ret_code, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	struct ctrd_exit exit;
	int64_t at;
	int r = record_find(c, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = task_wait(c, rec.c.id, NULL, ctx, &exit, err);
	if (r >= 0) {
		*ret_code = (int)exit.status;
		return remains_after_end(c, &rec, ctx, err);
	}
	if (r != -ERR_NOT_FOUND)
		return err_wrap(err, r, "wait for job %s", rec.name);
	if (record_exit(&rec, ret_code, &at))
		return err_clear(err), 0;
	err_clear(err);
	return err_hint(
		err, err_set(err, ERR_PRECONDITION, "job %s: has not been started, or its exit is not known", rec.name),
		"start it with: davit start %s", rec.name);
}
