/* Theory of operation: containerd tells of each change of a container's labels, and of the end of a task. An event is only a reason
 * to look at the record. The job's monitor is started as soon as the record says that the job was. */
#include "health-gate.h"
#include "clock.h"
#include "events.h"
#include "health.h"
#include "mem.h"
#include "monitored.h"
#include <string.h>

enum { GATE_GRACE_MS = 60000, GATE_AWAY_MS = 500 };

struct health_gate {
	struct core *core;
	const char *job_id, *id;
	const struct job *job;
	size_t task;
	struct ctrd_call *events;
	struct task_wait *end; /* NULL: it has ended, as @exit says */
	struct ctrd_exit exit;
	struct timer timer;
	bool looked, late, restarts, ended;
};

static void on_gate_late(void *arg) { ((struct health_gate *)arg)->late = true; }

/* In which it is healthy or unhealthy, if anybody asks it. */
static int64_t gate_ms(const struct healthcheck *h)
{
	const int64_t interval = h->interval ? h->interval : 30, timeout = h->timeout ? h->timeout : 30;
	const int64_t all = h->start_period + (h->retries + 1) * (interval + timeout);

	return GATE_GRACE_MS + 1000 * (all < DURATION_MAX ? all : DURATION_MAX);
}

static struct ctrd_call *gate_listen(struct core *c)
{
	_cleanup_strv_ struct strv filters = { 0 };

	strv_pushf(&filters, "namespace==\"%s\",topic==\"/containers/update\"", c->conf.ns);
	return events_subscribe(c->ctrd, &filters, NULL);
}

struct health_gate *health_gate_new(struct core *c, const char *job_id, const char *id, const struct job *job, size_t task,
				    bool restarts)
{
	struct health_gate *g = mem_new(struct health_gate);

	*g = (struct health_gate){ .core = c, .job_id = job_id, .id = id, .job = job, .task = task, .restarts = restarts };
	g->events = gate_listen(c);
	g->end = task_wait_new(c, id, NULL, NULL);
	timer_init(&g->timer, c->loop, on_gate_late, g);
	timer_set(&g->timer, clock_mono() + gate_ms(job->tasks[task].healthcheck) * NSEC_PER_MSEC);
	return g;
}

void health_gate_free(struct health_gate *g)
{
	if (!g)
		return;
	timer_done(&g->timer);
	ctrd_call_free(g->events);
	task_wait_free(g->end);
	free(g);
}

bool health_gate_ready(const struct health_gate *g)
{
	return !g->looked || g->late || events_ready(g->events) || (g->end && task_wait_over(g->end));
}

/* containerd was away: what it has not told is looked at. */
static int gate_listen_again(struct health_gate *g, const struct ctx *ctx, struct err *err)
{
	int r;

	ctrd_call_free(TAKE_PTR(g->events));
	do {
		r = loop_pause(g->core->loop, GATE_AWAY_MS, ctx, err);
		if (r < 0)
			return r;
	} while (core_reconnect(g->core, NULL) < 0 && !g->late);
	g->events = gate_listen(g->core);
	return 0;
}

static int gate_drain(struct health_gate *g, const struct ctx *ctx, struct err *err)
{
	while (g->looked && events_ready(g->events)) {
		struct ctrd_event e = { 0 };
		int r = events_next(g->events, ctx, &e, err);

		ctrd_event_done(&e);
		if (r < 0 && r != -ERR_UNAVAILABLE)
			return r;
		if (r <= 0) {
			err_clear(err);
			return gate_listen_again(g, ctx, err);
		}
	}
	return 0;
}

static int gate_ended(struct health_gate *g, struct err *err)
{
	g->ended = true;
	return err_set(err, ERR_ABORTED, "has ended with %u, and others wait for its health", g->exit.status);
}

/* By the recovery of another, which starts it again: its end is none of its own. */
static bool gate_is_taken_along(const struct record *rec)
{
	const char *recovery = dict_get(&rec->c.labels, RECORD_RECOVERY);

	return recovery && strcmp(recovery, rec->c.id) != 0 && !dict_get(&rec->c.labels, RECORD_STOPPED);
}

/* Of one whose monitor may start it again: as soon as the record says that it was started, which is after its start. */
static int gate_check_restart(struct health_gate *g, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r = record_get(g->core, g->job_id, ctx, &rec, err);

	if (r >= 0)
		r = monitored_ask(g->core, &rec, ctx, NULL, &m, err);
	if (r < 0)
		return r;
	if (gate_is_taken_along(&rec))
		return 0;
	if (g->task >= m.n || m.state == MONITORED_NOTHING)
		return dict_get(&rec.c.labels, RECORD_STARTED) ? gate_ended(g, err) : 0;
	if (m.state == MONITORED_ENDED || m.tasks[g->task].state == MONITORED_ENDED)
		return gate_ended(g, err);
	if (m.tasks[g->task].state == MONITORED_LIVES)
		g->end = task_wait_new(g->core, g->id, NULL, NULL);
	return 0;
}

static int gate_check_end(struct health_gate *g, const struct ctx *ctx, struct err *err)
{
	int r;

	if (g->end && !task_wait_over(g->end))
		return 0;
	if (g->end) {
		r = task_wait_result(g->end, &g->exit, err);
		task_wait_free(TAKE_PTR(g->end));
		if (r < 0 && r != -ERR_NOT_FOUND)
			return r;
		err_clear(err);
		if (!g->restarts) /* the job's lock is held by who waits, so nobody does */
			return gate_ended(g, err);
	}
	return g->restarts ? gate_check_restart(g, ctx, err) : 0;
}

static void gate_begin_monitor(struct health_gate *g, const struct record *rec)
{
	if (dict_get(&rec->c.labels, RECORD_STARTED) && !monitored_now(g->core, g->job_id))
		monitored_started(g->core, g->job, g->job_id);
}

static int gate_is_late(struct err *err)
{
	return err_set(err, ERR_DEADLINE, "is neither healthy nor unhealthy yet, and others wait for its health");
}

int health_gate_look(struct health_gate *g, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_container_done) struct ctrd_container own = { 0 };
	_cleanup_(record_done) struct record rec = { 0 };
	struct health h;
	int r = gate_drain(g, ctx, err);

	g->looked = true;
	if (r >= 0)
		r = record_get(g->core, g->job_id, ctx, &rec, err);
	if (r >= 0)
		gate_begin_monitor(g, &rec);
	if (r >= 0)
		r = containers_get(g->core->ctrd, g->id, ctx, &own, err);
	if (r < 0)
		return r;
	if (g->ended)
		return g->late ? gate_is_late(err) : 0;
	h = health_on_record(&g->job->tasks[g->task], dict_get(&own.labels, RECORD_HEALTH), monitored_life(&rec, g->task));
	if (h.state == HEALTH_HEALTHY)
		return 1;
	if (h.state == HEALTH_UNHEALTHY)
		return err_set(err, ERR_ABORTED, "is unhealthy, and others wait for its health");
	if (g->late)
		return gate_is_late(err);
	return gate_check_end(g, ctx, err);
}

bool health_gate_ended(const struct health_gate *g, struct ctrd_exit *ret)
{
	if (g->ended)
		*ret = g->exit;
	return g->ended;
}

void health_gate_next_life(struct health_gate *g)
{
	g->ended = false;
	task_wait_free(g->end);
	g->end = task_wait_new(g->core, g->id, NULL, NULL);
}
