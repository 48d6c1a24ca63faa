#include "job-order.h"
#include "buf.h"
#include "check.h"
#include "mem.h"
#include <string.h>

bool task_decides(const struct task *t) { return t->lifecycle == LIFE_MAIN && !t->sidecar; }

size_t job_main_task(const struct job *job)
{
	for (size_t i = 0; i < job->n_tasks; i++)
		if (job->tasks[i].leader)
			return i;
	for (size_t i = 0; i < job->n_tasks; i++)
		if (task_decides(&job->tasks[i]))
			return i;
	return 0;
}

size_t job_find_task(const struct job *job, const char *name)
{
	size_t i = 0;

	while (i < job->n_tasks && strcmp(job->tasks[i].name, name) != 0)
		i++;
	return i;
}

const char *namespace_of_task(const char *mode)
{
	static const char task[] = "task:";

	return mode && !strncmp(mode, task, sizeof task - 1) ? mode + sizeof task - 1 : NULL;
}

enum { JOINS = 3, ORDER_TASKS_MAX = 999 /* as many as a job may have when it runs */ };

static void joined_tasks(const struct task *t, const char *ret[JOINS])
{
	ret[0] = namespace_of_task(t->pid);
	ret[1] = namespace_of_task(t->ipc);
	ret[2] = namespace_of_task(t->uts);
}

bool task_joins(const struct task *t)
{
	const char *names[JOINS];

	joined_tasks(t, names);
	return names[0] || names[1] || names[2];
}

/* what one waits for */

void order_needs_done(struct order_needs *n)
{
	free(n->v);
	*n = (struct order_needs){ 0 };
}

static void order_need(struct order_needs *n, size_t task, enum depend_when when)
{
	size_t i = 0;

	while (i < n->n && n->v[i].task != task)
		i++;
	if (i == n->n) {
		n->v = mem_grow(n->v, &n->cap, n->n + 1, sizeof *n->v);
		n->v[n->n++] = (struct order_need){ .task = task };
	}
	n->v[i].ended |= when == DEPEND_COMPLETED;
	n->v[i].healthy |= when == DEPEND_HEALTHY;
}

/* Those of another life, before its own begins. */
static void need_lives(const struct job *job, size_t i, struct order_needs *ret)
{
	const enum lifecycle life = job->tasks[i].lifecycle;

	for (size_t k = 0; k < job->n_tasks; k++) {
		const struct task *o = &job->tasks[k];

		if (o->sandbox ? k != i : life != LIFE_PRESTART && o->lifecycle == LIFE_PRESTART)
			order_need(ret, k, o->sidecar ? DEPEND_STARTED : DEPEND_COMPLETED);
		if (life == LIFE_POSTSTART && o->lifecycle == LIFE_MAIN)
			order_need(ret, k, DEPEND_STARTED);
	}
}

void job_order_needs(const struct job *job, size_t i, struct order_needs *ret)
{
	const struct task *t = &job->tasks[i];
	const char *joins[JOINS];
	size_t other;

	*ret = (struct order_needs){ 0 };
	if (t->lifecycle == LIFE_POSTSTOP)
		return;
	for (size_t k = 0; k < t->n_depends_on; k++) {
		other = job_find_task(job, t->depends_on[k].name);
		if (other < job->n_tasks)
			order_need(ret, other, t->depends_on[k].when);
	}
	joined_tasks(t, joins);
	for (size_t k = 0; k < JOINS; k++) {
		other = joins[k] ? job_find_task(job, joins[k]) : job->n_tasks;
		if (other < job->n_tasks)
			order_need(ret, other, DEPEND_STARTED);
	}
	need_lives(job, i, ret);
}

/* the gate */

static int order_check_other(const struct job *job, const struct task *t, const char *noun, const char *name, struct err *err)
{
	const size_t other = job_find_task(job, name);

	if (other == job->n_tasks)
		return check_fail(noun, name, "the job has no such task", err);
	if (&job->tasks[other] == t)
		return check_fail(noun, name, "a task cannot wait for itself", err);
	if (job->tasks[other].lifecycle == LIFE_POSTSTOP)
		return check_fail(noun, name, "that task runs after all others have ended", err);
	if (t->lifecycle == LIFE_POSTSTOP)
		return check_fail(noun, name, "a poststop task runs when the others have ended", err);
	return 0;
}

/* Whose end it waits for has no namespaces any more. */
static int order_check_joins(const struct job *job, size_t i, struct err *err)
{
	_cleanup_(order_needs_done) struct order_needs needs = { 0 };
	const char *joins[JOINS];

	joined_tasks(&job->tasks[i], joins);
	job_order_needs(job, i, &needs);
	for (size_t k = 0; k < JOINS; k++)
		for (size_t n = 0; joins[k] && n < needs.n; n++)
			if (needs.v[n].ended && !strcmp(job->tasks[needs.v[n].task].name, joins[k]))
				return check_fail("namespace of task", joins[k], "that task has ended before this one starts", err);
	return 0;
}

static int order_check_others(const struct job *job, const struct task *t, struct err *err)
{
	const char *joins[JOINS];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->n_depends_on; i++)
		r = order_check_other(job, t, "depends_on", t->depends_on[i].name, err);
	joined_tasks(t, joins);
	for (size_t i = 0; r >= 0 && i < JOINS; i++)
		if (joins[i])
			r = order_check_other(job, t, "namespace of task", joins[i], err);
	return r;
}

static int check_life(const struct job *job, const struct task *t, struct err *err)
{
	if (t->lifecycle != LIFE_POSTSTOP)
		return 0;
	if (t->leader)
		return err_set(err, ERR_INVALID, "task %s: a poststop task is no leader: all others have ended", t->name);
	if (t->sidecar)
		return err_set(err, ERR_INVALID, "task %s: a poststop task is no sidecar: nothing runs beside it", t->name);
	if (job->n_tasks == 1)
		return err_set(err, ERR_INVALID, "lifecycle \"poststop\": the job has no task that it comes after");
	return 0;
}

static int check_lives(const struct job *job, struct err *err)
{
	size_t mains = 0, leaders = 0;

	for (size_t i = 0; i < job->n_tasks; i++) {
		int r = check_life(job, &job->tasks[i], err);

		if (r < 0)
			return r;
		mains += task_decides(&job->tasks[i]);
		leaders += job->tasks[i].leader;
		if (leaders > 1)
			return check_fail("leader", job->tasks[i].name, "another task is the leader", err);
	}
	if (job->n_tasks > 1 && !mains)
		return err_set(err, ERR_INVALID, "no task is a main one: all are sidecars, or run before or after");
	return 0;
}

/* "a needs b needs a" */
static int order_circle(const struct job *job, const size_t *path, size_t n, size_t again, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	size_t from = 0;

	while (path[from] != again)
		from++;
	for (; from < n; from++)
		buf_addf(&text, "%s needs ", job->tasks[path[from]].name);
	buf_adds(&text, job->tasks[again].name);
	return err_set(err, ERR_INVALID, "tasks wait for each other in a circle: %s", buf_str(&text));
}

enum order_mark { ORDER_UNSEEN, ORDER_ON_PATH, ORDER_SEEN };

/* A walk depth first; what was left behind is in an order that serves all needs. */
struct order_walk {
	const struct job *job;
	unsigned char *marks;
	size_t *path, *next, depth;
	struct order_needs *needs;
	size_t *out, n_out;
};

static void walk_into(struct order_walk *w, size_t i)
{
	w->marks[i] = ORDER_ON_PATH;
	w->path[w->depth++] = i;
	job_order_needs(w->job, i, &w->needs[i]);
}

static int walk_from(struct order_walk *w, size_t first, struct err *err)
{
	walk_into(w, first);
	while (w->depth) {
		const size_t at = w->path[w->depth - 1];
		size_t to;

		if (w->next[at] == w->needs[at].n) {
			w->marks[at] = ORDER_SEEN;
			w->out[w->n_out++] = at;
			w->depth--;
			continue;
		}
		to = w->needs[at].v[w->next[at]++].task;
		if (w->marks[to] == ORDER_ON_PATH)
			return order_circle(w->job, w->path, w->depth, to, err);
		if (w->marks[to] == ORDER_UNSEEN)
			walk_into(w, to);
	}
	return 0;
}

static int order_walk(const struct job *job, size_t *ret, size_t *ret_n, struct err *err)
{
	const size_t n = job->n_tasks;
	_cleanup_free_ unsigned char *marks = mem_array(unsigned char, n);
	_cleanup_free_ size_t *path = mem_array(size_t, n), *next = mem_array(size_t, n);
	struct order_needs *needs = mem_array(struct order_needs, n);
	struct order_walk w = { job, marks, path, next, 0, needs, ret, 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		if (marks[i] == ORDER_UNSEEN && job->tasks[i].lifecycle != LIFE_POSTSTOP)
			r = walk_from(&w, i, err);
	for (size_t i = 0; i < n; i++)
		order_needs_done(&needs[i]);
	free(needs);
	*ret_n = w.n_out;
	return r;
}

static bool has_order(const struct job *job)
{
	for (size_t i = 0; i < job->n_tasks; i++)
		if (job->tasks[i].n_depends_on || job->tasks[i].lifecycle != LIFE_MAIN || task_joins(&job->tasks[i]))
			return true;
	return false;
}

int job_order_check(const struct job *job, struct err *err)
{
	_cleanup_free_ size_t *unused = mem_array(size_t, job->n_tasks);
	size_t n;
	int r = check_lives(job, err);

	if (r < 0 || !has_order(job))
		return r;
	if (job->n_tasks > ORDER_TASKS_MAX)
		return err_set(err, ERR_INVALID, "%zu tasks that wait for each other: at most %d", job->n_tasks, ORDER_TASKS_MAX);
	for (size_t i = 0; r >= 0 && i < job->n_tasks; i++) {
		r = order_check_others(job, &job->tasks[i], err);
		if (r >= 0)
			r = order_check_joins(job, i, err);
	}
	return r < 0 ? r : order_walk(job, unused, &n, err);
}

size_t job_order(const struct job *job, size_t *ret)
{
	size_t n = 0;

	(void)order_walk(job, ret, &n, NULL);
	return n;
}
