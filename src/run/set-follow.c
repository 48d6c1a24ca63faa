#include "set-follow.h"
#include "clock.h"
#include "crew.h"
#include "file.h"
#include "heir.h"
#include "job-exit.h"
#include "job-remove.h"
#include "log.h"
#include "mem.h"
#include "poststop.h"
#include "remains.h"
#include "stop.h"
#include "task-wait.h"
#include <string.h>

enum { LOOK_MS = 250 };

/* One look at all tasks serves all followers. */
struct set_watch {
	struct run_set *set;
	struct core *core;
	struct task_states states;
	int64_t looked; /* clock_mono(); 0: never */
	bool known;
};

struct set_follower {
	struct set_watch *watch;
	const char *id;
};

/* What has to end with others is ended; the lines that come meanwhile stand in the logs. */
static void end_others(struct set_watch *w)
{
	for (size_t i = 0; i < w->set->n; i++) {
		struct run *run = &w->set->runs[i];
		struct err err = ERR_INIT;

		for (size_t k = 0; k < run->n_tasks; k++) {
			struct run_task *t = &run->tasks[k];
			const struct task_status *now = task_states_find(&w->states, t->id);

			t->joined = t->task->lifecycle != LIFE_POSTSTOP;
			t->gone |= !now || task_is_over(now);
		}
		if (run->n_tasks > 1 && crew_stop_others(run, w->core, &err) < 0)
			log_warn("job %s: %s", run->job->name, err.msg);
	}
}

static bool set_task_ended(void *arg)
{
	const struct set_follower *f = arg;
	struct set_watch *w = f->watch;
	const struct task_status *t;

	if (!w->looked || clock_mono() - w->looked > LOOK_MS * NSEC_PER_MSEC) {
		task_states_done(&w->states);
		w->known = core_reconnect(w->core, NULL) >= 0 && task_list(w->core, NULL, &w->states, NULL) >= 0;
		w->looked = clock_mono();
		if (w->known)
			end_others(w);
	}
	t = task_states_find(&w->states, f->id);
	return w->known && (!t || task_is_over(t));
}

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

static int widest_name(const struct run_set *set)
{
	size_t most = 0;

	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->runs[i].n_tasks; k++) {
			_cleanup_free_ char *name = task_name(&set->runs[i].tasks[k]);

			most = strlen(name) > most ? strlen(name) : most;
		}
	return (int)most;
}

/* Those of one kind: the poststop tasks' are printed when they have ended. */
static int print_logs(struct run_set *set, bool last, const struct ctx *ctx, struct err *err)
{
	const size_t n = count_tasks(set);
	const int width = widest_name(set);
	_cleanup_free_ struct logread *reads = mem_array(struct logread, n);
	_cleanup_free_ struct set_follower *followers = mem_array(struct set_follower, n);
	_cleanup_strv_ struct strv paths = { 0 }, prefixes = { 0 };
	struct set_watch watch = { .set = set, .core = set->core };
	size_t m = 0;
	int r;

	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->runs[i].n_tasks; k++) {
			const struct run_task *t = &set->runs[i].tasks[k];
			_cleanup_free_ char *name = task_name(t), *path = NULL;

			if (t->task->log != JOB_LOG_FILE || last != (t->task->lifecycle == LIFE_POSTSTOP))
				continue;
			path = places_log(set->core, t->id);
			if (last && !file_exists(path))
				continue;
			strv_push(&paths, path);
			strv_pushf(&prefixes, "%-*s | ", width, name);
			followers[m] = (struct set_follower){ &watch, t->id };
			reads[m] = (struct logread){ .path = paths.v[m],
						     .tail = -1,
						     .follow = !last,
						     .prefix = prefixes.v[m],
						     .out_fd = STDOUT_FILENO,
						     .err_fd = STDERR_FILENO,
						     .ended = set_task_ended,
						     .arg = &followers[m],
						     .wake_fd = -1 };
			m++;
		}
	r = m ? logfile_read_all(reads, m, ctx, err) : 0;
	task_states_done(&watch.states);
	return r;
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

static int await_all(struct run_set *set, struct task_wait *const *waits, const struct ctx *ctx, int *ret_exit, struct err *err)
{
	size_t n = 0;

	*ret_exit = 0;
	for (size_t i = 0; i < set->n; i++) {
		struct run *run = &set->runs[i];
		_cleanup_free_ struct ctrd_exit *exits = mem_array(struct ctrd_exit, run->n_tasks);
		struct ctrd_exit exit;

		for (size_t k = 0; k < run->n_tasks; k++, n++) {
			while (!task_wait_over(waits[n])) {
				int r = loop_turn(set->core->loop, ctx, err);

				if (r < 0)
					return r;
			}
			if (task_wait_result(waits[n], &exits[k], NULL) < 0 && run->tasks[k].task->lifecycle != LIFE_POSTSTOP)
				exits[k] = (struct ctrd_exit){ .status = STREAMS_LOST, .at = clock_wall() };
		}
		exit = job_exit_of(run->job, exits, run->n_tasks);
		if (!*ret_exit)
			*ret_exit = (int)exit.status;
	}
	return 0;
}

int set_follow(struct run_set *set, const struct ctx *ctx, int *ret_exit, struct err *err)
{
	struct task_wait **waits = open_waits(set);
	int r = print_logs(set, false, ctx, err);

	if (r == 0)
		r = await_all(set, waits, ctx, ret_exit, err);
	for (size_t i = 0; i < count_tasks(set); i++)
		task_wait_free(waits[i]);
	free(waits);
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

int set_follow_stop(struct run_set *set, struct err *err)
{
	struct record *recs = mem_array(struct record, set->n);
	_cleanup_free_ const struct record **of = mem_array(const struct record *, set->n);
	const struct ctx ctx = { 0 };
	size_t n = 0;
	int r = load_all(set, recs, of, &n, &ctx, err);

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
	struct err err = ERR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		if (poststop_wanted(set->runs[i].job))
			ids[n++] = set->runs[i].id;
	if (!n)
		return;
	poststop_of_jobs(set->core, ids, n, patient ? POSTSTOP_PATIENT : -1, &ctx);
	if (print_logs(set, true, &ctx, &err) < 0)
		log_warn("poststop tasks: %s", err.msg);
}

int set_follow_end(struct run_set *set, bool patient, struct err *err)
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
