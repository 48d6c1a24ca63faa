#include "file.h"
#include "job-logs.h"
#include "job-name.h"
#include "kept-logs.h"
#include "logfile.h"
#include "mem.h"
#include "prefixes.h"
#include "remains.h"
#include "task.h"

struct follow {
	struct core *core;
	const char *id;
};

/* The writer is gone once the task is: no more lines will come. */
static bool has_ended(void *arg)
{
	struct follow *f = arg;
	struct task_status t;

	if (core_reconnect(f->core, NULL) < 0)
		return false; /* containerd is away: the job goes on */
	return task_look(f->core, f->id, NULL, &t, NULL) >= 0 && task_is_over(&t);
}

/* A job that has ended still has its writer, which waits for more, until its task is deleted. A --rm job is left alone: its
 * log would go with it. */
static int finish_writer(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int r = task_look(c, rec->c.id, ctx, &t, err);

	if (r < 0)
		return r;
	return t.state == TASK_STOPPED && !dict_get(&rec->c.labels, RECORD_REMOVE) ? remains_after_end(c, rec, ctx, err) : 0;
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

static struct logread read_of(const struct logs_opts *o, const char *path, struct follow *follow)
{
	return (struct logread){ .path = path,
				 .tail = o->tail,
				 .since = o->since,
				 .until = o->until,
				 .follow = o->follow,
				 .timestamps = o->timestamps,
				 .out_fd = o->out_fd,
				 .err_fd = o->err_fd,
				 .ended = has_ended,
				 .arg = follow,
				 .wake_fd = -1 };
}

static int logs_of_task(struct core *c, const struct record *rec, const struct logs_opts *o, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = places_log(c, rec->c.id);
	struct follow follow = { c, rec->c.id };
	const struct logread read = read_of(o, path, &follow);

	if (!file_exists(path)) {
		int r = no_log(rec, err);

		if (r < 0 || !o->follow)
			return r;
	}
	return logfile_read(&read, ctx, err);
}

/* Those of the tasks that keep one. */
static int logs_of_all(struct core *c, const struct record *job, const struct logs_opts *o, const struct ctx *ctx, struct err *err)
{
	const size_t n = job_id_tasks(job->c.id);
	_cleanup_free_ struct logread *reads = mem_array(struct logread, n);
	_cleanup_free_ struct follow *follows = mem_array(struct follow, n);
	_cleanup_(prefixes_done) struct prefixes prefixes = { 0 };
	_cleanup_strv_ struct strv paths = { 0 }, ids = { 0 };
	size_t with_log = 0;

	prefixes_make(job->job, o->colours, &prefixes);
	for (size_t i = 0; i < n; i++) {
		strv_own(&ids, job_id_task(job->c.id, i));
		strv_own(&paths, places_log(c, ids.v[i]));
		if (job->job->tasks[i].log != JOB_LOG_FILE || (!o->follow && !file_exists(paths.v[i])))
			continue;
		follows[with_log] = (struct follow){ c, ids.v[i] };
		reads[with_log] = read_of(o, paths.v[i], &follows[with_log]);
		reads[with_log++].prefix = prefixes.v[i];
	}
	return with_log ? logfile_read_all(reads, with_log, ctx, err) : 0;
}

/* Those of a removed job: nobody writes to them any more. */
static int logs_of_kept(const struct core *c, const struct kept_logs *k, long task, const struct logs_opts *o,
			const struct ctx *ctx, struct err *err)
{
	const size_t n = k->job->n_tasks;
	_cleanup_free_ struct logread *reads = mem_array(struct logread, n);
	_cleanup_(prefixes_done) struct prefixes prefixes = { 0 };
	_cleanup_strv_ struct strv paths = { 0 };
	struct logs_opts once = *o;
	size_t with_log = 0;

	once.follow = false;
	prefixes_make(k->job, o->colours, &prefixes);
	for (size_t i = 0; i < n; i++) {
		strv_own(&paths, kept_logs_path(c, k, i));
		if ((task >= 0 && i != (size_t)task) || !file_exists(paths.v[i]))
			continue;
		reads[with_log] = read_of(&once, paths.v[i], NULL);
		reads[with_log++].prefix = task < 0 && n > 1 ? prefixes.v[i] : NULL;
	}
	return with_log ? logfile_read_all(reads, with_log, ctx, err) : 0;
}

static int logs_of_removed(struct core *c, const char *name, const struct logs_opts *o, const struct ctx *ctx,
			   struct err *not_found)
{
	_cleanup_(kept_logs_done) struct kept_logs k = { 0 };
	struct err err = ERR_INIT;
	long task = -1;
	int r = kept_logs_find(c, name, &k, &task, &err);

	if (r == 0)
		return -ERR_NOT_FOUND;
	if (r > 0)
		r = logs_of_kept(c, &k, task, o, ctx, &err);
	if (r < 0)
		err_wrap(&err, r, "logs of job %s, which was removed", name);
	*not_found = err;
	return r;
}

int job_logs(struct core *c, const char *name, const struct logs_opts *o, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 }, found = { 0 };
	const struct record *job = &rec;
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r == -ERR_NOT_FOUND)
		return logs_of_removed(c, name, o, ctx, err);
	if (r >= 0 && job_id_tasks(record_job_id(&rec)) > 1) {
		r = record_get(c, record_job_id(&rec), ctx, &found, err);
		job = &found;
	}
	if (r < 0)
		return r;
	r = finish_writer(c, job, ctx, err);
	if (r >= 0)
		r = all && job->job ? logs_of_all(c, job, o, ctx, err) : logs_of_task(c, &rec, o, ctx, err);
	return r < 0 && r != -ERR_NOT_FOUND ? err_wrap(err, r, "logs of job %s", rec.name) : r;
}
