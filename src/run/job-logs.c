#include "file.h"
#include "job-logs.h"
#include "logfile.h"
#include "mem.h"
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
	if (rec->job && rec->job->tasks[0].log == JOB_LOG_NONE)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "job %s: keeps no log", rec->name),
				"run it without --log-driver none");
	return 0; /* nothing was written yet */
}

int job_logs(struct core *c, const char *name, const struct logs_opts *o, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_free_ char *path = NULL;
	struct logread read = { .tail = o->tail,
				.since = o->since,
				.until = o->until,
				.follow = o->follow,
				.timestamps = o->timestamps,
				.out_fd = o->out_fd,
				.err_fd = o->err_fd,
				.ended = has_ended,
				.wake_fd = -1 };
	struct follow follow = { c, NULL };
	int r = record_find(c, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = finish_writer(c, &rec, ctx, err);
	if (r < 0)
		return err_wrap(err, r, "logs of job %s", rec.name);
	path = places_log(c, rec.c.id);
	read.path = path;
	follow.id = rec.c.id;
	read.arg = &follow;
	if (!file_exists(path)) {
		r = no_log(&rec, err);
		if (r < 0 || !o->follow)
			return r;
	}
	r = logfile_read(&read, ctx, err);
	return r < 0 ? err_wrap(err, r, "logs of job %s", rec.name) : r;
}
