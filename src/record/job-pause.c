#include "job-pause.h"
#include "job-name.h"
#include "job-pod.h"
#include "mem.h"
#include "record.h"
#include "scratch.h"
#include "task.h"

typedef int pause_call(struct ctrd *, const char *id, const struct ctx *, struct err *err);
/* A direction. */
struct pausing {
	const char *verb, *already, *instead;
	enum task_state from, to;
	pause_call *go, *back;
};
static const struct pausing freeze = { "pause",     "is paused already", "let it go on with: davit unpause", TASK_LIVE, TASK_PAUSED,
				       tasks_pause, tasks_resume };
static const struct pausing thaw = { "unpause",    "is not paused", "freeze it with: davit pause", TASK_PAUSED, TASK_LIVE,
				     tasks_resume, tasks_pause };

/* What is to be done to tasks, and what was. */
struct paused {
	struct core *core;
	const struct pausing *how;
	struct strv done;
	size_t already; /* how many were so before */
};

/* One whose shim does not say how it is is tried all the same. */
static int pause_task(struct paused *p, const char *id, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int r = task_look(p->core, id, ctx, &t, err);

	if (r >= 0 && t.state == TASK_PAUSED && p->how == &freeze) {
		r = scratch_yield_freeze(p->core, id, ctx, err);
		if (r > 0) { /* a commit's: it stays so now */
			strv_push(&p->done, id);
			return 0;
		}
		if (r == 0) /* a commit may just have let it go on */
			r = task_look(p->core, id, ctx, &t, err);
	}
	if (r < 0)
		return r;
	p->already += t.state == p->how->to;
	if (t.state != p->how->from && t.state != TASK_UNKNOWN)
		return 0;
	r = p->how->go(p->core->ctrd, id, ctx, err);
	if (r == -ERR_NOT_FOUND) /* it ended meanwhile */
		return err_clear(err), 0;
	if (r >= 0) {
		strv_push(&p->done, id);
		r = scratch_yield_freeze(p->core, id, ctx, err);
	}
	return r;
}

static int pause_tasks(struct paused *p, const struct record *job, const struct ctx *ctx, struct err *err)
{
	const char *id = record_job_id(job);
	const bool pod = job->job && job_is_pod(job->job); /* its sandbox runs nothing of the job's */
	int r = 0;

	for (size_t i = pod; r >= 0 && i < job_id_tasks(id); i++) {
		_cleanup_free_ char *its = job_id_task(id, i);

		r = pause_task(p, its, ctx, err);
	}
	return r;
}

static void pause_back(struct paused *p)
{
	const struct ctx limit = ctx_within(NULL, p->core->conf.undo_ms ? p->core->conf.undo_ms : 30000);

	for (size_t i = p->done.n; i > 0; i--)
		(void)p->how->back(p->core->ctrd, p->done.v[i - 1], &limit, NULL);
}

static int nothing_to_pause(const struct paused *p, const struct record *rec, struct err *err)
{
	if (p->already)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: %s", rec->name, p->how->already), "%s %s",
				p->how->instead, rec->name);
	return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: is not running", rec->name), "start it with: davit start %s",
			rec->name);
}

static int job_turn(struct core *c, const char *name, const struct pausing *how, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	struct paused p = { .core = c, .how = how };
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r < 0)
		return r;
	r = all ? pause_tasks(&p, &rec, ctx, err) : pause_task(&p, rec.c.id, ctx, err);
	if (r < 0) {
		pause_back(&p);
		err_wrap(err, r, "%s job %s", how->verb, rec.name);
	} else if (!p.done.n) {
		r = nothing_to_pause(&p, &rec, err);
	}
	strv_done(&p.done);
	return r < 0 ? r : 0;
}

int job_pause(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	return job_turn(c, name, &freeze, ctx, err);
}

int job_unpause(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	return job_turn(c, name, &thaw, ctx, err);
}
