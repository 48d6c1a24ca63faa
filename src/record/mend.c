/* Theory of operation: records first, then tasks, so that whose task is missing had none when its record was read; but what is
 * done about it is done under the job's lock, after a second look. */
#include "mend.h"
#include "broken-recovery.h"
#include "clock.h"
#include "job-name.h"
#include "job-row.h"
#include "mem.h"
#include "monitored.h"
#include "netns.h"
#include "netshare.h"
#include "reconcile.h"
#include "remains.h"
#include "scratch.h"
#include "strays.h"
#include "task.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { AWAIT_MS = 10000, AWAIT_PAUSE_MS = 5 };

const char *mend_part_name(enum mend_part p)
{
	static const char *const names[] = { "state", "network", "lease", "monitor", "start" };

	return names[p];
}

void mends_done(struct mends *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].ns);
		free(m->v[i].job);
		free(m->v[i].id);
		free(m->v[i].text);
	}
	free(m->v);
	*m = (struct mends){ 0 };
}

static struct mend *mends_new(struct mends *m, enum mend_part part, const struct core *c, const struct record *rec)
{
	struct mend *e;

	m->v = mem_grow(m->v, &m->cap, m->n + 1, sizeof *m->v);
	e = &m->v[m->n++];
	*e = (struct mend){ .part = part, .ns = mem_strdup(c->conf.ns) };
	if (rec) {
		e->job = mem_strdup(rec->name);
		e->id = mem_strdup(rec->c.id);
	}
	return e;
}

void mends_add(struct mends *m, enum mend_part part, const struct core *c, const struct record *rec, const char *fmt, ...)
{
	struct mend *e = mends_new(m, part, c, rec);
	va_list ap;

	va_start(ap, fmt);
	e->text = mem_vprintf(fmt, ap);
	va_end(ap);
}

void mends_fail(struct mends *m, enum mend_part part, const struct core *c, const struct record *rec, const struct err *why)
{
	struct mend *e = mends_new(m, part, c, rec);

	e->text = *why->hint ? mem_printf("%s (%s)", why->msg, why->hint) : mem_strdup(why->msg);
	e->failed = true;
	m->failed++;
}

/* One job as it was seen. */
struct mended {
	const struct record *rec;
	struct task_status *tasks;
	size_t n;
	bool over, there; /* all of it is; containerd has a task of it still */
};

static struct mended see_job(const struct record *rec, const struct task_states *states)
{
	struct mended m = { .rec = rec, .n = job_id_tasks(rec->c.id), .over = true };

	m.tasks = mem_array(struct task_status, m.n);
	for (size_t i = 0; i < m.n; i++) {
		_cleanup_free_ char *id = job_id_task(rec->c.id, i);
		const struct task_status *t = task_states_find(states, id);

		m.over &= !t || task_is_over(t);
		m.there |= t != NULL;
		m.tasks[i] = t ? *t : (struct task_status){ .state = TASK_ABSENT };
	}
	return m;
}

/* state */

static bool exit_is_lost(const struct record *rec)
{
	int64_t at;
	int code;

	return dict_get(&rec->c.labels, RECORD_STARTED) && !record_exit(rec, &code, &at);
}

static bool holds_anything(const struct core *c, const struct mended *m)
{
	_cleanup_free_ char *netns = places_netns(m->rec->c.id);

	if (m->there)
		return true;
	return !netshare_is_shared(c, m->rec->c.id) && (cni_is_cached(&c->conf.cni, m->rec->c.id) || access(netns, F_OK) == 0);
}

static int note_lost_exit(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	char at[CLOCK_TEXT];

	dict_setf(&labels, RECORD_EXIT, "%d %s", EXIT_LOST, clock_rfc3339(clock_wall(), at));
	return containers_set_labels(c->ctrd, rec->c.id, &labels, ctx, err);
}

/* Under its lock. 1: done; @ret_exit: what its record says now. @restarts: it ends in a start, not in an exit. */
static int settle_ended(struct core *c, const struct record *seen, bool restarts, const struct ctx *ctx, int *ret_exit,
			struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	_cleanup_(record_done) struct record before = { 0 }, now = { 0 };
	int64_t at;
	int r = remains_is_over(c, seen->c.id, ctx, &over, err);

	if (r > 0)
		r = record_get(c, seen->c.id, ctx, &before, err);
	else
		return r;
	if (r >= 0)
		r = remains_settle(c, &before, ctx, err);
	if (r > 0)
		r = record_get(c, seen->c.id, ctx, &now, err);
	else
		return r;
	if (r >= 0 && exit_is_lost(&now) && !restarts)
		r = note_lost_exit(c, &now, ctx, err);
	if (r < 0)
		return r;
	*ret_exit = record_exit(&now, &r, &at) ? r : EXIT_LOST;
	return 1;
}

static int mend_ended(struct core *c, const struct mended *m, const struct ctx *ctx, int *ret_exit, struct err *err)
{
	_cleanup_free_ char *name = mem_strdup(m->rec->name);
	int lock = -1, r = record_lock(c, m->rec->c.id, &name, false, ctx, &lock, err);

	if (r == -ERR_EXISTS)
		return err_clear(err), 0;
	if (r >= 0)
		r = settle_ended(c, m->rec, monitored_is_restarting(m->rec, m->tasks, m->n), ctx, ret_exit, err);
	claim_unlock(c, name, lock);
	if (r == -ERR_NOT_FOUND) /* removed meanwhile */
		return err_clear(err), 0;
	return r;
}

/* A --rm job is no concern of ours: it goes as a whole, with its lease. One that is to be started again, and has a task left, is
 * its monitor's, and so is one whose last tasks are still to run. */
static bool is_to_settle(const struct core *c, const struct mended *m)
{
	if (m->there && monitored_is_restarting(m->rec, m->tasks, m->n))
		return false;
	if (m->rec->job && monitored_to_the_end(m->rec->job) && monitored_last_are_due(m->rec, m->tasks, m->n))
		return false;
	return m->over && m->rec->job && !dict_get(&m->rec->c.labels, RECORD_REMOVE) &&
	       (holds_anything(c, m) || (exit_is_lost(m->rec) && !monitored_is_restarting(m->rec, m->tasks, m->n))) &&
	       !monitored_now(c, m->rec->c.id) && !claim_locked(c, m->rec->name);
}

bool mend_is_due(const struct core *c, const struct record *rec, const struct task_status *tasks, size_t n)
{
	bool there = false;

	for (size_t i = 0; i < n; i++) {
		if (!task_is_over(&tasks[i]))
			return false;
		there |= tasks[i].state == TASK_STOPPED;
	}
	if (!there || dict_get(&rec->c.labels, RECORD_AGENT) || monitored_last_are_due(rec, tasks, n))
		return false;
	return is_to_settle(c, &(struct mended){ rec, (struct task_status *)(uintptr_t)tasks, n, .over = true, .there = true });
}

static void mend_state(struct core *c, const struct mended *m, const struct mend_how *how, const struct ctx *ctx, struct mends *out)
{
	const bool lost = exit_is_lost(m->rec) && !m->there && !monitored_is_restarting(m->rec, m->tasks, m->n),
		   cached = cni_is_cached(&c->conf.cni, m->rec->c.id);
	struct err why = ERR_INIT;
	int exit_code = m->there ? (int)m->tasks[0].exit.status : EXIT_LOST, r;

	if (!is_to_settle(c, m))
		return;
	r = how->dry_run ? 1 : mend_ended(c, m, ctx, &exit_code, &why);
	if (r > 0 && (lost || m->there))
		mends_add(out, MEND_STATE, c, m->rec, "ended while nobody looked: exit %d%s", exit_code,
			  lost ? ", since it is not known" : "");
	if (r > 0 && cached)
		mends_add(out, MEND_NETWORK, c, m->rec, "has ended: its addresses and ports are released");
	if (r < 0)
		mends_fail(out, MEND_STATE, c, m->rec, &why);
}

/* 1: one of its tasks was frozen by a commit that is no more. */
static int thaw_left(struct core *c, const struct mended *m, bool dry_run, const struct ctx *ctx, struct err *err)
{
	int any = 0;

	for (size_t i = 0; i < m->n; i++) {
		_cleanup_free_ char *id = m->tasks[i].state == TASK_PAUSED ? job_id_task(m->rec->c.id, i) : NULL;
		int r = id ? scratch_thaw(c, id, m->tasks[i].pid, dry_run, ctx, err) : 0;

		if (r < 0)
			return r;
		any |= r;
	}
	return any;
}

static void mend_frozen(struct core *c, const struct mended *m, const struct mend_how *how, const struct ctx *ctx,
			struct mends *out)
{
	struct err why = ERR_INIT;
	int r = thaw_left(c, m, how->dry_run, ctx, &why);

	if (r > 0)
		mends_add(out, MEND_STATE, c, m->rec, "goes on: a commit that was killed had frozen it");
	else if (r < 0)
		mends_fail(out, MEND_STATE, c, m->rec, &why);
}

/* network */

static bool has_netns(const struct job *j) { return j && j->network && strcmp(j->network, "host") != 0 && !job_foreign_netns(j); }

/* Its first process's; and it is still that of the task once we have it. */
static int netns_of_task(struct core *c, const char *id, pid_t pid, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/ns/net", (int)pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat its, ours;
	struct task_status t;
	int r = fd < 0 ? err_sys(err, errno, "%s", path) : task_look(c, id, ctx, &t, err);

	if (r < 0)
		return r;
	if (!task_may_live(&t) || t.pid != pid)
		return err_set(err, ERR_ABORTED, "it has ended meanwhile");
	if (fstat(fd, &its) < 0 || stat("/proc/self/ns/net", &ours) < 0)
		return err_sys(err, errno, "%s", path);
	if (its.st_ino == ours.st_ino && its.st_dev == ours.st_dev) /* a VM's monitor may be */
		return err_hint(err,
				err_set(err, ERR_PRECONDITION, "its network namespace is gone, and its process is in the host's"),
				"davit restart gives it another");
	return TAKE_FD(fd);
}

/* Of the first of its tasks that runs: they share it. -ERR_ABORTED: none does. */
static int netns_of_job(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	for (size_t i = 0; i < job_id_tasks(id); i++) {
		_cleanup_free_ char *task = job_id_task(id, i);
		struct task_status t;
		int r = task_look(c, task, ctx, &t, err);

		if (r >= 0 && (!task_may_live(&t) || t.state == TASK_UNKNOWN || !t.pid))
			continue;
		if (r >= 0)
			r = netns_of_task(c, task, t.pid, ctx, err);
		if (r != -ERR_ABORTED)
			return r;
		err_clear(err);
	}
	return err_set(err, ERR_ABORTED, "nothing of it runs");
}

int mend_netns(struct core *c, const char *id, const struct job *job, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = places_netns(id);
	_cleanup_close_ int ns = -1;
	int r = has_netns(job) ? netns_check(path, err) : 0, was = r;

	if (r != -ERR_NOT_FOUND && r != -ERR_INVALID)
		return r;
	err_clear(err);
	ns = netns_of_job(c, id, ctx, err);
	if (ns < 0)
		return ns == -ERR_ABORTED ? (err_clear(err), 0) : ns;
	if (was == -ERR_INVALID) /* what it was bound to stays behind when somebody unmounts it */
		(void)unlink(path);
	r = netns_keep(NETNS_DIR, id, ns, err);
	return r < 0 ? r : 1;
}

static bool netns_is_lost(const struct mended *m)
{
	_cleanup_free_ char *path = places_netns(m->rec->c.id);

	return !m->over && m->tasks[0].state != TASK_CREATED && has_netns(m->rec->job) && netns_check(path, NULL) < 0;
}

/* Under its lock. 1: it was bound again. */
static int mend_lost_netns(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *name = mem_strdup(rec->name);
	int lock = -1, r = record_lock(c, rec->c.id, &name, false, ctx, &lock, err);

	if (r == -ERR_EXISTS)
		return err_clear(err), 0;
	if (r >= 0)
		r = mend_netns(c, rec->c.id, rec->job, ctx, err);
	claim_unlock(c, name, lock);
	return r;
}

static void mend_network(struct core *c, const struct mended *m, const struct mend_how *how, const struct ctx *ctx,
			 struct mends *out)
{
	struct err why = ERR_INIT;
	int r;

	if (!netns_is_lost(m))
		return;
	r = how->dry_run ? 1 : mend_lost_netns(c, m->rec, ctx, &why);
	if (r > 0)
		mends_add(out, MEND_NETWORK, c, m->rec,
			  "its network namespace was not to be found in %s: bound there again from its process", NETNS_DIR);
	else if (r < 0)
		mends_fail(out, MEND_NETWORK, c, m->rec, &why);
}

/* lease */

static void mend_leases(struct core *c, const struct mend_how *how, const struct ctx *ctx, struct mends *out)
{
	_cleanup_strv_ struct strv lines = { 0 };
	struct err why = ERR_INIT;
	int r = reconcile_all(c, how->dry_run, ctx, &lines, &why);

	if (r >= 0)
		r = strays_remove(c, how->dry_run, ctx, &lines, &why);
	for (size_t i = 0; i < lines.n; i++)
		mends_add(out, MEND_LEASE, c, NULL, "removed %s", lines.v[i]);
	if (r < 0)
		mends_fail(out, MEND_LEASE, c, NULL, &why);
}

/* monitor */

static void mend_monitor(struct core *c, const struct mended *m, const struct mend_how *how, struct mends *out)
{
	if (!monitored_wants(m->rec, m->tasks, m->n) || monitored_now(c, m->rec->c.id) || claim_locked(c, m->rec->name))
		return;
	if (!how->dry_run)
		monitored_ensure(c, m->rec, m->tasks, m->n);
	mends_add(out, MEND_MONITOR, c, m->rec, "nobody looked after it: a davit-monitor does again");
}

static void mend_recovery(struct core *c, const struct mended *m, const struct mend_how *how, const struct ctx *ctx,
			  struct mends *out)
{
	struct err why = ERR_INIT;
	int r = broken_recovery_mend(c, m->rec, m->tasks, m->n, how->dry_run, ctx, &why);

	if (r < 0)
		mends_fail(out, MEND_START, c, m->rec, &why);
	else if (r == RECOVERY_STARTED)
		mends_add(out, MEND_START, c, m->rec,
			  "started: a recovery of its set had stopped it and was killed, and the job that had failed is gone");
	else if (r == RECOVERY_FORGOTTEN)
		mends_add(out, MEND_STATE, c, m->rec, "a recovery of its set was killed, and the job that had failed is gone");
}

bool mend_touched(struct core *c, const struct record *rec, const struct task_status *tasks, size_t n, const struct ctx *ctx)
{
	struct mended m = { .rec = rec, .tasks = (struct task_status *)(uintptr_t)tasks, .n = n, .over = true };
	int r;

	for (size_t i = 0; i < n; i++)
		m.over &= task_is_over(&tasks[i]);
	(void)thaw_left(c, &m, false, ctx, NULL);
	if (netns_is_lost(&m))
		(void)mend_lost_netns(c, rec, ctx, NULL);
	r = broken_recovery_mend(c, rec, tasks, n, false, ctx, NULL);
	if (r == 0)
		monitored_ensure(c, rec, tasks, n);
	return r == RECOVERY_STARTED;
}

/* Does the namespace's owner leave it to us? */
static bool is_ours(const struct record *rec, const struct mend_how *how)
{
	return !how->asking_only || (rec->job && monitored_asks(rec->job));
}

/* What there is in a namespace. */
struct mend_view {
	struct records recs;
	struct task_states states;
	struct mended *all;
	size_t n;
};

static void mend_view_done(struct mend_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->all[i].tasks);
	free(v->all);
	task_states_done(&v->states);
	records_done(&v->recs);
}

static int mend_look(struct core *c, const struct mend_how *how, const struct ctx *ctx, struct mend_view *ret, struct err *err)
{
	int r = record_list(c, ctx, &ret->recs, err);

	if (r >= 0)
		r = task_list(c, ctx, &ret->states, err);
	if (r < 0)
		return r;
	ret->all = mem_array(struct mended, ret->recs.n);
	for (size_t i = 0; i < ret->recs.n; i++)
		if (is_ours(&ret->recs.v[i], how))
			ret->all[ret->n++] = see_job(&ret->recs.v[i], &ret->states);
	return (int)ret->n;
}

int mend_jobs(struct core *c, const struct mend_how *how, const struct ctx *ctx, struct mends *ret, struct err *err)
{
	_cleanup_(mend_view_done) struct mend_view v = { 0 };
	const int n = mend_look(c, how, ctx, &v, err);

	for (int i = 0; i < n; i++) {
		mend_state(c, &v.all[i], how, ctx, ret);
		mend_frozen(c, &v.all[i], how, ctx, ret);
	}
	for (int i = 0; i < n; i++)
		mend_network(c, &v.all[i], how, ctx, ret);
	if (n >= 0 && !how->asking_only)
		mend_leases(c, how, ctx, ret);
	if (n < 0)
		return n;
	return how->no_monitors ? ctx_check(ctx, err) : mend_monitors(c, how, ctx, ret, err);
}

static int open_run(const struct core *c)
{
	_cleanup_free_ char *dir = places_run(c, "");

	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int mend_ended_begin(const struct core *c)
{
	int fd = open_run(c);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

void mend_ended_await(const struct core *c, const struct ctx *ctx)
{
	const struct ctx limit = ctx_within(ctx, AWAIT_MS);
	_cleanup_close_ int fd = open_run(c);

	while (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && ctx_check(&limit, NULL) >= 0)
		(void)poll(NULL, 0, AWAIT_PAUSE_MS);
}

int mend_ended_jobs(struct core *c, const struct ctx *ctx, struct err *err)
{
	const struct mend_how how = { 0 };
	_cleanup_(mend_view_done) struct mend_view v = { 0 };
	_cleanup_(mends_done) struct mends unsaid = { 0 };
	int r = mend_look(c, &how, ctx, &v, err);

	for (size_t i = 0; r >= 0 && i < v.n; i++) {
		if (mend_is_due(c, v.all[i].rec, v.all[i].tasks, v.all[i].n))
			mend_state(c, &v.all[i], &how, ctx, &unsaid);
		r = ctx_check(ctx, err);
	}
	return r < 0 ? r : 0;
}

int mend_monitors(struct core *c, const struct mend_how *how, const struct ctx *ctx, struct mends *ret, struct err *err)
{
	_cleanup_(mend_view_done) struct mend_view v = { 0 };
	const int n = mend_look(c, how, ctx, &v, err);

	for (int i = 0; i < n; i++) {
		ret->wanted += !v.all[i].over || monitored_is_restarting(v.all[i].rec, v.all[i].tasks, v.all[i].n);
		mend_recovery(c, &v.all[i], how, ctx, ret);
		mend_monitor(c, &v.all[i], how, ret);
	}
	return n < 0 ? n : ctx_check(ctx, err);
}
