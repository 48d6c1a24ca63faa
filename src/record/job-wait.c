#include "job-wait.h"
#include "job-name.h"
#include "mem.h"
#include "remains.h"
#include "task-wait.h"

static int wait_for_others(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct ctrd_exit unused;
	int r = 0;

	for (size_t i = 1; r >= 0 && i < job_id_tasks(id); i++) {
		_cleanup_free_ char *its = job_id_task(id, i);

		r = task_wait(c, its, NULL, ctx, &unused, err);
		if (r == -ERR_NOT_FOUND) /* it has ended, and is settled */
			r = (err_clear(err), 0);
	}
	return r;
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
		r = wait_for_others(c, rec.c.id, ctx, err);
		if (r < 0)
			return err_wrap(err, r, "wait for job %s", rec.name);
		return remains_after_end(c, &rec, ctx, err);
	}
	if (r != -ERR_NOT_FOUND)
		return err_wrap(err, r, "wait for job %s", rec.name);
	if (record_exit(&rec, ret_code, &at))
		return err_clear(err), 0;
	err_clear(err);
	return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: has not been started, or its exit is not known", rec.name),
			"start it with: davit start %s", rec.name);
}
