#include "claim.h"
#include "clock.h"
#include "file.h"
#include "job-logs.h"
#include "job-name.h"
#include "kept-logs.h"
#include "logfile.h"
#include "mem.h"
#include "monitored.h"
#include "poststop.h"
#include "prefixes.h"
#include "remains.h"
#include "task.h"
#include <string.h>

enum { LOOK_MS = 200 };

/* A job that is followed; all its tasks ask for its end together. */
struct followed {
	struct core *core;
	char *id;       /* NULL: it was removed, and nobody writes to its logs any more */
	int64_t looked; /* clock_mono(); 0: never */
	bool over;
};

/* The log of one task. */
struct source {
	struct followed *of;
	char *path, *job, *task; /* task "": the job has only this one */
};

struct sources {
	struct core *core;
	const struct logs_opts *opts;
	struct source *v;
	size_t n, cap;
	struct followed **followed;
	size_t n_followed, cap_followed;
};

static void sources_done(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].path);
		free(s->v[i].job);
		free(s->v[i].task);
	}
	for (size_t i = 0; i < s->n_followed; i++) {
		free(s->followed[i]->id);
		free(s->followed[i]);
	}
	free(s->v);
	free(s->followed);
}

static struct followed *sources_follow(struct sources *s, const char *id)
{
	struct followed *f = mem_new(struct followed);

	*f = (struct followed){ .core = s->core, .id = mem_strdup(id), .over = !id };
	s->followed = mem_grow(s->followed, &s->cap_followed, s->n_followed + 1, sizeof *s->followed);
	s->followed[s->n_followed++] = f;
	return f;
}

static void sources_add(struct sources *s, struct followed *of, char *path, const char *job, const char *task)
{
	s->v = mem_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
	s->v[s->n++] = (struct source){ of, path, mem_strdup(job), mem_strdup(task) };
}

/* its end */

/* Its monitor has those run that come last before it settles the job. */
static bool last_are_to_come(const struct record *rec, const struct task_status *tasks, size_t n)
{
	bool left = false, due = false;

	if (!rec->job || rec->job->n_tasks != n || !monitored_to_the_end(rec->job))
		return false;
	for (size_t i = 0; i < n; i++) {
		left |= tasks[i].state == TASK_STOPPED;
		due |= tasks[i].state == TASK_ABSENT && rec->job->tasks[i].lifecycle == LIFE_POSTSTOP;
	}
	return left && due;
}

static bool job_has_ended(struct core *c, const struct record *rec)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };
	_cleanup_free_ struct task_status *tasks = NULL;

	if (monitored_ask(c, rec, NULL, &tasks, &m, NULL) < 0)
		return false;
	if (m.state != MONITORED_NOTHING && m.state != MONITORED_ENDED)
		return false;
	for (size_t i = 0; i < m.n; i++)
		if (!task_is_over(&tasks[i]))
			return false;
	return !last_are_to_come(rec, tasks, m.n);
}

/* While it is being started tasks may be to come, as long as somebody is at it. */
static bool is_being_started(const struct core *c, const struct record *rec)
{
	return !dict_get(&rec->c.labels, RECORD_COMPLETE) && claim_locked(c, rec->name);
}

static bool is_over(struct core *c, const char *id)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = core_reconnect(c, NULL);

	if (r >= 0)
		r = record_get(c, id, NULL, &rec, NULL);
	if (r < 0)
		return r == -ERR_NOT_FOUND; /* containerd is away: the job goes on */
	return job_has_ended(c, &rec) && !is_being_started(c, &rec);
}

/* The writer is gone once the job is: no more lines will come. */
static bool has_ended(void *arg)
{
	struct followed *f = arg;

	if (f->over || (f->looked && clock_mono() - f->looked < LOOK_MS * NSEC_PER_MSEC))
		return f->over;
	f->over = is_over(f->core, f->id);
	f->looked = clock_mono();
	return f->over;
}

/* finding them */

/* Its monitor settles it, or who has those run that come last: settled before that, nothing of it would be started any more. */
static bool settles_later(const struct job *job)
{
	return job && job->n_tasks > 1 && (monitored_asks(job) || poststop_wanted(job));
}

/* A job that has ended still has its writer, which waits for more, until its task is deleted. A --rm job is left alone: its
 * log would go with it. */
static int finish_writer(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int r = task_look(c, rec->c.id, ctx, &t, err);

	if (r < 0 || t.state != TASK_STOPPED || dict_get(&rec->c.labels, RECORD_REMOVE) || settles_later(rec->job))
		return r < 0 ? r : 0;
	return remains_after_end(c, rec, ctx, err);
}

static int no_log(const struct record *rec, struct err *err)
{
	if (rec->job && rec->job->tasks[rec->task].log == JOB_LOG_NONE)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "job %s: keeps no log", rec->name),
				"run it without --log-driver none");
	if (rec->job && rec->job->tasks[rec->task].log == JOB_LOG_JOURNALD)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "job %s: logs into the journal", rec->name),
				"journalctl CONTAINER_ID=%s", rec->c.id);
	return 0; /* nothing was written yet */
}

/* Is there a log to read? A follower waits for it where its folder is; of tasks that come later there is none yet. */
static bool is_readable(const struct sources *s, const char *id, const char *path, bool later)
{
	_cleanup_free_ char *folder = places_logs(s->core, id);

	if (!s->opts->follow)
		return file_exists(path);
	return !later || file_exists(folder) || file_mkdirs_private(folder, NULL) >= 0;
}

/* Those of the tasks that keep one; @task -1: of all. */
static void add_job_logs(struct sources *s, const struct record *job, long task, bool alone)
{
	const size_t n = job_id_tasks(job->c.id);
	struct followed *f = sources_follow(s, job->c.id);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = job_id_task(job->c.id, i), *path = places_log(s->core, id);
		const struct task *t = job->job ? &job->job->tasks[i] : NULL;

		if ((task >= 0 && i != (size_t)task) || (t && t->log != JOB_LOG_FILE) || !is_readable(s, id, path, !alone || n > 1))
			continue;
		sources_add(s, f, TAKE_PTR(path), job->name, t && n > 1 ? t->name : "");
	}
}

/* Those of a removed job. */
static int add_removed(struct sources *s, const char *name, struct err *not_found)
{
	_cleanup_(kept_logs_done) struct kept_logs k = { 0 };
	struct err err = ERR_INIT;
	struct followed *f;
	long task = -1;
	int r = kept_logs_find(s->core, name, &k, &task, &err);

	if (r == 0)
		return -ERR_NOT_FOUND;
	if (r < 0) {
		err_wrap(&err, r, "logs of job %s, which was removed", name);
		*not_found = err;
		return r;
	}
	f = sources_follow(s, NULL);
	for (size_t i = 0; i < k.job->n_tasks; i++) {
		_cleanup_free_ char *path = kept_logs_path(s->core, &k, i);

		if ((task < 0 || i == (size_t)task) && file_exists(path))
			sources_add(s, f, TAKE_PTR(path), k.job->name, k.job->n_tasks > 1 ? k.job->tasks[i].name : "");
	}
	err_clear(not_found);
	return 0;
}

static int add_named(struct sources *s, const char *name, bool alone, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 }, found = { 0 };
	const struct record *job = &rec;
	bool all;
	int r = record_find_task(s->core, name, ctx, &rec, &all, err);

	if (r == -ERR_NOT_FOUND)
		return add_removed(s, name, err);
	if (r >= 0 && job_id_tasks(record_job_id(&rec)) > 1) {
		r = record_get(s->core, record_job_id(&rec), ctx, &found, err);
		job = &found;
	}
	if (r >= 0)
		r = finish_writer(s->core, job, ctx, err);
	if (r >= 0 && alone && !all)
		r = no_log(&rec, err);
	if (r >= 0)
		add_job_logs(s, job, all ? -1 : (long)rec.task, alone);
	return r < 0 && r != -ERR_NOT_FOUND ? err_wrap(err, r, "logs of job %s", rec.name ? rec.name : name) : r;
}

/* reading them */

static bool of_one_job(const struct sources *s)
{
	for (size_t i = 1; i < s->n; i++)
		if (strcmp(s->v[i].job, s->v[0].job) != 0)
			return false;
	return true;
}

static void name_sources(const struct sources *s, struct prefixes *ret)
{
	const bool one = of_one_job(s);
	_cleanup_strv_ struct strv names = { 0 };

	for (size_t i = 0; i < s->n; i++)
		if (!*s->v[i].task)
			strv_push(&names, s->v[i].job);
		else if (one)
			strv_push(&names, s->v[i].task);
		else
			strv_pushf(&names, "%s.%s", s->v[i].job, s->v[i].task);
	prefixes_of((const char *const *)strv_argv(&names), s->n, s->opts->colours, ret);
}

static char *json_of(const struct source *s)
{
	struct buf b = { 0 };

	buf_adds(&b, "\"job\":");
	json_quote(&b, s->job, strlen(s->job));
	if (*s->task) {
		buf_adds(&b, ",\"task\":");
		json_quote(&b, s->task, strlen(s->task));
	}
	return buf_take(&b);
}

static int read_sources(const struct sources *s, bool named, const struct ctx *ctx, struct err *err)
{
	const struct logs_opts *o = s->opts;
	_cleanup_free_ struct logread *reads = mem_array(struct logread, s->n);
	_cleanup_(prefixes_done) struct prefixes prefixes = { 0 };
	_cleanup_strv_ struct strv heads = { 0 };

	name_sources(s, &prefixes);
	for (size_t i = 0; i < s->n; i++) {
		strv_own(&heads, json_of(&s->v[i]));
		reads[i] = (struct logread){ .path = s->v[i].path,
					     .tail = o->tail,
					     .since = o->since,
					     .until = o->until,
					     .follow = o->follow,
					     .timestamps = o->timestamps,
					     .out_fd = o->out_fd,
					     .err_fd = o->json ? o->out_fd : o->err_fd,
					     .prefix = named ? prefixes.v[i] : NULL,
					     .json = o->json ? heads.v[i] : NULL,
					     .ended = has_ended,
					     .arg = s->v[i].of,
					     .wake_fd = -1 };
	}
	return s->n ? logfile_read_all(reads, s->n, ctx, err) : 0;
}

int job_logs(struct core *c, const struct strv *names, const struct logs_opts *o, const struct ctx *ctx, struct err *err)
{
	_cleanup_(sources_done) struct sources s = { .core = c, .opts = o };
	size_t meant = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < names->n; i++)
		r = add_named(&s, names->v[i], names->n == 1, ctx, err);
	for (size_t i = 0; i < s.n; i++)
		meant += *s.v[i].task != '\0';
	if (r >= 0)
		r = read_sources(&s, s.n > 1 || names->n > 1 || (meant && names->n == 1 && !strchr(names->v[0], '.')), ctx, err);
	return r;
}
