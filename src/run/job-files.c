#include "job-files.h"
#include "claim.h"
#include "file.h"
#include "job.h"
#include "mapped.h"
#include "mem.h"
#include "path.h"
#include "record.h"
#include "rootfs.h"
#include "runtime-kind.h"
#include "snapshots.h"
#include "task.h"
#include <fcntl.h>
#include <string.h>

void job_files_done(struct job_files *f)
{
	if (f->root >= 0)
		(void)close(f->root);
	if (f->lock >= 0)
		claim_unlock(f->core, f->job, f->lock);
	strv_done(&f->away);
	free(f->job);
	free(f->name);
	*f = (struct job_files){ .root = -1, .lock = -1 };
}

static const struct task *task_of(const struct record *rec)
{
	return rec->job && rec->task < rec->job->n_tasks ? &rec->job->tasks[rec->task] : NULL;
}

static bool has_root(const struct task_status *t)
{
	return t->pid > 0 && (t->state == TASK_LIVE || t->state == TASK_PAUSED || t->state == TASK_CREATED);
}

/* The root of its first process. That is still the task's when containerd says so once the folder is open. */
static int open_running(struct job_files *f, const struct record *rec, const struct task_status *t, const struct ctx *ctx,
			struct err *err)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/root", (int)t->pid);
	_cleanup_close_ int fd = -1;
	struct task_status again;
	int r;

	if (runtime_has_kernel(rec->c.runtime))
		return err_hint(err, err_set(err, ERR_UNIMPLEMENTED, "it runs on a kernel of its own, which has its files"),
				"davit exec %s tar reads and writes them; or stop it first", rec->name);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "its root folder");
	r = task_look(f->core, rec->c.id, ctx, &again, err);
	if (r < 0)
		return r;
	if (!has_root(&again) || again.pid != t->pid)
		return err_hint(err, err_set(err, ERR_ABORTED, "it has just ended"), "try again");
	f->root = TAKE_FD(fd);
	f->runs = true;
	return 0;
}

static int open_snapshot(struct job_files *f, const struct record *rec, bool write, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	const struct task *task = task_of(rec);
	int r;

	if (!rec->c.snapshot_key || !*rec->c.snapshot_key)
		return err_set(err, ERR_INVALID, "it runs a bundle, whose folder has its root file system");
	if (write && task && task->read_only)
		return err_set(err, ERR_PRECONDITION, "its root file system is to be read-only");
	for (size_t i = 0; task && i < task->n_mounts; i++) {
		_cleanup_free_ char *target = path_clean(task->mounts[i].target, NULL);

		strv_push(&f->away, target);
	}
	r = snapshots_mounts(f->core->ctrd, rec->c.snapshotter, rec->c.snapshot_key, ctx, &mounts, err);
	if (r >= 0)
		r = file_mkdirs(f->core->conf.run_dir, 0711, err);
	if (r < 0)
		return r;
	return write ? rootfs_open_writable(&mounts, f->core->conf.run_dir, &f->root, err)
		     : rootfs_open_whole(&mounts, f->core->conf.run_dir, &f->root, err);
}

/* What does not run is locked before it is written to, and looked at once more: it may have been started until then. */
static int open_either(struct job_files *f, const struct record *rec, bool write, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int r = task_look(f->core, rec->c.id, ctx, &t, err);

	if (r >= 0 && write && !has_root(&t)) {
		r = record_lock(f->core, record_job_id(rec), &f->job, true, ctx, &f->lock, err);
		if (r >= 0)
			r = task_look(f->core, rec->c.id, ctx, &t, err);
	}
	if (r < 0)
		return r;
	if (t.state == TASK_UNKNOWN)
		return err_hint(err, err_set(err, ERR_UNAVAILABLE, "its shim does not say how it is"), "end it with: davit stop %s",
				f->job);
	return has_root(&t) ? open_running(f, rec, &t, ctx, err) : open_snapshot(f, rec, write, ctx, err);
}

int job_files_open(struct core *c, const char *name, bool write, const struct ctx *ctx, struct job_files *ret, struct err *err)
{
	_cleanup_(job_files_done) struct job_files f = { .core = c, .root = -1, .lock = -1 };
	_cleanup_(record_done) struct record rec = { 0 };
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r < 0)
		return r;
	f.name = mem_strdup(rec.name);
	f.job = mem_strdup(rec.job && rec.job->name ? rec.job->name : rec.name);
	r = mapped_ids(&rec, &f.ids, err);
	if (r >= 0)
		r = open_either(&f, &rec, write, ctx, err);
	if (r < 0)
		return err_wrap(err, r, "job %s", rec.name);
	*ret = f;
	f = (struct job_files){ .root = -1, .lock = -1 };
	return 0;
}

int job_files_check(const struct job_files *f, const char *path, struct err *err)
{
	for (size_t i = 0; i < f->away.n; i++)
		if (path_begins(path, f->away.v[i]))
			return err_hint(
				err,
				err_set(err, ERR_PRECONDITION, "job %s: %s is mounted only while it runs", f->name, f->away.v[i]),
				"start it with: davit start %s", f->job);
	return 0;
}
