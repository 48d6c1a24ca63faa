/* Theory of operation: davit copies a foreground job's output; its heir (heir.h) waits beside it. When the job ends, davit says
 * so and leaves: a --rm job is removed by the heir, which gets the lock for that. When davit ends before the job, the heir reads
 * on from the FIFOs into the job's log, or drops what it reads where there is to be none, waits for the end, and removes a --rm
 * job then. A detached --rm job, which logs by itself, has an heir for the second half only, and so
 * has a detached pod: its machine is to end with its tasks.
 *
 * Under davit's own shim none of that goes on beside a job of one task (shim-streams.h): the shim reads on, and has the job
 * removed. An heir is made there only when there is something for it to do at once: the removal behind the answer, and what a
 * terminal's end asks for. */
#include "foreground.h"
#include "clock.h"
#include "crew.h"
#include "heir.h"
#include "job-pod.h"
#include "job-steps.h"
#include "job-wait.h"
#include "log.h"
#include "mem.h"
#include "monitored.h"
#include "poststop.h"
#include "remains.h"
#include "set-follow.h"
#include "shim-streams.h"
#include "task-wait.h"
#include <signal.h>
#include <string.h>

/* Everything of a job that has ended, its lock held. Whoever held that before us may have removed the job already, and made another
 * of that name, or started it again: then nothing. */
static int remove_job(const struct run *run, struct core *core, struct err *err)
{
	struct ctx ctx = ctx_within(NULL, run_undo_ms(core));
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	int r = remains_is_over(core, run->id, &ctx, &over, err);

	return r <= 0 ? r : remains_remove(core, run->job->name, over, true, &ctx, err);
}

/* In the heir: the job has ended, and its lock is ours. */
static void heir_remove(const struct run *run, int lock)
{
	_cleanup_(core_freep) struct core *core = heir_connect(run->core, NULL, 0);

	if (core && remove_job(run, core, NULL) >= 0)
		claim_unlock(core, run->job->name, lock);
}

static void foreground_on_patience(void *arg) { streams_signal(arg, SIGKILL); }
static void crew_on_patience(void *arg) { crew_signal(arg, SIGKILL); }

static int64_t longest_stop(const struct run *run)
{
	int64_t most = 0;

	for (size_t i = 0; i < run->n_tasks; i++)
		most = run->tasks[i].task->stop_timeout > most ? run->tasks[i].task->stop_timeout : most;
	return most * NSEC_PER_SEC;
}

/* Those that were started. */
static int heir_wait_crew(struct run *run, struct core *core, enum heir_word word)
{
	_cleanup_(timer_done) struct timer patience = { 0 };
	struct err err = ERR_INIT;
	int r;

	for (size_t i = 0; i < run->n_tasks; i++) {
		struct run_task *t = &run->tasks[i];

		const bool unsure = word == HEIR_LOST || t->task->lifecycle == LIFE_POSTSTOP;

		if (!t->streams || (unsure && !heir_was_started(core, NULL, 0, t->id, NULL)))
			continue;
		if (word == HEIR_LOST)
			streams_close_stdin(t->streams);
		streams_begin(t->streams, core, t->id, NULL, NULL);
		t->joined = true;
	}
	timer_init(&patience, core->loop, crew_on_patience, run);
	if (word == HEIR_HANG_UP)
		crew_signal(run, SIGHUP);
	if (word == HEIR_HANG_UP && run->job->remove)
		timer_set(&patience, clock_mono() + longest_stop(run));
	r = crew_run(run, core, NULL, &err);
	return r < 0 ? r : 0;
}

/* Of a detached job, whose tasks log by themselves: those that were started. */
static int heir_wait_detached(struct run *run, struct core *core, enum heir_word word)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < run->n_tasks; i++) {
		struct run_task *t = &run->tasks[i];

		t->joined =
			t->task->lifecycle != LIFE_POSTSTOP && (word != HEIR_LOST || heir_was_started(core, NULL, 0, t->id, NULL));
		t->gone = false;
	}
	return crew_wait(run, core, &err);
}

/* Until the process has ended. */
static int heir_wait(struct run *run, struct core *core, enum heir_word word)
{
	struct ctrd_exit unused;
	struct err err = ERR_INIT;
	_cleanup_(timer_done) struct timer patience = { 0 };
	int r;

	if (!run->tasks[0].streams)
		return heir_wait_detached(run, core, word);
	if (run->n_tasks > 1)
		return heir_wait_crew(run, core, word);
	timer_init(&patience, core->loop, foreground_on_patience, run->tasks[0].streams);
	if (word == HEIR_LOST)
		streams_close_stdin(run->tasks[0].streams);
	if (word == HEIR_HANG_UP)
		streams_signal(run->tasks[0].streams, SIGHUP);
	if (word == HEIR_HANG_UP && run->job->remove) /* nobody will ever see it again */
		timer_set(&patience, clock_mono() + run->tasks[0].task->stop_timeout * NSEC_PER_SEC);
	r = streams_run(run->tasks[0].streams, core, run->id, NULL, NULL, NULL, &unused, &err);
	return r < 0 ? r : 0;
}

static struct logfile *heir_log(const struct run_task *t)
{
	_cleanup_free_ char *path = places_log(t->core, t->id);
	struct logfile *log = t->log;

	if (t->task->log == JOB_LOG_NONE || shim_is_heir(t->run) || (!log && t->task->log != JOB_LOG_FILE))
		return NULL;
	if (!log) /* davit wrote none: it would have removed the job */
		log = logfile_new(path, t->task->log_max_size, t->task->log_max_files);
	logfile_inherit(log);
	return log;
}

/* Whoever removed the job may have come before we made its log. */
static void heir_drop_logs(const struct run *run, struct core *core)
{
	_cleanup_(record_done) struct record rec = { 0 };
	const struct ctx ctx = ctx_within(NULL, run_undo_ms(core));

	if (record_get(core, run->id, &ctx, &rec, NULL) != -ERR_NOT_FOUND)
		return;
	for (size_t i = 0; i < run->n_tasks; i++) {
		_cleanup_free_ char *path = places_log(core, run->tasks[i].id), *dir = places_logs(core, run->tasks[i].id);

		(void)logfile_remove(path, NULL);
		(void)rmdir(dir);
	}
}

/* What it copies from now on goes to the logs. How many streams there are. */
static size_t heir_inherit(struct run *run, struct streams **ret, bool *ret_logs)
{
	size_t n = 0;

	*ret_logs = false;
	for (size_t i = 0; i < run->n_tasks; i++) {
		struct run_task *t = &run->tasks[i];

		if (!t->streams)
			continue;
		t->log = heir_log(t);
		*ret_logs |= t->log != NULL;
		if (t->results)
			results_inherit(t->results);
		ledger_free(TAKE_PTR(t->ledger));
		streams_inherit(t->streams, t->log, t->results);
		ret[n++] = t->streams;
	}
	return n;
}

/* Were any? */
static bool heir_began(struct core *core, const struct run *run, struct streams *const *streams, size_t n)
{
	for (size_t i = 0; i < run->n_tasks; i++)
		if (heir_was_started(core, streams, n, run->tasks[i].id, NULL))
			return true;
	return false;
}

/* In the heir: the job goes on without davit. */
static void heir_go_on(struct run *run, enum heir_word word)
{
	_cleanup_free_ struct streams **streams = mem_array(struct streams *, run->n_tasks);
	_cleanup_free_ char *name = mem_strdup(run->job->name);
	_cleanup_(core_freep) struct core *core = NULL;
	bool logs;
	size_t n = heir_inherit(run, streams, &logs);
	int r = -ERR_NOT_FOUND, lock;

	core = heir_connect(run->core, streams, n);
	if (!core)
		return;
	if (word != HEIR_LOST || heir_began(core, run, streams, n))
		r = heir_wait(run, core, word);
	for (size_t i = 0; i < run->n_tasks; i++)
		logfile_free(TAKE_PTR(run->tasks[i].log));
	if (logs)
		heir_drop_logs(run, core);
	if (word == HEIR_LOST && r == -ERR_NOT_FOUND) /* it was never started, or somebody has removed it */
		return;
	if (r < 0 && r != -ERR_NOT_FOUND) /* nothing says that it has ended: prune will know */
		return;
	for (size_t i = 0; i < n; i++)
		streams_free(streams[i]);
	if (poststop_wanted(run->job) && !monitored_to_the_end(run->job)) /* else this may be between two lives */
		poststop_of_jobs(core, (const char *const[]){ run->id }, 1, POSTSTOP_PATIENT, NULL);
	if (!run->job->remove || record_lock(core, run->id, &name, false, NULL, &lock, NULL) < 0)
		return; /* somebody stops it: they do what we would */
	claim_lock_removing(lock);
	(void)remove_job(run, core, NULL);
	claim_unlock(core, name, lock);
}

static void heir_main(void *arg, enum heir_word word, int lock)
{
	if (word == HEIR_REMOVE)
		heir_remove(arg, lock);
	else
		heir_go_on(arg, word);
}

bool heir_wanted(const void *state)
{
	const struct run *run = state;

	return run->n_tasks > 1 && run->opts->mode == RUN_FOREGROUND && !run->stopping;
}

int heir_begin(void *state, const struct ctx *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	foreground_heir(state);
	return 0;
}

void foreground_heir(struct run *run)
{
	_cleanup_free_ struct streams **streams = mem_array(struct streams *, run->n_tasks);
	size_t n = 0;

	for (size_t i = 0; i < run->n_tasks; i++)
		if (run->tasks[i].streams)
			streams[n++] = run->tasks[i].streams;
	if (!run->opts->heir || run->heir || (!n && !run->job->remove && (!job_is_pod(run->job) || monitored_to_the_end(run->job))))
		return;
	run->heir = heir_new(run->core, streams, n, run->opts->heir, heir_main, run);
	if (!run->heir)
		log_warn("job %s: nobody waits to go on without davit: %s", run->job->name, strerror(errno));
}

void foreground_leave(struct run *run) { (void)heir_tell(run->heir, HEIR_CARRY_ON, -1); }

static void time_row(struct timing *t, const char *name, int64_t origin, int64_t began)
{
	timing_add(t, name, "", began - origin, clock_mono() - origin);
}

/* The answer is known, so nobody waits for the removal. The heir gets the job's lock, which says what is done under it, so whoever
 * wants the name next waits for that. */
static bool remove_behind(struct run *run)
{
	if (shim_is_heir(run))
		foreground_heir(run);
	if (!heir_tell(run->heir, HEIR_REMOVE, run->lock))
		return false;
	(void)close(TAKE_FD(run->lock));
	return true;
}

static int settle_run(struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_get(run->core, run->id, ctx, &rec, err);

	if (r >= 0)
		r = remains_settle(run->core, &rec, ctx, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	return r < 0 ? r : 0;
}

static int after_exit(struct run *run, struct err *err)
{
	struct ctx ctx = ctx_within(NULL, run_undo_ms(run->core));
	_cleanup_free_ char *name = mem_strdup(run->job->name);
	int r = core_reconnect(run->core, err);

	if (r >= 0)
		r = record_lock(run->core, run->id, &name, false, &ctx, &run->lock, err);
	if (r == -ERR_EXISTS) { /* somebody is stopping or removing it: they do what we would */
		err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	if (run->job->remove) {
		claim_lock_removing(run->lock);
		if (!strcmp(name, run->job->name) && remove_behind(run)) /* the heir knows no other name */
			return 0;
		r = remove_job(run, run->core, err);
	} else {
		r = settle_run(run, &ctx, err);
	}
	claim_unlock(run->core, name, TAKE_FD(run->lock));
	return r;
}

static void end_foreground(struct run *run, int64_t origin)
{
	struct err err = ERR_INIT;
	int64_t began = clock_mono();

	for (size_t i = 0; i < run->n_tasks; i++) {
		streams_free(TAKE_PTR(run->tasks[i].streams));
		logfile_free(TAKE_PTR(run->tasks[i].log));
	}
	if (after_exit(run, &err) < 0)
		log_warn("job %s: %s; mend with: davit rm -f %s", run->job->name, err.msg, run->job->name);
	(void)heir_tell(run->heir, HEIR_DONE, -1);
	time_row(run->opts->timing, run->job->remove ? "remove" : "settle", origin, began);
}

/* The heir reads on; of a reader that has gone it learns by our end. */
static void leave_to_heir(struct run *run, enum streams_end end)
{
	for (size_t i = 0; i < run->n_tasks; i++)
		logfile_free(TAKE_PTR(run->tasks[i].log)); /* which it opens */
	if (end == STREAMS_DETACHED)
		foreground_leave(run);
	if (end == STREAMS_HUNG_UP && shim_is_heir(run)) /* what is left is for one */
		foreground_heir(run);
	if (end == STREAMS_HUNG_UP)
		(void)heir_tell(run->heir, HEIR_HANG_UP, -1);
}

/* The signal was for us alone: the job goes on. */
static int ends_us_alone(const struct run *run, const struct ctx *ctx)
{
	return run->n_tasks == 1 && run->tasks[0].task->tty && ctx && ctx->cancel && ctx->cancel->on == SIGHUP ? STREAMS_HUNG_UP
													       : STREAMS_DETACHED;
}

/* Each task has ended once, and its monitor starts some again; what those print is in their logs. */
static int await_for_good(struct run *run, const struct ctx *ctx, struct run_result *ret, struct err *err)
{
	int r;

	for (size_t i = 0; i < run->n_tasks; i++) {
		streams_free(TAKE_PTR(run->tasks[i].streams));
		logfile_free(TAKE_PTR(run->tasks[i].log));
	}
	(void)heir_tell(run->heir, HEIR_DONE, -1);
	r = job_wait(run->core, run->id, ctx, &ret->exit_code, err);
	ret->exited = r >= 0;
	return r < 0 ? r : 0;
}

static bool is_followed(const struct task *t)
{
	if (t->log != JOB_LOG_FILE || t->tty || t->stdin_open || (t->lifecycle == LIFE_PRESTART && !t->sidecar))
		return false;
	for (size_t i = 0; i < t->n_depends_on; i++)
		if (t->depends_on[i].when == DEPEND_HEALTHY || t->depends_on[i].when == DEPEND_COMPLETED)
			return false;
	return true;
}

bool foreground_follows(const struct run *run)
{
	const struct job *j = run->job;

	if (run->opts->mode != RUN_FOREGROUND || j->n_tasks == 1 || !run_is_new(run) || !monitored_to_the_end(j) ||
	    !monitored_may_restart(j))
		return false;
	for (size_t i = 0; i < j->n_tasks; i++)
		if (!is_followed(&j->tasks[i]))
			return false;
	return true;
}

int foreground_follow(struct run *run, const struct ctx *ctx, struct run_result *ret, struct err *err)
{
	struct run_set one = { .core = run->core, .opts = *run->opts, .runs = run, .n = 1, .foreground = true, .alone = true };
	int r = set_stay(&one, ctx, &ret->exit_code, err);

	ret->exited = r == 0;
	ret->detached = r == STREAMS_DETACHED;
	return r < 0 ? r : 0;
}

int foreground_run(struct run *run, const struct ctx *ctx, struct run_result *ret, int64_t origin, struct err *err)
{
	struct ctrd_exit exit = { 0 };
	int64_t began = clock_mono();
	const bool crew = run->n_tasks > 1;
	int r = crew ? crew_run(run, run->core, ctx, err)
		     : streams_run(run->tasks[0].streams, run->core, run->id, NULL, TAKE_PTR(run->tasks[0].wait), ctx, &exit, err);

	if (r == STREAMS_EXITED)
		ret->exit_code = crew ? crew_exit_code(run) : streams_exit_code(run->tasks[0].streams, &exit);
	if (r == STREAMS_EXITED && crew && monitored_to_the_end(run->job))
		return await_for_good(run, ctx, ret, err);
	if (r == STREAMS_EXITED && poststop_wanted(run->job))
		r = poststop_foreground(run, ctx, err);
	if (r == -ERR_CANCELLED && !run->opts->sig_proxy) {
		err_clear(err);
		r = ends_us_alone(run, ctx);
	}
	time_row(run->opts->timing, "run", origin, began);
	if (r == STREAMS_EXITED || r == -ERR_NOT_FOUND) /* its task is gone: somebody has removed it */
		end_foreground(run, origin);
	else
		leave_to_heir(run, r < 0 ? STREAMS_UNREAD : (enum streams_end)r);
	if (r < 0)
		return r;
	ret->exited = r == STREAMS_EXITED;
	ret->detached = r == STREAMS_DETACHED;
	if (r == STREAMS_UNREAD || r == STREAMS_HUNG_UP)
		ret->exit_code = r == STREAMS_UNREAD ? STREAMS_SIGPIPE : STREAMS_SIGHUP;
	return 0;
}
