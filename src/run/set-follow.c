#include "set-follow.h"
#include "claim.h"
#include "clock.h"
#include "crew.h"
#include "foreground.h"
#include "file.h"
#include "heir.h"
#include "job-ends.h"
#include "job-exit.h"
#include "job-remove.h"
#include "job-wait.h"
#include "log.h"
#include "mem.h"
#include "monitored.h"
#include "poststop.h"
#include "remains.h"
#include "stop.h"
#include "task-wait.h"
#include "term.h"
#include <string.h>
#include <sys/signalfd.h>

/* Whoever shows the set's logs asks it for the end. */
struct set_watch {
	struct run_set *set;
	const struct ctx *ctx;
	struct job_ends *ends;
	int sigfd; /* signals for the tasks; -1: none are */
};

/* Of one that is being started again, or stopped, somebody has the lock. The list was made before we look at that: a start may have
 * come to its end between, but none goes by as fast as one look. */
static bool is_gone_for_good(const struct run_task *t, const struct ctx *ctx)
{
	const char *name = t->run->job->name;
	struct task_status now;

	if (t->gone || t->run->n_tasks == 1 || t->task->lifecycle == LIFE_POSTSTOP)
		return !claim_locked(t->core, name);
	return !claim_locked(t->core, name) && task_look(t->core, t->id, ctx, &now, NULL) >= 0 && task_is_over(&now) &&
	       !claim_locked(t->core, name);
}

static void note_tasks(struct run *run, const struct task_states *states, const struct ctx *ctx)
{
	for (size_t k = 0; k < run->n_tasks; k++) {
		struct run_task *t = &run->tasks[k];
		const struct task_status *now = task_states_find(states, t->id);

		t->joined = t->task->lifecycle != LIFE_POSTSTOP;
		t->gone = now ? task_is_over(now) : is_gone_for_good(t, ctx);
		if (now && now->state == TASK_STOPPED)
			t->exit = now->exit;
	}
}

/* To each of its tasks, as those of a job whose output we copy; one that has ended, or was seen to and lives again, is asked too.
 */
static void hand_to_tasks(const struct set_watch *w, int sig)
{
	const struct run *run = w->set->runs;

	for (size_t i = 0; i < run->n_tasks; i++)
		if (!run->tasks[i].task->sandbox)
			(void)tasks_kill(run->core->ctrd, run->tasks[i].id, NULL, sig, false, w->ctx, NULL);
}

static void hand_signals_on(const struct set_watch *w)
{
	struct signalfd_siginfo si;

	while (w->sigfd >= 0 && read(w->sigfd, &si, sizeof si) == (ssize_t)sizeof si)
		if (si.ssi_signo != SIGWINCH)
			hand_to_tasks(w, (int)si.ssi_signo);
}

/* What has to end with others is ended; the lines that come meanwhile stand in the logs. */
static enum logmore_answer set_look(void *arg, struct logread *unused)
{
	const struct set_watch *w = arg;
	const bool looked = job_ends_look(w->ends);

	(void)unused;
	hand_signals_on(w);
	for (size_t i = 0; looked && i < w->set->n; i++) {
		struct run *run = &w->set->runs[i];
		struct err err = ERR_INIT;

		note_tasks(run, job_ends_tasks(w->ends), w->ctx);
		if (run->n_tasks > 1 && crew_stop_others(run, run->core, &err) < 0)
			log_warn("job %s: %s", run->job->name, err.msg);
	}
	return job_ends_all(w->ends) ? LOGMORE_OVER : LOGMORE_NONE_YET;
}

static bool set_ended(void *arg) { return job_ends_all(((const struct set_watch *)arg)->ends); }

static size_t count_tasks(const struct run_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		n += set->runs[i].n_tasks;
	return n;
}

static char *task_name(const struct run_task *t)
{
	return *t->task->name ? mem_printf("%s.%s", t->run->job->name, t->task->name) : mem_strdup(t->run->job->name);
}

static void name_tasks(const struct run_set *set, struct prefixes *ret)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (set->alone) {
		prefixes_make(set->runs[0].job, term_color(STDOUT_FILENO), ret);
		return;
	}
	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->runs[i].n_tasks; k++)
			strv_own(&names, task_name(&set->runs[i].tasks[k]));
	prefixes_of((const char *const *)strv_argv(&names), names.n, term_color(STDOUT_FILENO), ret);
}

/* Those of one kind: the poststop tasks' are printed when they have ended. */
static int print_logs(struct set_watch *w, bool last, const struct ctx *ctx, struct err *err)
{
	const struct run_set *set = w->set;
	_cleanup_free_ struct logread *reads = mem_array(struct logread, count_tasks(set));
	_cleanup_(prefixes_done) struct prefixes prefixes = { 0 };
	_cleanup_strv_ struct strv paths = { 0 };
	const struct logmore more = { set_look, w };
	size_t m = 0, number = 0;

	name_tasks(set, &prefixes);
	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->runs[i].n_tasks; k++, number++) {
			const struct run_task *t = &set->runs[i].tasks[k];
			_cleanup_free_ char *path = places_log(set->core, t->id);

			if (t->task->log != JOB_LOG_FILE || last != (t->task->lifecycle == LIFE_POSTSTOP) ||
			    (last && !file_exists(path)))
				continue;
			strv_push(&paths, path);
			reads[m] = (struct logread){ .path = paths.v[m],
						     .tail = -1,
						     .follow = !last,
						     .prefix = prefixes.v[number],
						     .out_fd = STDOUT_FILENO,
						     .err_fd = STDERR_FILENO,
						     .ended = set_ended,
						     .arg = w,
						     .wake_fd = -1 };
			m++;
		}
	return m || !last ? logfile_read_all(reads, m, last ? NULL : &more, ctx, err) : 0;
}

/* Opened before anything is printed: a task that is removed by others takes its exit with it. */
static struct task_wait **open_waits(struct run_set *set)
{
	struct task_wait **waits = mem_array(struct task_wait *, count_tasks(set));
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->runs[i].n_tasks; k++)
			waits[n++] = task_wait_new(set->core, set->runs[i].tasks[k].id, NULL, TAKE_PTR(set->runs[i].tasks[k].wait));
	return waits;
}

static void take_later(struct ctrd_exit *have, const struct ctrd_exit *other)
{
	if (other->at > have->at)
		*have = *other;
}

/* That of its last life: as it was seen, as its record has it, or as the first Wait said. */
static int task_last_exit(struct run_task *t, struct task_wait *wait, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	struct ctrd_exit other = { 0 };
	int code;

	while (!task_wait_over(wait)) {
		int r = loop_turn(t->core->loop, ctx, err);

		if (r < 0)
			return r;
	}
	*ret = t->exit;
	if (task_wait_result(wait, &other, NULL) >= 0)
		take_later(ret, &other);
	if (record_get(t->core, t->id, ctx, &rec, NULL) < 0)
		return 0;
	if (t->run->n_tasks > 1 ? record_task_exit(&rec, &other) : record_exit(&rec, &code, &other.at)) {
		other.status = t->run->n_tasks > 1 ? other.status : (uint32_t)code;
		take_later(ret, &other);
	}
	return 0;
}

static int job_last_exit(struct run *run, struct task_wait *const *waits, const struct ctx *ctx, int *ret_code, struct err *err)
{
	_cleanup_free_ struct ctrd_exit *exits = mem_array(struct ctrd_exit, run->n_tasks);
	int r = 0;

	if (monitored_to_the_end(run->job) && job_wait(run->core, run->id, ctx, ret_code, NULL) >= 0)
		return 0;
	for (size_t k = 0; r >= 0 && k < run->n_tasks; k++) {
		r = task_last_exit(&run->tasks[k], waits[k], ctx, &exits[k], err);
		if (!exits[k].at && run->tasks[k].task->lifecycle != LIFE_POSTSTOP)
			exits[k] = (struct ctrd_exit){ .status = STREAMS_LOST, .at = clock_wall() };
	}
	*ret_code = (int)job_exit_of(run->job, exits, run->n_tasks).status;
	return r;
}

static int set_exit(struct run_set *set, struct task_wait *const *waits, const struct ctx *ctx, int *ret_exit, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; n += set->runs[i].n_tasks, i++) {
		int code = 0, r = job_last_exit(&set->runs[i], &waits[n], ctx, &code, err);

		if (r < 0)
			return r;
		if (!*ret_exit)
			*ret_exit = code;
	}
	return 0;
}

/* 0: all are over. 1: nobody reads any more. Interrupted (-ERR_CANCELLED), all go on. */
static int set_follow(struct run_set *set, const struct ctx *ctx, int *ret_exit, struct err *err)
{
	struct task_wait **waits = open_waits(set);
	const struct console *console = set->alone && set->opts.sig_proxy ? set->opts.console : NULL;
	struct set_watch watch = { .set = set, .ctx = ctx, .ends = job_ends_new(set->core, ctx), .sigfd = -1 };
	struct console_was was;
	int r;

	if (console)
		watch.sigfd = console->signals_take(CONSOLE_BUT_ENDS, &was);
	for (size_t i = 0; i < set->n; i++)
		job_ends_add(watch.ends, set->runs[i].id);
	r = print_logs(&watch, false, ctx, err);
	if (r == 0)
		r = set_exit(set, waits, ctx, ret_exit, err);
	for (size_t i = 0; i < count_tasks(set); i++)
		task_wait_free(waits[i]);
	free(waits);
	job_ends_free(watch.ends);
	if (watch.sigfd >= 0)
		console->signals_give_back(watch.sigfd, &was);
	return r;
}

static int load_all(struct run_set *set, struct record *recs, const struct record **of, size_t *ret_n, const struct ctx *ctx,
		    struct err *err)
{
	for (size_t i = 0; i < set->n; i++) {
		int r = record_find(set->core, set->runs[i].id, ctx, &recs[*ret_n], err);

		if (r == -ERR_NOT_FOUND) { /* somebody has removed it */
			err_clear(err);
			continue;
		}
		if (r < 0)
			return r;
		of[*ret_n] = &recs[*ret_n];
		++*ret_n;
	}
	return 0;
}

/* For good: in the foreground an interrupt is for them. */
static int set_follow_stop(struct run_set *set, struct err *err)
{
	struct record *recs = mem_array(struct record, set->n);
	_cleanup_free_ const struct record **of = mem_array(const struct record *, set->n);
	const struct ctx ctx = { 0 };
	size_t n = 0;
	int r = load_all(set, recs, of, &n, &ctx, err);

	for (size_t i = 0; r >= 0 && i < n; i++) /* so that nobody starts them again */
		r = monitored_stop(set->core, &recs[i], &ctx, err);
	if (r >= 0)
		r = stop_all(set->core, of, n, -1, &ctx, err);
	for (size_t i = 0; i < n; i++)
		record_done(&recs[i]);
	free(recs);
	return r < 0 ? r : 0;
}

static int end_one(struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r;

	if (run->job->remove) {
		r = job_remove(run->core, run->id, false, true, ctx, err);
		(void)heir_tell(run->heir, HEIR_DONE, -1);
	} else {
		r = record_get(run->core, run->id, ctx, &rec, err);
		if (r >= 0)
			r = remains_after_end(run->core, &rec, ctx, err);
	}
	if (r == -ERR_NOT_FOUND)
		r = (err_clear(err), 0);
	return r < 0 ? r : 0;
}

/* Side by side; then what they have said. */
static void run_poststop(struct run_set *set, bool patient)
{
	_cleanup_free_ const char **ids = mem_array(const char *, set->n);
	const struct ctx ctx = ctx_none();
	struct set_watch watch = { .set = set, .sigfd = -1 };
	struct err err = ERR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		if (poststop_wanted(set->runs[i].job))
			ids[n++] = set->runs[i].id;
	if (!n)
		return;
	poststop_of_jobs(set->core, ids, n, patient ? POSTSTOP_PATIENT : -1, &ctx);
	if (print_logs(&watch, true, &ctx, &err) < 0)
		log_warn("poststop tasks: %s", err.msg);
}

/* They have ended: their poststop tasks take as long as they do when @patient. */
static int set_follow_end(struct run_set *set, bool patient, struct err *err)
{
	struct ctx ctx;
	int first = 0;

	run_poststop(set, patient);
	ctx = ctx_within(NULL, set_undo_ms(set)); /* from now on: those may have taken long */
	for (size_t i = 0; i < set->n; i++) {
		struct err why = ERR_INIT;
		int r = end_one(&set->runs[i], &ctx, &why);

		if (r < 0 && !first) {
			first = r;
			if (err)
				*err = why;
		}
	}
	return first;
}

void set_leave(struct run_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		foreground_leave(&set->runs[i]);
}

/* The heirs are told once it is known what is left for them. */
int set_stay(struct run_set *set, const struct ctx *ctx, int *ret_exit, struct err *err)
{
	int r = set_follow(set, ctx, ret_exit, err);
	const bool ended = r == 0, cancelled = r == -ERR_CANCELLED && ctx && ctx->cancel && ctx->cancel->on;

	if (cancelled || r > 0)
		err_clear(err);
	if (r > 0 || (cancelled && set->alone && !set->opts.sig_proxy)) {
		*ret_exit = STREAMS_SIGPIPE;
		set_leave(set);
		return r > 0 ? STREAMS_UNREAD : STREAMS_DETACHED;
	}
	if (cancelled) {
		*ret_exit = 128 + ctx->cancel->on;
		r = set_follow_stop(set, err);
	}
	if (r >= 0)
		return set_follow_end(set, ended, err);
	set_leave(set);
	return r;
}
