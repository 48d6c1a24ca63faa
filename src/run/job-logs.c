#include "job-logs.h"
#include "clock.h"
#include "file.h"
#include "job-ends.h"
#include "job-name.h"
#include "kept-logs.h"
#include "logfile.h"
#include "mem.h"
#include "monitored.h"
#include "poststop.h"
#include "prefixes.h"
#include "remains.h"
#include "set-joins.h"
#include "set-jobs.h"
#include "task.h"
#include <string.h>

enum { JOINS_LOOK_MS = 1000 };

/* The log of one task. */
struct source {
	char *path, *job, *task; /* task "": the job has only this one */
};

struct sources {
	struct core *core;
	const struct logs_opts *opts;
	const struct ctx *ctx;
	struct source *v;
	size_t n, cap;
	size_t told;             /* so many are read, or are about to be */
	struct job_ends *ends;   /* of the jobs; not of those that were removed, to whose logs nobody writes any more */
	struct set_joins *joins; /* of a set that is followed; NULL: nobody joins */
	struct prefixes prefixes;
	struct strv heads;
	bool named;      /* each line has its task's or job's name before it */
	bool over;       /* and nobody has joined since */
	int64_t join_at; /* clock_mono(): when it is looked for those that have joined */
};

static void sources_done(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].path);
		free(s->v[i].job);
		free(s->v[i].task);
	}
	job_ends_free(s->ends);
	set_joins_free(s->joins);
	prefixes_done(&s->prefixes);
	strv_done(&s->heads);
	free(s->v);
}

static void sources_add(struct sources *s, char *path, const char *job, const char *task)
{
	s->v = mem_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
	s->v[s->n++] = (struct source){ path, mem_strdup(job), mem_strdup(task) };
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

	job_ends_add(s->ends, job->c.id);
	if (s->joins)
		set_joins_know(s->joins, job->c.id);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = job_id_task(job->c.id, i), *path = places_log(s->core, id);
		const struct task *t = job->job ? &job->job->tasks[i] : NULL;

		if ((task >= 0 && i != (size_t)task) || (t && t->log != JOB_LOG_FILE) || !is_readable(s, id, path, !alone || n > 1))
			continue;
		sources_add(s, TAKE_PTR(path), job->name, t && n > 1 ? t->name : "");
	}
}

/* Those of a removed job. */
static int add_removed(struct sources *s, const char *name, struct err *not_found)
{
	_cleanup_(kept_logs_done) struct kept_logs k = { 0 };
	struct err err = ERR_INIT;
	long task = -1;
	int r = kept_logs_find(s->core, name, &k, &task, &err);

	if (r == 0)
		return -ERR_NOT_FOUND;
	if (r < 0) {
		err_wrap(&err, r, "logs of job %s, which was removed", name);
		*not_found = err;
		return r;
	}
	for (size_t i = 0; i < k.job->n_tasks; i++) {
		_cleanup_free_ char *path = kept_logs_path(s->core, &k, i);

		if ((task < 0 || i == (size_t)task) && file_exists(path))
			sources_add(s, TAKE_PTR(path), k.job->name, k.job->n_tasks > 1 ? k.job->tasks[i].name : "");
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
	return !s->joins;
}

/* Those of the others stay as they are: who joins may have a longer name. */
static void name_sources(struct sources *s)
{
	const bool one = of_one_job(s);
	_cleanup_strv_ struct strv names = { 0 };
	struct prefixes all = { 0 };

	for (size_t i = 0; i < s->n; i++)
		if (!*s->v[i].task)
			strv_push(&names, s->v[i].job);
		else if (one)
			strv_push(&names, s->v[i].task);
		else
			strv_pushf(&names, "%s.%s", s->v[i].job, s->v[i].task);
	prefixes_of((const char *const *)strv_argv(&names), s->n, s->opts->colours, &all);
	for (size_t i = 0; i < s->prefixes.n; i++) {
		free(all.v[i]);
		all.v[i] = s->prefixes.v[i];
	}
	free(s->prefixes.v);
	s->prefixes = all;
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

static bool sources_over(void *arg) { return ((const struct sources *)arg)->over; }

/* @joined: all of it is new, whatever the tail of the others. */
static struct logread next_source(struct sources *s, bool joined)
{
	const struct logs_opts *o = s->opts;
	const size_t i = s->told++;

	if (s->prefixes.n < s->n)
		name_sources(s);
	strv_own(&s->heads, json_of(&s->v[i]));
	return (struct logread){ .path = s->v[i].path,
				 .tail = joined ? -1 : o->tail,
				 .since = o->since,
				 .until = o->until,
				 .follow = o->follow,
				 .timestamps = o->timestamps,
				 .out_fd = o->out_fd,
				 .err_fd = o->json ? o->out_fd : o->err_fd,
				 .prefix = s->named ? s->prefixes.v[i] : NULL,
				 .json = o->json ? s->heads.v[i] : NULL,
				 .ended = sources_over,
				 .arg = s,
				 .wake_fd = -1 };
}

/* False: there may be more of them, which are asked for again. */
static bool add_joined(struct sources *s)
{
	_cleanup_(records_done) struct records joined = { 0 };
	int r = set_joins_look(s->joins, s->core, s->ctx, &joined);

	for (size_t i = 0; i < joined.n; i++)
		add_job_logs(s, &joined.v[i], -1, false);
	return r >= 0;
}

static void look_for_end(struct sources *s)
{
	const size_t n = s->n;

	if (!job_ends_look(s->ends))
		return;
	s->over = job_ends_all(s->ends);
	if (s->joins && (s->over || clock_mono() >= s->join_at)) {
		s->over = add_joined(s) && s->over;
		s->join_at = clock_mono() + JOINS_LOOK_MS * NSEC_PER_MSEC;
	}
	s->over = s->over && s->n == n && job_ends_all(s->ends);
}

static enum logmore_answer more_sources(void *arg, struct logread *ret)
{
	struct sources *s = arg;

	if (s->opts->until && clock_wall() > s->opts->until) /* what comes later is not asked for */
		return LOGMORE_OVER;
	if (s->told == s->n)
		look_for_end(s);
	if (s->told == s->n)
		return s->over ? LOGMORE_OVER : LOGMORE_NONE_YET;
	*ret = next_source(s, true);
	return LOGMORE_ONE;
}

static int read_sources(struct sources *s, const struct ctx *ctx, struct err *err)
{
	const size_t n = s->n;
	const struct logmore more = { more_sources, s };
	_cleanup_free_ struct logread *reads = mem_array(struct logread, n);

	while (s->told < n)
		reads[s->told] = next_source(s, false);
	return n || s->joins ? logfile_read_all(reads, n, s->opts->follow ? &more : NULL, ctx, err) : 0;
}

static int find_sources(struct sources *s, const struct strv *names, const struct ctx *ctx, struct err *err)
{
	_cleanup_strv_ struct strv of_set = { 0 }, all = { 0 };
	size_t meant = 0;
	int r = s->opts->set ? set_jobs(s->core, s->opts->set, ctx, &of_set, err) : 0;

	for (size_t i = of_set.n; i-- > 0;) /* in the order in which a set is started */
		strv_push(&all, of_set.v[i]);
	strv_add(&all, names);
	for (size_t i = 0; r >= 0 && i < all.n; i++)
		r = add_named(s, all.v[i], all.n == 1, ctx, err);
	for (size_t i = 0; i < s->n; i++)
		meant += *s->v[i].task != '\0';
	s->named = s->joins || s->n > 1 || all.n > 1 || (meant && all.n == 1 && !strchr(all.v[0], '.'));
	return r;
}

int job_logs(struct core *c, const struct strv *names, const struct logs_opts *o, const struct ctx *ctx, struct err *err)
{
	_cleanup_(sources_done) struct sources s = { .core = c, .opts = o, .ctx = ctx };
	int r;

	s.ends = job_ends_new(c, ctx);
	s.joins = o->set && o->follow ? set_joins_new(o->set) : NULL;
	r = find_sources(&s, names, ctx, err);
	return r < 0 ? r : read_sources(&s, ctx, err);
}
