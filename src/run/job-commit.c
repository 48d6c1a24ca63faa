#include "job-commit.h"
#include "claim.h"
#include "file-disk.h"
#include "freeze-note.h"
#include "leases.h"
#include "mapped.h"
#include "mem.h"
#include "record.h"
#include "snapshots.h"
#include "task.h"
#include <stdlib.h>

enum { UNDO_MS = 30000, RETRY_MS = 200 };

void job_commit_done(struct job_commit *j)
{
	if (j->lock >= 0)
		claim_unlock(j->core, j->job, j->lock);
	free(j->job);
	free(j->name);
	free(j->id);
	strv_done(&j->words);
	scratch_done(&j->scratch);
	*j = JOB_COMMIT_INIT;
}

/* containerd would mount the file system of a file a second time, as another: neither sees what the other writes. So it is locked
 * before that is done, and looked at once more: it may have been started until then, as by its policy. */
static int commit_hold(struct job_commit *j, const struct record *rec, struct task_status *t, const struct ctx *ctx,
		       struct err *err)
{
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	const char *file;
	int r = snapshots_mounts(j->core->ctrd, rec->c.snapshotter, rec->c.snapshot_key, ctx, &mounts, err);

	file = r < 0 ? NULL : file_disk(&mounts);
	if (!file)
		return r;
	if (task_is_over(t)) {
		j->job = mem_strdup(rec->job && rec->job->name ? rec->job->name : rec->name);
		r = record_lock(j->core, record_job_id(rec), &j->job, true, ctx, &j->lock, err);
		r = r < 0 ? r : task_look(j->core, rec->c.id, ctx, t, err);
	}
	if (r < 0)
		return r;
	if (t->state != TASK_ABSENT) /* between two lives it is mounted still */
		return err_hint(err,
				err_set(err, ERR_PRECONDITION, "it runs on the snapshotter %s, which gives it a file as disk",
					rec->c.snapshotter),
				"stop it first: davit stop %s", rec->name);
	return file_disk_await(j->core->loop, file, ctx, err);
}

static void commit_fill(const struct record *rec, const struct task_status *t, struct job_commit *j)
{
	j->pauses = t->state == TASK_LIVE;
	j->pid = t->pid;
	j->id = mem_strdup(rec->c.id);
	j->name = mem_strdup(rec->name);
	strv_pushf(&j->words, "--own-lease=%s", j->scratch.lease);
	if (rec->job && rec->task < rec->job->n_tasks && rec->job->tasks[rec->task].platform)
		strv_pushf(&j->words, "--platform=%s", rec->job->tasks[rec->task].platform);
	strv_pushf(&j->words, "--snapshotter=%s", rec->c.snapshotter);
	strv_pushf(&j->words, "--base=%s", rec->c.image);
	strv_pushf(&j->words, "--key=%s", rec->c.snapshot_key);
}

int job_commit(struct core *c, const char *name, const struct ctx *ctx, struct job_commit *ret, struct err *err)
{
	_cleanup_(job_commit_done) struct job_commit j = JOB_COMMIT_INIT;
	_cleanup_(record_done) struct record rec = { 0 };
	struct task_status t;
	struct idmap ids = { 0 };
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r < 0)
		return r;
	if (!rec.c.snapshot_key || !*rec.c.snapshot_key || !rec.c.image || !*rec.c.image)
		return err_set(err, ERR_INVALID, "job %s: it was made from no image", rec.name);
	r = mapped_ids(&rec, &ids, err);
	if (r >= 0 && ids.n)
		return err_hint(err,
				err_set(err, ERR_PRECONDITION, "job %s: its files have the owners of its user namespace", rec.name),
				"davit export %s | davit image import - NAME", rec.name);
	if (r >= 0)
		r = task_look(c, rec.c.id, ctx, &t, err);
	j.core = c;
	if (r >= 0)
		r = commit_hold(&j, &rec, &t, ctx, err);
	if (r >= 0)
		r = scratch_lend(c, ctx, &j.scratch, err);
	if (r < 0)
		return err_wrap(err, r, "job %s", rec.name);
	commit_fill(&rec, &t, &j);
	*ret = j;
	j = JOB_COMMIT_INIT;
	return 0;
}

/* A containerd that has died is awaited: what it froze stays so. */
static void commit_await_containerd(struct core *c, const struct ctx *limit)
{
	while (core_reconnect(c, NULL) < 0 && ctx_check(limit, NULL) >= 0) {
		const struct ctx pause = ctx_within(limit, RETRY_MS);

		while (loop_turn(c->loop, &pause, NULL) == 0)
			;
	}
}

/* 1: nobody knows that it goes on. Not where a person has made the freeze theirs. */
static int undo_freeze(struct core *c, const struct job_commit *j, const struct ctx *limit)
{
	struct task_status t;
	int r = 0;

	(void)freeze_hold(j->scratch.lock, true);
	if (freeze_is_noted(j->scratch.lock)) {
		(void)tasks_resume(c->ctrd, j->id, limit, NULL);
		r = task_look(c, j->id, limit, &t, NULL) < 0 || t.state == TASK_PAUSED || t.state == TASK_UNKNOWN;
	}
	freeze_let_go(j->scratch.lock);
	return r;
}

void job_commit_undo(struct core *c, struct job_commit *j)
{
	const struct ctx limit = ctx_within(NULL, UNDO_MS); /* after an interrupt, too */
	int frozen;

	commit_await_containerd(c, &limit);
	frozen = undo_freeze(c, j, &limit);
	(void)leases_delete(c->ctrd, j->scratch.lease, true, &limit, NULL);
	if (!frozen)
		return;
	core_notice(c, "job %s may be frozen still: davit unpause %s", j->name, j->name);
	closep(&j->scratch.lock); /* its file stays: whoever comes across the job lets it go on */
}
