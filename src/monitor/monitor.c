/* Theory of operation: a loop over monitored_look(). Each turn sees the record and the tasks as they are now, does the one thing
 * that their states ask for, and begins anew; what was found out is written to the record before it is acted on. Between two turns
 * one event is waited for: a task's end, the time of a start that is due, or a poke. Only a containerd that is away is asked again
 * and again, at growing distances; and whether somebody else is done with starting a job of several tasks, or was killed.
 *
 * A start is `davit start --again`, the end of a job `davit stop --over`, children: they take the job's lock, look whether that is
 * still wanted, and do it as any other. So nothing is decided twice, and a monitor stays as small as what it waits with. */
#include "monitor.h"
#include "child.h"
#include "clock.h"
#include "core-words.h"
#include "file.h"
#include "health-watch.h"
#include "home.h"
#include "job-name.h"
#include "lean.h"
#include "mem.h"
#include "monitored.h"
#include "poke.h"
#include "remains.h"
#include "self.h"
#include "task-wait.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	CALL_MS = 60000,
	START_MS = 600000, /* longer than any step of one task's start waits; the job's may wait for a task's end */
	LOCK_MS = 1000,    /* who only looks whether there is a monitor holds the lock that short */
	AWAY_MS = 100,
	AWAY_MAX_MS = 2000,
	UNSTARTED_MS = 1000, /* of a davit that was killed in the middle of a start nothing tells */
	TROUBLE_MAX = 400,
};

/* What is kept of one task from turn to turn. */
struct watched {
	char *id;
	struct task_wait *wait; /* while it lives */
	int64_t at, due;        /* the start that the record has at @at, by the clock that nobody sets */
};

struct monitor {
	struct core *core;
	const char *id;
	struct poke poke;
	int64_t away_ms; /* the next pause, while containerd is */
	struct record rec;
	struct task_status *status;
	struct monitored now;
	struct watched *watched;
	size_t n;
	struct health_watch *health;
	bool starting; /* of several tasks, and somebody had the job's lock before their states were seen: he starts those that are
			* not there yet, and again those that others wait for (run/retry.h). We only make the checks. */
};

static void monitor_forget(struct monitor *m)
{
	record_done(&m->rec);
	monitored_done(&m->now);
	free(m->status);
	m->status = NULL;
}

/* 1; 0: there is no such job any more. */
static int monitor_see(struct monitor *m, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	int r;

	monitor_forget(m);
	r = record_get(m->core, m->id, &ctx, &m->rec, err);
	m->starting = r >= 0 && m->n > 1 && claim_locked(m->core, m->rec.name);
	if (r >= 0)
		r = monitored_ask(m->core, &m->rec, &ctx, &m->status, &m->now, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	health_watch_see(m->health, &m->rec, m->status, m->n);
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

/* waiting */

static void on_due(void *arg) { *(bool *)arg = true; }

/* A wait that is over is of a life that is. */
static void watch_tasks(struct monitor *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct watched *w = &m->watched[i];
		const bool lives = !task_is_over(&m->status[i]);

		if (w->wait && (!lives || task_wait_over(w->wait)))
			task_wait_free(TAKE_PTR(w->wait));
		if (lives && !w->wait)
			w->wait = task_wait_new(m->core, w->id, NULL, NULL);
	}
}

static bool some_ended(const struct monitor *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->watched[i].wait && task_wait_over(m->watched[i].wait))
			return true;
	return false;
}

/* ns until task @i is to be started, from when it was first seen to be: a clock that is set meanwhile changes nothing. */
static int64_t left_of(const struct monitor *m, size_t i)
{
	const struct restart policy = monitored_policy(m->rec.job, i);
	const struct restarts *s = &m->now.tasks[i].restarts;
	struct watched *w = &m->watched[i];
	const int64_t now = clock_mono();

	if (w->at != s->at)
		w->due = now + restart_remaining(&policy, s, clock_wall());
	w->at = s->at;
	return w->due > now ? w->due - now : 0;
}

/* Until something happens, or the first start is due. */
static int monitor_rest(struct monitor *m, struct err *err)
{
	struct timer timer = { 0 };
	int64_t first = m->starting ? UNSTARTED_MS * NSEC_PER_MSEC : INT64_MAX;
	bool due = false;
	int r = 0;

	m->poke.seen = false;
	m->away_ms = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (m->status[i].state == TASK_CREATED && first > UNSTARTED_MS * NSEC_PER_MSEC)
			first = UNSTARTED_MS * NSEC_PER_MSEC;
		if (m->now.tasks[i].state == MONITORED_DUE && !m->starting && left_of(m, i) < first)
			first = left_of(m, i);
	}
	watch_tasks(m);
	timer_init(&timer, m->core->loop, on_due, &due);
	if (first != INT64_MAX)
		timer_set(&timer, clock_mono() + first);
	while (r >= 0 && !due && !m->poke.seen && !some_ended(m)) {
		lean_rest();
		r = loop_turn(m->core->loop, NULL, err);
	}
	timer_done(&timer);
	return r;
}

/* doing */

static void note_restarts(const struct monitor *m, size_t i, const char *trouble, struct dict *labels)
{
	char text[RESTARTS_TEXT], name[MONITORED_LABEL];

	dict_set(labels, monitored_label(RECORD_RESTARTS, i, name), restarts_text(&m->now.tasks[i].restarts, text));
	dict_set(labels, monitored_label(RECORD_TROUBLE, i, name), trouble);
}

static int monitor_write(struct monitor *m, const struct dict *labels, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);

	return containers_set_labels(m->core->ctrd, m->id, labels, &ctx, err);
}

/* 1: it has ended without a start that is to come, and the record does not say so. */
static bool is_newly_done(const struct monitor *m, size_t i)
{
	char name[MONITORED_LABEL];

	return m->n > 1 && m->now.tasks[i].state == MONITORED_ENDED && m->status[i].state == TASK_STOPPED &&
	       !dict_get(&m->rec.c.labels, monitored_label(RECORD_DONE, i, name));
}

/* What the ends that were just seen have decided. 1: there was something. */
static int monitor_note(struct monitor *m, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	char name[MONITORED_LABEL], at[CLOCK_TEXT];

	for (size_t i = 0; i < m->n; i++) {
		const struct ctrd_exit *exit = &m->status[i].exit;

		if (m->now.tasks[i].state == MONITORED_DECIDED)
			note_restarts(m, i, "", &labels);
		if (is_newly_done(m, i))
			dict_setf(&labels, monitored_label(RECORD_DONE, i, name), "%u %s", exit->status,
				  clock_rfc3339(exit->at ? exit->at : clock_wall(), at));
	}
	if (!labels.n)
		return 0;
	return monitor_write(m, &labels, err) < 0 ? -1 : 1;
}

/* The first line of @text, no longer than a label may be: as whole characters, for containerd takes no others. */
static char *first_line(const char *text)
{
	size_t n = strcspn(text, "\n");

	if (n > TROUBLE_MAX)
		n = TROUBLE_MAX;
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return mem_strndup(text, n);
}

/* Beside a child of ours: what @m has of the job stays as it was. */
static void monitor_see_health(struct monitor *m)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(monitored_done) struct monitored now = { 0 };
	_cleanup_free_ struct task_status *status = NULL;

	if (record_get(m->core, m->id, &ctx, &rec, NULL) >= 0 && monitored_ask(m->core, &rec, &ctx, &status, &now, NULL) >= 0)
		health_watch_see(m->health, &rec, status, m->n);
}

/* A start of several tasks may wait for the health of one that it has started: nobody but us makes the checks. */
static int monitor_await(struct monitor *m, struct child *child, const struct ctx *ctx, struct err *err)
{
	const bool checks = m->n > 1 && m->rec.job && job_is_checked(m->rec.job);

	for (;;) {
		const struct ctx soon = ctx_within(ctx, UNSTARTED_MS);
		const int r = child_wait(child, checks ? &soon : ctx, err);

		if (r != -ERR_DEADLINE || ctx_check(ctx, NULL) < 0)
			return r;
		err_clear(err);
		monitor_see_health(m);
	}
}

/* davit @verb @flag [@more] ID, killed after @ms (0: never). Its own words are @ret_why, which the caller frees, where it
 * fails: 1. */
static int monitor_do(struct monitor *m, const char *const *words, int64_t ms, char **ret_why, struct err *err)
{
	_cleanup_free_ char *davit = NULL;
	_cleanup_strv_ struct strv argv = { 0 };
	_cleanup_(child_freep) struct child *child = NULL;
	const struct ctx ctx = ms ? ctx_within(NULL, ms) : ctx_none();
	struct child_spec spec = { .err_max = 4096, .out_max = 4096 };
	int r = self_find("davit", &davit, err);

	if (r < 0)
		return r;
	core_words(m->core, davit, &argv);
	strv_push(&argv, "--no-engine");
	for (; *words; words++)
		strv_push(&argv, *words);
	strv_push(&argv, m->id);
	spec.path = davit;
	spec.argv = argv.v;
	r = child_start(m->core->loop, &spec, &child, err);
	if (r >= 0)
		r = monitor_await(m, child, &ctx, err);
	if (r > 0)
		*ret_why = first_line(buf_str(child_err(child)));
	return r > 0 ? 1 : r;
}

static void note_failure(struct monitor *m, size_t i, const char *why, struct dict *labels)
{
	const struct restart_end end = { .exit_code = 255 };
	struct restarts *s = &m->now.tasks[i].restarts;

	if (m->now.tasks[i].state == MONITORED_DUE) {
		const struct restart policy = monitored_policy(m->rec.job, i);

		s->at = 0;
		(void)restart_decide(&policy, &end, clock_wall(), s);
	}
	note_restarts(m, i, *why ? why : "davit start has failed", labels);
}

/* A start that came to nothing counts as a life of no length, unless somebody has changed the job meanwhile: one of the whole job
 * of all that were due. */
static int start_failed(struct monitor *m, size_t i, bool whole, const char *why, int64_t due, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	int r = monitor_see(m, err);

	if (r <= 0 || i >= m->now.n || m->now.tasks[i].state < MONITORED_DECIDED)
		return r;
	if (m->now.tasks[i].state == MONITORED_DUE && m->now.tasks[i].restarts.at != due)
		return r;
	for (size_t k = 0; k < m->now.n; k++)
		if (k == i || (whole && m->now.tasks[k].state >= MONITORED_DECIDED))
			note_failure(m, k, why, &labels);
	return monitor_write(m, &labels, err);
}

static int monitor_start(struct monitor *m, size_t i, struct err *err)
{
	const int64_t due = m->now.tasks[i].restarts.at;
	const bool whole = m->now.whole;
	_cleanup_free_ char *why = NULL, *task = mem_printf("%zu", i);
	const char *const words[] = { "start", "--again", whole ? "job" : task, NULL };
	int r = monitor_do(m, words, whole ? 0 : START_MS, &why, err);

	return r > 0 ? start_failed(m, i, whole, why, due, err) : r;
}

/* Made, and never started: by a davit that is at it, or by one that was killed. */
static int monitor_await_start(struct monitor *m, size_t i, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	struct task_status t = { 0 };
	int lock = -1, r = record_lock(m->core, m->id, &m->rec.name, true, &ctx, &lock, err);

	if (r >= 0)
		r = task_look(m->core, m->watched[i].id, &ctx, &t, err);
	if (r >= 0 && t.state == TASK_CREATED)
		r = remains_settle(m->core, &m->rec, &ctx, err);
	if (r == 0 && t.state == TASK_CREATED) /* beside others that run */
		r = task_terminate(m->core, m->watched[i].id, &ctx, NULL, err);
	claim_unlock(m->core, m->rec.name, lock);
	return r < 0 ? r : 1;
}

/* As its machine has. */
static int monitor_end_stranded(struct monitor *m, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	_cleanup_(monitored_done) struct monitored now = { 0 };
	_cleanup_(record_done) struct record rec = { 0 };
	int lock = -1, r = record_lock(m->core, m->id, &m->rec.name, true, &ctx, &lock, err);

	if (r >= 0)
		r = record_get(m->core, m->id, &ctx, &rec, err);
	if (r >= 0)
		r = monitored_ask(m->core, &rec, &ctx, NULL, &now, err);
	if (r >= 0 && now.stranded)
		r = job_over_terminate(m->core, m->id, &ctx, &over, err);
	claim_unlock(m->core, m->rec.name, lock);
	return r < 0 ? r : 1;
}

/* Over for good: what still runs is ended, the tasks that come last run, and it is settled. */
static int monitor_finish(struct monitor *m, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	_cleanup_free_ char *why = NULL;
	int r;

	if (!monitored_to_the_end(m->rec.job)) /* as without a monitor */
		return 0;
	if (m->n == 1)
		return remains_after_end(m->core, &m->rec, &ctx, err);
	r = monitor_do(m, (const char *const[]){ "stop", "--over", NULL }, 0, &why, err);
	return r > 0 ? err_set(err, ERR_UNAVAILABLE, "%s", why) : r;
}

/* Somebody was killed in the middle of it. */
static int monitor_recover(struct monitor *m, struct err *err)
{
	_cleanup_free_ char *why = NULL;
	int r = monitor_do(m, (const char *const[]){ "start", "--again", "job", NULL }, 0, &why, err);

	return r > 0 ? err_set(err, ERR_UNAVAILABLE, "%s", why) : r < 0 ? r : 1;
}

/* 1: there is more to be done; 0: nothing ever. */
static int monitor_step(struct monitor *m, struct err *err)
{
	int r;

	if (m->now.recovers && m->now.state < MONITORED_DECIDED) /* else its own start, in its time, goes on with it */
		return monitor_recover(m, err);
	if (m->now.state == MONITORED_NOTHING)
		return 0;
	if (m->now.state == MONITORED_ENDED)
		return monitor_finish(m, err);
	r = monitor_note(m, err);
	if (r)
		return r;
	if (m->now.stranded)
		return monitor_end_stranded(m, err);
	for (size_t i = 0; i < m->n; i++) {
		if (m->status[i].state == TASK_CREATED && !claim_locked(m->core, m->rec.name))
			return monitor_await_start(m, i, err);
		if (m->now.tasks[i].state == MONITORED_DUE && left_of(m, i) == 0) {
			r = monitor_start(m, i, err);
			return r < 0 ? r : 1;
		}
	}
	r = monitor_rest(m, err);
	return r < 0 ? r : 1;
}

static int monitor_look_on(struct monitor *m, struct err *err)
{
	const int r = monitor_rest(m, err);

	return r < 0 ? r : 1;
}

/* It was ended, and nobody has started it again meanwhile. */
static bool stays_ended(struct monitor *m)
{
	const int r = monitor_see(m, NULL);

	return r == 0 || (r > 0 && !m->now.recovers && (m->now.state == MONITORED_ENDED || m->now.state == MONITORED_NOTHING));
}

static int monitor_loop(struct monitor *m)
{
	struct err err = ERR_INIT;
	int r;

	for (;;) {
		err_clear(&err);
		r = monitor_see(m, &err);
		if (r > 0)
			r = m->starting && m->now.state != MONITORED_NOTHING ? monitor_look_on(m, &err) : monitor_step(m, &err);
		if (r == 0 && stays_ended(m))
			return 0;
		if (r < 0)
			monitor_bear(m);
	}
}

static void monitor_init(struct monitor *m)
{
	m->n = job_id_tasks(m->id);
	m->watched = mem_array(struct watched, m->n);
	m->health = health_watch_new(m->core, m->id);
	for (size_t i = 0; i < m->n; i++)
		m->watched[i].id = job_id_task(m->id, i);
}

static void monitor_done(struct monitor *m)
{
	health_watch_free(m->health);
	monitor_forget(m);
	poke_done(&m->poke);
	for (size_t i = 0; i < m->n; i++) {
		task_wait_free(m->watched[i].wait);
		free(m->watched[i].id);
	}
	free(m->watched);
}

/* Who has started it since our last look saw our lock, and only told us. */
static void monitor_hand_over(struct core *c, const char *id)
{
	const struct ctx ctx = ctx_within(NULL, CALL_MS);
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(monitored_done) struct monitored now = { 0 };
	_cleanup_free_ struct task_status *tasks = NULL;

	if (record_get(c, id, &ctx, &rec, NULL) < 0 || monitored_ask(c, &rec, &ctx, &tasks, &now, NULL) < 0)
		return;
	if (now.recovers || (now.state != MONITORED_NOTHING && now.state != MONITORED_ENDED))
		monitored_ensure(c, &rec, tasks, now.n);
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
	monitor_init(&m);
	if (r >= 0) {
		home_settle(core, id);
		r = monitor_loop(&m);
	}
	monitor_done(&m);
	if (lock >= 0)
		(void)unlink(path);
	if (r >= 0)
		monitor_hand_over(core, id);
	return r;
}
