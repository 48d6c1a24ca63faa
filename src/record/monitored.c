#include "monitored.h"
#include "clock.h"
#include "core-words.h"
#include "file.h"
#include "health-log.h"
#include "job-name.h"
#include "job-order.h"
#include "job-pod.h"
#include "mem.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static bool asks(const struct task *t) { return t->restart && t->restart->policy != RESTART_NO; }

bool monitored_asks(const struct job *j) { return job_is_checked(j) || monitored_may_restart(j); }

bool monitored_may_restart(const struct job *j) { return !j->remove && monitored_would_restart(j); }

bool monitored_would_restart(const struct job *j)
{
	if (j->failure_recovery != FAILURE_STAY_DOWN)
		return true;
	for (size_t i = 0; i < j->n_tasks; i++)
		if (asks(&j->tasks[i]) && j->tasks[i].lifecycle != LIFE_POSTSTOP)
			return true;
	return false;
}

void monitored_done(struct monitored *m)
{
	free(m->tasks);
	*m = (struct monitored){ 0 };
}

const char *monitored_label(const char *label, size_t task, char out[MONITORED_LABEL])
{
	(void)snprintf(out, MONITORED_LABEL, task ? "%s.%zu" : "%s", label, task);
	return out;
}

static const char *label_of(const struct record *rec, const char *label, size_t task)
{
	char name[MONITORED_LABEL];

	return dict_get(&rec->c.labels, monitored_label(label, task, name));
}

static const char *const of_lives[] = { RECORD_RESTARTS, RECORD_TROUBLE, RECORD_BEGUN, RECORD_DONE };

void monitored_forget_lives(const struct dict *has, size_t n_tasks, struct dict *labels)
{
	char name[MONITORED_LABEL];

	for (size_t i = 0; i < n_tasks; i++)
		for (size_t k = 0; k < sizeof of_lives / sizeof *of_lives; k++)
			if (dict_get(has, monitored_label(of_lives[k], i, name)))
				dict_set(labels, name, "");
}

int64_t monitored_restarts(const struct record *rec)
{
	struct restarts s;
	int64_t n = 0;

	for (size_t i = 0; rec->job && i < rec->job->n_tasks; i++) {
		(void)restarts_parse(label_of(rec, RECORD_RESTARTS, i), &s, NULL);
		n += s.count;
	}
	return n;
}

/* Beside a main task another's success is its end, whatever its policy: as Nomad has it. */
struct restart monitored_policy(const struct job *job, size_t i)
{
	const struct task *t = &job->tasks[i];
	struct restart p = t->restart ? *t->restart : (struct restart){ 0 };

	if (job->failure_recovery != FAILURE_STAY_DOWN && p.policy == RESTART_NO && task_decides(t))
		p = (struct restart){ .policy = RESTART_ON_FAILURE };
	if (t->lifecycle == LIFE_POSTSTOP)
		p.policy = RESTART_NO;
	else if (t->lifecycle != LIFE_MAIN && !t->sidecar && p.policy != RESTART_NO)
		p.policy = RESTART_ON_FAILURE;
	return p;
}

/* "CODE TIME", as RECORD_EXIT. */
static bool done_before(const struct record *rec, size_t i, struct restart_end *end)
{
	const char *text = label_of(rec, RECORD_DONE, i);
	char *at = NULL;
	const long code = text ? strtol(text, &at, 10) : 0;

	if (!at || *at != ' ' || clock_parse(at + 1, &end->ended_at, NULL) < 0)
		return false;
	end->exit_code = (int)code;
	return true;
}

bool monitored_exit(const struct record *job, size_t i, struct ctrd_exit *ret)
{
	struct restart_end end = { 0 };

	if (!done_before(job, i, &end))
		return false;
	*ret = (struct ctrd_exit){ .status = (uint32_t)end.exit_code, .at = end.ended_at };
	return true;
}

const char *monitored_life(const struct record *job, size_t i)
{
	const char *own = label_of(job, RECORD_BEGUN, i);

	return own ? own : dict_get(&job->c.labels, RECORD_STARTED);
}

/* How it ended, as far as anybody knows: of an end that nobody saw, as containerd tells such. */
static struct restart_end end_of(const struct record *rec, size_t i, const struct task_status *t, int64_t now)
{
	struct restart_end end = { .exit_code = 255, .ended_at = now };

	if (clock_parse(monitored_life(rec, i), &end.started_at, NULL) < 0)
		end.started_at = 0;
	if (t->state == TASK_STOPPED) {
		end.exit_code = (int)t->exit.status;
		end.ended_at = t->exit.at ? t->exit.at : now;
	} else if (rec->job->n_tasks == 1) {
		(void)record_exit(rec, &end.exit_code, &end.ended_at);
	} else {
		(void)done_before(rec, i, &end);
	}
	return end;
}

/* A life before or after the main tasks' that left nothing behind, which happens when containerd comes back, was complete: else the
 * others would not have started. */
static bool is_done(const struct record *rec, size_t i, const struct task_status *t)
{
	const struct task *task = &rec->job->tasks[i];

	return t->state == TASK_ABSENT && task->lifecycle != LIFE_MAIN && !task->sidecar;
}

static void monitored_look_at(const struct record *rec, size_t i, const struct task_status *t, bool stays, int64_t now,
			      struct monitored_task *ret)
{
	const struct restart policy = monitored_policy(rec->job, i);
	struct restart_end end;
	enum restart_verdict v;

	*ret = (struct monitored_task){ .state = MONITORED_LIVES };
	(void)restarts_parse(label_of(rec, RECORD_RESTARTS, i), &ret->restarts, NULL);
	if (!task_is_over(t))
		return;
	ret->state = MONITORED_ENDED;
	if (stays)
		return;
	if (ret->restarts.at && policy.policy != RESTART_NO) { /* it may have been updated meanwhile */
		ret->state = MONITORED_DUE;
		return;
	}
	end = end_of(rec, i, t, now);
	v = restart_decide(&policy, &end, now, &ret->restarts);
	ret->exhausted = v == RESTART_EXHAUSTED;
	if (v == RESTART_AGAIN)
		ret->state = MONITORED_DECIDED;
}

static bool is_over_for_good(const struct job *job, const struct monitored *m)
{
	const size_t main_task = job_main_task(job);

	if (m->n == 1 || job->tasks[main_task].leader)
		return m->tasks[main_task].state == MONITORED_ENDED;
	for (size_t i = 0; i < m->n; i++)
		if (task_decides(&job->tasks[i]) && m->tasks[i].state != MONITORED_ENDED)
			return false;
	return true;
}

/* Of a job whose end is not decided by its tasks' ends: who stopped it, or settled it, has said so. */
static enum monitored_state state_of_job(const struct job *job, const struct monitored *m, bool stays)
{
	size_t lives = 0, decided = 0, due = 0, exhausted = 0;

	for (size_t i = 0; i < m->n; i++) {
		lives += m->tasks[i].state == MONITORED_LIVES && job->tasks[i].lifecycle != LIFE_POSTSTOP;
		decided += m->tasks[i].state == MONITORED_DECIDED;
		due += m->tasks[i].state == MONITORED_DUE;
		exhausted += m->tasks[i].exhausted;
	}
	if (stays)
		return lives ? MONITORED_LIVES : MONITORED_ENDED;
	if (exhausted || is_over_for_good(job, m))
		return MONITORED_ENDED;
	return lives ? MONITORED_LIVES : decided ? MONITORED_DECIDED : due ? MONITORED_DUE : MONITORED_ENDED;
}

void monitored_look(const struct record *rec, const struct task_status *tasks, size_t n, int64_t now, struct monitored *ret)
{
	const char *recovery = dict_get(&rec->c.labels, RECORD_RECOVERY);
	const struct job *job = rec->job;
	size_t absent = 0, over = 0;
	bool stays, lost;

	*ret = (struct monitored){ .n = n, .tasks = mem_array(struct monitored_task, n) };
	if (!job || job->n_tasks != n || !monitored_asks(job) || !dict_get(&rec->c.labels, RECORD_STARTED))
		return;
	for (size_t i = 0; i < n; i++) {
		absent += tasks[i].state == TASK_ABSENT;
		over += task_is_over(&tasks[i]);
	}
	ret->recovers = recovery && !strcmp(recovery, rec->c.id);
	stays = job->remove || dict_get(&rec->c.labels, RECORD_STOPPED) || (recovery && !ret->recovers) ||
		(n > 1 && dict_get(&rec->c.labels, RECORD_EXIT));
	lost = !stays && job_is_pod(job) && task_is_over(&tasks[0]);
	ret->whole = n == 1 || absent == n || (lost && over == n);
	ret->stranded = lost && over < n;
	for (size_t i = 0; i < n; i++)
		monitored_look_at(rec, i, &tasks[i], stays || (!ret->whole && is_done(rec, i, &tasks[i])), now, &ret->tasks[i]);
	ret->state = state_of_job(job, ret, stays);
}

int monitored_ask(struct core *c, const struct record *rec, const struct ctx *ctx, struct task_status **ret_tasks,
		  struct monitored *ret, struct err *err)
{
	const size_t n = job_id_tasks(rec->c.id);
	_cleanup_free_ struct task_status *tasks = mem_array(struct task_status, n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_free_ char *id = job_id_task(rec->c.id, i);

		r = task_look(c, id, ctx, &tasks[i], err);
	}
	if (r < 0)
		return r;
	monitored_look(rec, tasks, n, clock_wall(), ret);
	if (ret_tasks)
		*ret_tasks = TAKE_PTR(tasks);
	return 0;
}

bool monitored_is_restarting(const struct record *rec, const struct task_status *tasks, size_t n)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };

	monitored_look(rec, tasks, n, clock_wall(), &m);
	return m.state >= MONITORED_DECIDED;
}

bool monitored_at_boot(const struct record *rec, const struct task_status *tasks, size_t n, const char *boot)
{
	const char *last = dict_get(&rec->c.labels, RECORD_BOOT);
	const bool by_hand = dict_get(&rec->c.labels, RECORD_STOPPED) != NULL;
	_cleanup_(monitored_done) struct monitored m = { 0 };

	monitored_look(rec, tasks, n, clock_wall(), &m);
	if (rec->job && rec->job->remove)
		return false;
	if (m.state != MONITORED_ENDED && m.state != MONITORED_DECIDED)
		return false;
	if (last && !strcmp(last, boot))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct restart p = monitored_policy(rec->job, i);

		if (restart_at_boot(&p, by_hand) && (p.policy != RESTART_ON_FAILURE || m.state == MONITORED_DECIDED))
			return true;
	}
	return false;
}

/* Of those that are started again the one that the job is about. */
static size_t task_to_start(const struct job *job)
{
	size_t i = job_main_task(job);

	if (monitored_policy(job, i).policy != RESTART_NO)
		return i;
	for (i = 0; i < job->n_tasks - 1; i++)
		if (monitored_policy(job, i).policy != RESTART_NO)
			break;
	return i;
}

int monitored_boot_begun(struct core *c, const struct record *rec, const struct monitored *m, const struct ctx *ctx,
			 struct err *err)
{
	const size_t i = task_to_start(rec->job);
	_cleanup_dict_ struct dict labels = { 0 };
	char text[RESTARTS_TEXT], name[MONITORED_LABEL];
	struct restarts s = m->tasks[i].restarts;

	if (m->state != MONITORED_ENDED)
		return 0;
	s.at = clock_wall();
	s.attempts = 0;
	dict_set(&labels, RECORD_STOPPED, "");
	if (m->n > 1)
		dict_set(&labels, RECORD_EXIT, "");
	if (!m->recovers)
		dict_set(&labels, RECORD_RECOVERY, "");
	dict_set(&labels, monitored_label(RECORD_RESTARTS, i, name), restarts_text(&s, text));
	return containers_set_labels(c->ctrd, rec->c.id, &labels, ctx, err);
}

bool monitored_now(const struct core *c, const char *id)
{
	_cleanup_free_ char *path = places_monitor(c, id);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

static void monitor_begin(struct core *c, const char *id)
{
	const char *const words[] = { id, NULL };
	struct err why = ERR_INIT;

	if (!monitored_now(c, id) && core_launch(c, "davit-monitor", words, &why) < 0)
		core_notice(c, "nobody looks after job %s: %s", id, why.msg);
}

/* One of several tasks whose others are to be ended is its, too. */
static bool wants_monitor(const struct record *rec, const struct monitored *m, const struct task_status *tasks)
{
	bool runs = false;

	for (size_t i = 0; i < m->n; i++)
		runs |= !task_is_over(&tasks[i]);
	if (m->recovers)
		return true;
	return m->state == MONITORED_ENDED ? runs && m->n > 1 && monitored_to_the_end(rec->job) : m->state != MONITORED_NOTHING;
}

bool monitored_last_are_due(const struct record *rec, const struct task_status *tasks, size_t n)
{
	size_t last = 0;
	bool left = false;

	if (!rec->job || rec->job->n_tasks != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const bool is_last = rec->job->tasks[i].lifecycle == LIFE_POSTSTOP;

		if (is_last ? tasks[i].state != TASK_ABSENT : !task_is_over(&tasks[i]))
			return false;
		last += is_last;
		left |= tasks[i].state != TASK_ABSENT;
	}
	return last && left;
}

bool monitored_wants(const struct record *rec, const struct task_status *tasks, size_t n)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };

	monitored_look(rec, tasks, n, clock_wall(), &m);
	if (m.state == MONITORED_ENDED && monitored_to_the_end(rec->job) && monitored_last_are_due(rec, tasks, n))
		return true;
	return wants_monitor(rec, &m, tasks);
}

void monitored_ensure(struct core *c, const struct record *rec, const struct task_status *tasks, size_t n)
{
	if (monitored_wants(rec, tasks, n))
		monitor_begin(c, rec->c.id);
}

void monitored_started(struct core *c, const struct job *j, const char *id)
{
	if (!monitored_asks(j))
		return;
	if (monitored_now(c, id))
		monitored_poke(c, id); /* for those who wait for it, too */
	else
		monitor_begin(c, id);
}

static int stop_say(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	char now[CLOCK_TEXT];
	int r;

	dict_set(&labels, RECORD_STOPPED, clock_rfc3339(clock_wall(), now));
	r = containers_set_labels(c->ctrd, rec->c.id, &labels, ctx, err);
	if (r >= 0)
		monitored_poke(c, rec->c.id);
	return r;
}

/* 1: something of it lives. */
static int some_live(struct core *c, const struct record *rec, const struct ctx *ctx, bool *ret_restarting, struct err *err)
{
	_cleanup_free_ struct task_status *tasks = NULL;
	_cleanup_(monitored_done) struct monitored m = { 0 };
	bool live = false;
	int r = monitored_ask(c, rec, ctx, &tasks, &m, err);

	for (size_t i = 0; r >= 0 && i < m.n; i++)
		live |= !task_is_over(&tasks[i]);
	*ret_restarting = m.state >= MONITORED_DECIDED;
	return r < 0 ? r : live;
}

int monitored_stop(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	bool restarting, unused;
	int lock, r;

	if (!rec->job || (!monitored_asks(rec->job) && !dict_get(&rec->c.labels, RECORD_SET)))
		return 0;
	r = stop_say(c, rec, ctx, err);
	if (r < 0 || !monitored_asks(rec->job))
		return r < 0 ? r : 0;
	if (r >= 0)
		r = some_live(c, rec, ctx, &restarting, err);
	if (r != 0)
		return r < 0 ? r : 0;
	name = mem_strdup(rec->job->name);
	r = record_lock(c, rec->c.id, &name, true, ctx, &lock, err);
	if (r < 0)
		return r;
	claim_unlock(c, name, lock);
	if (!restarting)
		return 0;
	r = some_live(c, rec, ctx, &unused, err);
	return r < 0 ? r : !r;
}

void monitored_poke(const struct core *c, const char *id)
{
	_cleanup_free_ char *path = places_monitor(c, id);

	(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

void monitored_forget(const struct core *c, const char *id)
{
	const size_t n = job_id_tasks(id);
	_cleanup_free_ char *path = places_monitor(c, id);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlink(path);
	else
		monitored_poke(c, id);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *task = job_id_task(id, i);

		health_log_forget(c, task);
	}
}
