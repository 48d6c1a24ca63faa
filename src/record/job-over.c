#include "job-over.h"
#include "job-name.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

struct job_over {
	size_t n;
	struct task_over **tasks;
};

static struct job_over *job_over_new(size_t n)
{
	struct job_over *o = mem_new(struct job_over);

	*o = (struct job_over){ n, mem_array(struct task_over *, n) };
	return o;
}

void job_over_free(struct job_over *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		task_over_free(o->tasks[i]);
	free(o->tasks);
	free(o);
}

const char *job_over_id(const struct job_over *o) { return task_over_id(o->tasks[0]); }
size_t job_over_tasks(const struct job_over *o) { return o->n; }
const struct task_over *job_over_task(const struct job_over *o, size_t i) { return o->tasks[i]; }

int job_may_live(struct core *c, const char *id, const struct ctx *ctx, struct task_status *ret_status, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < job_id_tasks(id); i++) {
		_cleanup_free_ char *its = job_id_task(id, i);
		struct task_status t;

		r = task_look(c, its, ctx, &t, err);
		if (r >= 0 && i == 0 && ret_status)
			*ret_status = t;
		if (r >= 0)
			r = task_may_live(&t);
	}
	return r;
}

typedef int prove_fn(struct core *, const char *id, const struct ctx *, struct task_status *ret_status, struct task_over **ret,
		     struct err *err);

static int prove_each(struct core *c, const char *id, prove_fn *prove, const struct ctx *ctx, struct task_status *ret_status,
		      struct job_over **ret, struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *over = job_over_new(job_id_tasks(id));
	int r = 1;

	for (size_t i = 0; r > 0 && i < over->n; i++) {
		_cleanup_free_ char *its = job_id_task(id, i);

		r = prove(c, its, ctx, i ? NULL : ret_status, &over->tasks[i], err);
	}
	if (r > 0)
		*ret = TAKE_PTR(over);
	return r;
}

int job_over_prove(struct core *c, const char *id, const struct ctx *ctx, struct task_status *ret_status, struct job_over **ret,
		   struct err *err)
{
	return prove_each(c, id, task_prove, ctx, ret_status, ret, err);
}

int job_over_end_unstarted(struct core *c, const char *id, const struct ctx *ctx, struct task_status *ret_status,
			   struct job_over **ret, struct err *err)
{
	int r = job_id_tasks(id) > 1 ? job_may_live(c, id, ctx, NULL, err) : 0;

	return r != 0 ? (r < 0 ? r : 0) : prove_each(c, id, task_end_unstarted, ctx, ret_status, ret, err);
}

static int terminate_one(struct core *c, const char *id, const struct ctx *ctx, struct task_status *unused, struct task_over **ret,
			 struct err *err)
{
	int r = task_terminate(c, id, ctx, ret, err);

	(void)unused;
	return r < 0 ? r : 1;
}

int job_over_terminate(struct core *c, const char *id, const struct ctx *ctx, struct job_over **ret, struct err *err)
{
	const size_t n = job_id_tasks(id);
	_cleanup_strv_ struct strv ids = { 0 };
	int r;

	for (size_t i = 0; n > 1 && i < n; i++)
		strv_own(&ids, job_id_task(id, i));
	task_kill_all(c, (const char *const *)ids.v, ids.n, ctx);
	r = prove_each(c, id, terminate_one, ctx, NULL, ret, err);
	return r < 0 ? r : 0;
}

struct job_over *job_over_of(const struct task_over *const *tasks, size_t n)
{
	struct job_over *o = job_over_new(n);

	assert(n == job_id_tasks(task_over_id(tasks[0])));
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *its = job_id_task(task_over_id(tasks[0]), i);

		assert(!strcmp(task_over_id(tasks[i]), its));
		o->tasks[i] = task_over_copy(tasks[i]);
	}
	return o;
}
