/* Names that could be read in two ways: a task is called JOB.TASK, and a job's own name may have dots. */
#include "job-steps.h"
#include "mem.h"
#include "reconcile.h"
#include <string.h>

int run_name_taken(struct core *core, const char *name, const struct ctx *ctx, struct err *err)
{
	int lock = -1, r = claim_lock(core, name, false, ctx, &lock, err);

	if (r >= 0)
		r = reconcile_name(core, name, ctx, err);
	claim_unlock(core, name, lock);
	return r == 0 ? run_name_in_use(name, err) : r;
}

static int names_clash(const struct run *run, const char *job, const char *task, struct err *err)
{
	return err_hint(err,
			err_set(err, ERR_EXISTS, "name %s: task %s of job %s and job %s.%s would have the same name",
				run->job->name, task, job, job, task),
			"choose another name");
}

/* The task of ours that is called as job @other; NULL: none is. */
static const char *task_called(const struct job *job, const char *other)
{
	const size_t len = strlen(job->name);

	if (strncmp(other, job->name, len) != 0 || other[len] != '.')
		return NULL;
	for (size_t i = 0; i < job->n_tasks; i++)
		if (!strcmp(job->tasks[i].name, other + len + 1))
			return job->tasks[i].name;
	return NULL;
}

int run_check_names_of(const struct run *run, const struct run *other, struct err *err)
{
	const char *task = task_called(run->job, other->job->name);

	return task ? names_clash(run, run->job->name, task, err) : 0;
}

/* Is one of its tasks called as another job? */
static int check_tasks_of_ours(const struct run *run, const char *other, const struct ctx *ctx, struct err *err)
{
	const char *task = task_called(run->job, other);
	struct err why = ERR_INIT;

	return task && run_name_taken(run->core, other, ctx, &why) < 0 ? names_clash(run, run->job->name, task, err) : 0;
}

/* Is it called as a task of another job? That one says so in its record, which it has as soon as it can have tasks. */
static int check_ours_as_task(const struct run *run, const char *other, const struct ctx *ctx, struct err *err)
{
	const size_t len = strlen(other);
	_cleanup_(record_done) struct record rec = { 0 };
	const char *task;
	int r;

	if (strncmp(run->job->name, other, len) != 0 || run->job->name[len] != '.')
		return 0;
	r = record_find(run->core, other, ctx, &rec, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0 || !rec.job || strcmp(rec.name, other) != 0)
		return r < 0 ? r : 0;
	task = task_called(rec.job, run->job->name);
	return task ? names_clash(run, other, task, err) : 0;
}

int run_check_names(const struct run *run, const struct ctx *ctx, struct err *err)
{
	struct ctrd_leases claims = { 0 };
	int r = 0;

	if (!*run->job->tasks[0].name && !strchr(run->job->name, '.')) /* nobody has to be asked */
		return 0;
	r = leases_list(run->core->ctrd, "labels.\"" CLAIM_JOB "\"", ctx, &claims, err);
	for (size_t k = 0; r >= 0 && k < claims.n; k++) {
		const char *other = dict_get(&claims.v[k].labels, CLAIM_JOB);

		r = other ? check_tasks_of_ours(run, other, ctx, err) : 0;
		if (r >= 0 && other)
			r = check_ours_as_task(run, other, ctx, err);
	}
	ctrd_leases_done(&claims);
	return r < 0 ? r : 0;
}
