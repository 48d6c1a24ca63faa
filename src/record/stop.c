#include "stop.h"
#include "clock.h"
#include "graph.h"
#include "job-name.h"
#include "job-order.h"
#include "mem.h"
#include "parse.h"
#include "remains.h"
#include "task.h"
#include <signal.h>
#include <string.h>

enum { RESUME_MS = 2000, SIGNAL_MS = 3000 /* for the answer to a signal */, STEP_MS = 60000 };

struct stop {
	struct core *core;
	char *id;
	const struct task *task; /* NULL: the record does not say */
	bool first;
	int sig; /* 0: to be found */
	int64_t ms;
	struct ctrd_call *kill, *wait;
	struct timer timer; /* the signal is not answered, the task does not end */
	bool late, wanted;
	size_t node; /* of a wanted one */
};

static void on_late(void *arg) { ((struct stop *)arg)->late = true; }

static void stop_within(struct stop *s, int64_t ms)
{
	s->late = false;
	timer_set(&s->timer, clock_mono() + ms * NSEC_PER_MSEC);
}

static int stop_begin(void *state, const struct ctx *ctx, struct err *err)
{
	const struct ctx forever = ctx_endless(NULL);
	struct stop *s = state;

	(void)ctx;
	(void)err;
	s->wait = tasks_wait_begin(s->core->ctrd, s->id, NULL, &forever);
	s->kill = tasks_kill_begin(s->core->ctrd, s->id, NULL, s->sig, false, &forever);
	timer_init(&s->timer, s->core->loop, on_late, s);
	stop_within(s, s->ms > SIGNAL_MS ? s->ms : SIGNAL_MS);
	return GRAPH_LONG;
}

static bool stop_ready(const void *state, unsigned number)
{
	const struct stop *s = state;

	(void)number;
	return s->late || ctrd_call_ready(s->kill ? s->kill : s->wait);
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

static int stop_hard(struct stop *s, const struct ctx *ctx, struct err *err)
{
	int r = task_terminate(s->core, s->id, ctx, NULL, err);

	return r == TASK_FORCED ? remember_forced(s->core, s->id, ctx, err) : r;
}

/* Nobody takes the signal: the task has ended already, or was never started; else shim or engine fail. */
static int stop_untaken(struct stop *s, int r, const struct ctx *ctx, struct err *err)
{
	if (ctx_check(ctx, NULL) < 0 || !ctrd_alive(s->core->ctrd))
		return r;
	err_clear(err);
	return r == -ERR_NOT_FOUND ? 0 : stop_hard(s, ctx, err);
}

static int stop_finish(void *state, const struct ctx *ctx, struct err *err)
{
	struct stop *s = state;
	struct ctrd_exit unused;
	int r;

	if (s->late)
		return stop_hard(s, ctx, err);
	if (s->kill) {
		r = tasks_kill_end(TAKE_PTR(s->kill), ctx, err);
		stop_within(s, s->ms);
		return r < 0 ? stop_untaken(s, r, ctx, err) : GRAPH_LONG;
	}
	r = tasks_wait_end(TAKE_PTR(s->wait), ctx, &unused, err);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r < 0 ? r : 0;
}

static const struct graph_kind stop_kind = { .name = "stop", .begin = stop_begin, .ready = stop_ready, .finish = stop_finish };

static void stop_done(struct stop *s)
{
	timer_done(&s->timer);
	ctrd_call_free(s->kill);
	ctrd_call_free(s->wait);
	free(s->id);
}

static int signal_named(const char *name)
{
	int sig = SIGTERM;

	if (name)
		(void)parse_signal(name, &sig, NULL);
	return sig;
}

static const char *image_stop_signal(const struct dict *labels)
{
	return dict_get(labels, "io.containerd.image.config.stop-signal");
}

int stop_signal_of(const struct record *rec)
{
	const char *own = rec->job ? rec->job->tasks[rec->task].stop_signal : NULL;

	return signal_named(own ? own : image_stop_signal(&rec->c.labels));
}

/* As the job says, or the image: each task's own record has what its image does. */
static int stop_find_signal(struct stop *s, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_container_done) struct ctrd_container own = { 0 };
	const char *name = s->task ? s->task->stop_signal : NULL;
	int r = name || s->first ? 0 : containers_get(s->core->ctrd, s->id, ctx, &own, err);

	if (r == -ERR_NOT_FOUND)
		err_clear(err);
	else if (r < 0)
		return r;
	if (!name)
		name = image_stop_signal(s->first ? &rec->c.labels : &own.labels);
	if (!s->sig)
		s->sig = signal_named(name);
	return 0;
}

static void stop_init(struct stop *s, struct core *c, const struct record *rec, size_t i, const struct stop_how *how, int sig)
{
	s->core = c;
	s->id = job_id_task(rec->c.id, i);
	s->task = rec->job && i < rec->job->n_tasks ? &rec->job->tasks[i] : NULL;
	s->first = i == 0;
	s->sig = sig;
	s->ms = how->ms >= 0 ? how->ms : 1000 * (s->task ? s->task->stop_timeout : 10);
}

/* Adds a node where there is something to be stopped. 1: there is a task. */
static int stop_plan(struct stop *s, const struct record *rec, struct graph *g, size_t n, const struct ctx *ctx, struct err *err)
{
	const struct ctx soon = ctx_within(ctx, RESUME_MS);
	struct task_status t;
	int r = task_look(s->core, s->id, ctx, &t, err);

	if (r < 0 || t.state == TASK_ABSENT)
		return r;
	if (t.state == TASK_PAUSED)
		(void)tasks_resume(s->core->ctrd, s->id, &soon, NULL);
	if (task_is_over(&t))
		return 1;
	r = stop_find_signal(s, rec, ctx, err);
	if (r < 0)
		return r;
	s->node = graph_add(g, &stop_kind, n > 1 && s->task ? s->task->name : "", s);
	s->wanted = true;
	return 1;
}

/* The tasks of one job. */
struct stop_job {
	const struct record *rec;
	const bool *which; /* of each task whether it is to be stopped; NULL: all */
	struct stop *v;
	size_t n;
};

/* Those of one job in the reverse of the order in which they started. */
static void stop_order(const struct stop_job *j, struct graph *g)
{
	const struct job *job = j->rec->job;

	for (size_t i = 0; j->n > 1 && job && job->n_tasks == j->n && i < j->n; i++) {
		_cleanup_(order_needs_done) struct order_needs needs = { 0 };

		if (j->v[i].wanted)
			job_order_needs(job, i, &needs);
		for (size_t k = 0; k < needs.n; k++)
			if (j->v[needs.v[k].task].wanted)
				graph_need(g, j->v[needs.v[k].task].node, j->v[i].node, NULL);
	}
}

static int stop_plan_job(struct stop_job *j, struct core *c, const struct stop_how *how, struct graph *g, const struct ctx *ctx,
			 struct err *err)
{
	bool any = false;
	int sig = 0, r = how->signal ? parse_signal(how->signal, &sig, err) : 0;

	j->n = job_id_tasks(j->rec->c.id);
	j->v = mem_array(struct stop, j->n);
	for (size_t i = 0; r >= 0 && i < j->n; i++) {
		stop_init(&j->v[i], c, j->rec, i, how, sig);
		r = !j->which || j->which[i] ? stop_plan(&j->v[i], j->rec, g, j->n, ctx, err) : 0;
		any |= r > 0;
	}
	if (r >= 0)
		stop_order(j, g);
	return r < 0 ? r : any;
}

static bool stop_waited_for(const struct stop_job *j, const char *name)
{
	for (size_t i = 0; j->rec->job && i < j->rec->job->n_depends_on; i++)
		if (!strcmp(j->rec->job->depends_on[i].name, name))
			return true;
	return false;
}

/* @other is stopped after @j. */
static void stop_after(struct graph *g, const struct stop_job *other, const struct stop_job *j)
{
	for (size_t i = 0; i < other->n; i++)
		for (size_t k = 0; other->v[i].wanted && k < j->n; k++)
			if (j->v[k].wanted)
				graph_need(g, other->v[i].node, j->v[k].node, NULL);
}

static void stop_jobs_done(struct stop_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < jobs[i].n; k++)
			stop_done(&jobs[i].v[k]);
		free(jobs[i].v);
	}
	free(jobs);
}

static int stop_which(struct core *c, const struct record *const *recs, size_t n, const struct stop_how *stop, const bool *which,
		      const struct ctx *ctx, struct err *err)
{
	const struct graph_how how = { .loop = c->loop, .step_ms = STEP_MS, .goes_on = true };
	_cleanup_(graph_freep) struct graph *g = graph_new();
	struct stop_job *jobs = mem_array(struct stop_job, n);
	bool any = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		jobs[i].rec = recs[i];
		jobs[i].which = which;
		r = stop_plan_job(&jobs[i], c, stop, g, ctx, err);
		any |= r > 0;
	}
	for (size_t i = 0; r >= 0 && i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (i != k && stop_waited_for(&jobs[i], recs[k]->name))
				stop_after(g, &jobs[k], &jobs[i]);
	if (r >= 0)
		r = graph_run(g, &how, ctx, err);
	stop_jobs_done(jobs, n);
	return r < 0 ? r : any;
}

static int64_t stop_ms(int timeout) { return timeout >= 0 ? 1000 * (int64_t)timeout : -1; }

int stop_all(struct core *c, const struct record *const *recs, size_t n, int timeout, const struct ctx *ctx, struct err *err)
{
	return stop_which(c, recs, n, &(struct stop_how){ .ms = stop_ms(timeout) }, NULL, ctx, err);
}

int stop_tasks_how(struct core *c, const struct record *rec, const struct stop_how *how, const struct ctx *ctx, struct err *err)
{
	return stop_which(c, &rec, 1, how, NULL, ctx, err);
}

int stop_tasks(struct core *c, const struct record *rec, int timeout, const bool *which, const struct ctx *ctx, struct err *err)
{
	return stop_which(c, &rec, 1, &(struct stop_how){ .ms = stop_ms(timeout) }, which, ctx, err);
}

/* the signal alone */

static int stop_send(struct stop *s, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	const struct ctx soon = ctx_within(ctx, SIGNAL_MS);
	struct task_status t;
	int r = task_look(s->core, s->id, ctx, &t, err);

	if (r < 0 || task_is_over(&t))
		return r;
	r = stop_find_signal(s, rec, ctx, err);
	if (r < 0)
		return r;
	r = tasks_kill(s->core->ctrd, s->id, NULL, s->sig, false, &soon, err);
	if (t.state == TASK_PAUSED)
		(void)tasks_resume(s->core->ctrd, s->id, &soon, NULL);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0 && ctx_check(ctx, NULL) >= 0 && ctrd_alive(s->core->ctrd))
		return err_clear(err), 1;
	return r < 0 ? r : 1;
}

int stop_signal(struct core *c, const struct record *rec, int sig, const struct ctx *ctx, struct err *err)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < job_id_tasks(rec->c.id); i++) {
		_cleanup_(stop_done) struct stop s = { 0 };

		stop_init(&s, c, rec, i, &(struct stop_how){ .ms = 0 }, sig);
		r = stop_send(&s, rec, ctx, err);
		any |= r > 0;
	}
	return r < 0 ? r : any;
}
