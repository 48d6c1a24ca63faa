#include "job-stop.h"
#include "clock.h"
#include "mem.h"
#include "parse.h"
#include "record.h"
#include "remains.h"
#include "task.h"
#include <signal.h>
#include <string.h>

enum { RESUME_MS = 2000 };

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

/* Its shim was killed with it, so containerd knows no exit: it ended by our SIGKILL. */
static int remember_forced(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	char at[CLOCK_TEXT];
	struct task_status t;
	int r = task_look(c, id, ctx, &t, err);

	if (r < 0 || t.state != TASK_ABSENT)
		return r;
	dict_setf(&labels, RECORD_EXIT, "%d %s", 128 + SIGKILL, clock_rfc3339(clock_wall(), at));
	r = containers_set_labels(c->ctrd, id, &labels, ctx, err);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r;
}

/* The stop signal, its time, SIGKILL. */
static int stop_live(struct core *c, const struct record *rec, int64_t ms, const struct ctx *ctx, struct err *err)
{
	int r = task_stop(c, rec->c.id, stop_signal(rec), ms, ctx, err);

	if (r != 0)
		return r;
	r = task_terminate(c, rec->c.id, ctx, NULL, err);
	return r == TASK_FORCED ? remember_forced(c, rec->c.id, ctx, err) : r;
}

static int stop_record(struct core *c, const struct record *rec, int timeout, const struct ctx *ctx, struct err *err)
{
	const struct ctx soon = ctx_within(ctx, RESUME_MS);
	int64_t seconds = timeout >= 0 ? timeout : rec->job ? rec->job->tasks[0].stop_timeout : 10;
	struct task_status t;
	int r = task_look(c, rec->c.id, ctx, &t, err);

	if (r < 0 || t.state == TASK_ABSENT)
		return r;
	if (t.state == TASK_PAUSED)
		(void)tasks_resume(c->ctrd, rec->c.id, &soon, NULL);
	if (!task_is_over(&t))
		r = stop_live(c, rec, seconds * 1000, ctx, err);
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

int job_kill(struct core *c, const char *name, int sig, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	struct task_status t;
	int r = record_find(c, name, ctx, &rec, err);

	if (r >= 0)
		r = task_look(c, rec.c.id, ctx, &t, err);
	if (r < 0)
		return r;
	if (task_is_over(&t))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: is not running", rec.name),
				"start it with: davit start %s", rec.name);
	r = tasks_kill(c->ctrd, rec.c.id, NULL, sig, false, ctx, err);
	return r < 0 ? err_wrap(err, r, "kill job %s", rec.name) : 0;
}
