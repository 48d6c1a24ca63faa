/* Theory of operation: a loop over monitored_look(). Each turn sees the record and the task as they are now, does the one thing
 * that their state asks for, and begins anew; what was found out is written to the record before it is acted on. Between two turns
 * one event is waited for: the task's end, the time of a start that is due, the end of the davit that starts it, or a poke. Only a
 * containerd that is away is asked again and again, at growing distances.
 *
 * A start is `davit start --again`, a child: it takes the job's lock, looks whether the start is still wanted, and makes it as any
 * other. So nothing is decided twice, and a monitor stays as small as what it waits with. */
#include "monitor.h"
#include "child.h"
#include "clock.h"
#include "core-words.h"
#include "file.h"
#include "mem.h"
#include "poke.h"
#include "remains.h"
#include "self.h"
#include "task-wait.h"
#include "monitored.h"
#include <malloc.h>
#include <string.h>
#include <unistd.h>

enum {
	CALL_MS = 60000,
	START_MS = 600000, /* longer than any step of a start waits */
	LOCK_MS = 1000,    /* who only looks whether there is a monitor holds the lock that short */
	AWAY_MS = 100,
	AWAY_MAX_MS = 2000,
	TROUBLE_MAX = 400,
};

struct monitor {
	struct core *core;
	const char *id;
	struct poke poke;
	int64_t away_ms; /* the next pause, while containerd is */
	struct record rec;
	struct task_status task;
	struct restarts restarts;
	enum monitored_state state;
};

/* 1; 0: there is no such job any more. */
static int monitor_see_once(struct monitor *m, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	int r;

	record_done(&m->rec);
	m->rec = (struct record){ 0 };
	r = record_get(m->core, m->id, &ctx, &m->rec, err);
	if (r >= 0)
		r = task_look(m->core, m->id, &ctx, &m->task, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	m->state = monitored_look(&m->rec, &m->task, clock_wall(), &m->restarts);
	return 1;
}

/* What was asked for did not come: containerd is away, or as good as. */
static void monitor_bear(struct monitor *m)
{
	m->away_ms = m->away_ms ? m->away_ms * 2 : AWAY_MS;
	if (m->away_ms > AWAY_MAX_MS)
		m->away_ms = AWAY_MAX_MS;
	(void)loop_pause(m->core->loop, m->away_ms, NULL, NULL);
	(void)core_reconnect(m->core, NULL);
}

static void monitor_rest(struct monitor *m)
{
	m->poke.seen = false;
	m->away_ms = 0;
	(void)malloc_trim(0);
}

/* How it ends is seen by the next look. */
static int monitor_await_end(struct monitor *m, struct err *err)
{
	_cleanup_(task_wait_freep) struct task_wait *w = task_wait_new(m->core, m->id, NULL, NULL);
	int r = 0;

	monitor_rest(m);
	while (r >= 0 && !task_wait_over(w) && !m->poke.seen)
		r = loop_turn(m->core->loop, NULL, err);
	return r;
}

static void on_due(void *arg) { *(bool *)arg = true; }

static int monitor_pause(struct monitor *m, int64_t ns, struct err *err)
{
	struct timer timer = { 0 };
	bool due = false;
	int r = 0;

	monitor_rest(m);
	timer_init(&timer, m->core->loop, on_due, &due);
	timer_set(&timer, clock_mono() + ns);
	while (r >= 0 && !due && !m->poke.seen)
		r = loop_turn(m->core->loop, NULL, err);
	timer_done(&timer);
	return r;
}

static int monitor_note(struct monitor *m, const char *trouble, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	_cleanup_dict_ struct dict labels = { 0 };
	char text[RESTARTS_TEXT];

	dict_set(&labels, RECORD_RESTARTS, restarts_text(&m->restarts, text));
	dict_set(&labels, RECORD_TROUBLE, trouble);
	return containers_set_labels(m->core->ctrd, m->id, &labels, &ctx, err);
}

/* A start that came to nothing counts as a life of no length, unless somebody has changed the job meanwhile. */
static int monitor_failed(struct monitor *m, struct child *child, struct err *err)
{
	const struct restart_end end = { .exit_code = 255 };
	const int64_t due = m->restarts.at;
	_cleanup_free_ char *why = mem_strndup(buf_str(child_err(child)), TROUBLE_MAX);
	int r = monitor_see_once(m, err);

	if (r <= 0 || m->state != MONITORED_DUE || m->restarts.at != due)
		return r;
	m->restarts.at = 0;
	(void)restart_decide(m->rec.job->tasks[0].restart, &end, clock_wall(), &m->restarts);
	why[strcspn(why, "\n")] = '\0';
	return monitor_note(m, *why ? why : "davit start has failed", err);
}

static int monitor_start(struct monitor *m, struct err *err)
{
	_cleanup_free_ char *davit = NULL;
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_(child_freep) struct child *child = NULL;
	const struct ctx ctx = ctx_within(NULL, START_MS);
	struct child_spec spec = { .err_max = 4096, .out_max = 4096 };
	int r = self_find("davit", &davit, err);

	if (r < 0)
		return r;
	core_words(m->core, davit, &words);
	strv_push(&words, "--no-engine");
	strv_push(&words, "start");
	strv_push(&words, "--again");
	strv_push(&words, m->id);
	spec.path = davit;
	spec.argv = words.v;
	r = child_start(m->core->loop, &spec, &child, err);
	if (r >= 0)
		r = child_wait(child, &ctx, err);
	return r > 0 ? monitor_failed(m, child, err) : r;
}

/* Made, and never started: by a davit that is at it, or by one that was killed. */
static int monitor_await_start(struct monitor *m, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	int lock = -1, r = claim_lock(m->core, m->rec.name, true, &ctx, &lock, err);

	if (r >= 0)
		r = task_look(m->core, m->id, &ctx, &m->task, err);
	if (r >= 0 && m->task.state == TASK_CREATED)
		r = remains_settle(m->core, &m->rec, &ctx, err);
	claim_unlock(m->core, m->rec.name, lock);
	return r;
}

/* 1: there is more to be done; 0: nothing ever. */
static int monitor_step(struct monitor *m, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	int64_t left;
	int r;

	switch (m->state) {
	case MONITORED_LIVES: r = m->task.state == TASK_CREATED ? monitor_await_start(m, err) : monitor_await_end(m, err); break;
	case MONITORED_DECIDED: r = monitor_note(m, "", err); break;
	case MONITORED_DUE:
		left = restart_remaining(m->rec.job->tasks[0].restart, &m->restarts, clock_wall());
		r = left > 0 ? monitor_pause(m, left, err) : monitor_start(m, err);
		break;
	case MONITORED_ENDED: r = remains_after_end(m->core, &m->rec, &ctx, err); return r < 0 ? r : 0;
	case MONITORED_NOTHING:
	default: return 0;
	}
	return r < 0 ? r : 1;
}

static int monitor_loop(struct monitor *m)
{
	struct err err = ERR_INIT;
	int r;

	for (;;) {
		err_clear(&err);
		r = monitor_see_once(m, &err);
		if (r > 0)
			r = monitor_step(m, &err);
		if (r == 0)
			return 0;
		if (r < 0)
			monitor_bear(m);
	}
}

int monitor_run(struct core *core, const char *id, struct err *err)
{
	struct monitor m = { .core = core, .id = id, .poke = { .fd = -1 } };
	_cleanup_free_ char *path = places_monitor(core, id);
	const struct ctx ctx = ctx_within(NULL, LOCK_MS);
	_cleanup_close_ int lock = file_lock(path, true, &ctx, err);
	int r = lock;

	if (lock == -ERR_DEADLINE)
		return err_clear(err), 0;
	if (r >= 0)
		r = poke_init(&m.poke, core->loop, path, err);
	if (r >= 0)
		r = monitor_loop(&m);
	poke_done(&m.poke);
	record_done(&m.rec);
	if (lock >= 0)
		(void)unlink(path);
	return r;
}
