#include "job-stop.h"
#include "job-name.h"
#include "mem.h"
#include "record.h"
#include "remains.h"
#include "stop.h"
#include "task.h"

int job_stop(struct core *c, const char *name, int timeout, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_find(c, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = stop_tasks(c, &rec, timeout, ctx, err);
	if (r > 0)
		r = remains_after_end(c, &rec, ctx, err);
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
	for (size_t i = 1; r >= 0 && i < job_id_tasks(rec.c.id); i++) {
		_cleanup_free_ char *id = job_id_task(rec.c.id, i);

		r = tasks_kill(c->ctrd, id, NULL, sig, false, ctx, err);
		if (r == -ERR_NOT_FOUND) /* that one has ended */
			r = (err_clear(err), 0);
	}
	return r < 0 ? err_wrap(err, r, "kill job %s", rec.name) : 0;
}
