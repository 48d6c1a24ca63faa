#include "strays.h"
#include "file.h"
#include "job-name.h"
#include "mem.h"
#include "orphans.h"
#include "record.h"
#include "remains.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static void ids_below(const char *folder, struct strv *ids)
{
	_cleanup_(closedirp) DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_type == DT_DIR && job_id_is_ours(e->d_name) && !strv_has(ids, e->d_name))
			strv_push(ids, e->d_name);
}

/* Files beside the folders: what is noted of tasks. */
static void ids_of_notes(const char *folder, struct strv *ids)
{
	_cleanup_(closedirp) DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *id = e->d_type == DT_REG ? places_note_id(e->d_name) : NULL;

		if (id && job_id_is_ours(id) && !strv_has(ids, id))
			strv_push(ids, id);
	}
}

/* An id is its job's name with "-" and eight digits behind it. */
static char *name_of(const char *id) { return mem_strndup(id, (size_t)(strrchr(id, '-') - id)); }

/* That of the job, if @id is a further task's. */
static char *job_of(const char *id)
{
	const char *digits = strrchr(id, '-');

	return mem_strndup(id, (size_t)(digits - id) + strcspn(digits, "."));
}

/* 1 when containerd has neither record nor task of it, and no claim is for its job. */
static int is_stray(struct core *c, const char *name, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *job = job_of(id);
	int r = orphans_is_lost(c, id, ctx, err);

	if (r <= 0)
		return r;
	r = claim_is_for(c, name, job, ctx, err);
	return r < 0 ? r : !r;
}

static int remove_notes(const char *folder, const char *id, struct err *err)
{
	_cleanup_(closedirp) DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *its = e->d_type == DT_REG ? places_note_id(e->d_name) : NULL;

		if (its && !strcmp(its, id) && unlinkat(dirfd(d), e->d_name, 0) < 0 && errno != ENOENT)
			return err_sys(err, errno, "%s/%s", folder, e->d_name);
	}
	return 0;
}

static int remove_files(const struct core *c, const char *id, struct err *err)
{
	_cleanup_free_ char *log = places_logs(c, id), *files = places_files(c, id), *run = places_run(c, id);
	_cleanup_free_ char *all = places_run(c, "");
	int r = file_remove_tree(log, err);

	remains_unmount_all(run);
	if (r >= 0)
		r = file_remove_tree(files, err);
	if (r >= 0)
		r = file_remove_tree(run, err);
	return r < 0 ? r : remove_notes(all, id, err);
}

/* Its lock is held while it is looked at: nobody makes a job of that name meanwhile. */
static int remove_one(struct core *c, const char *id, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_free_ char *name = name_of(id);
	int lock = -1, r = claim_lock(c, name, false, ctx, &lock, err);

	if (r == -ERR_EXISTS)
		return err_clear(err), 0;
	if (r >= 0)
		r = is_stray(c, name, id, ctx, err);
	if (r > 0)
		strv_pushf(removed, "files of job %s, which is gone", id);
	if (r > 0 && !dry_run)
		r = remove_files(c, id, err);
	claim_unlock(c, name, lock);
	return r < 0 ? err_wrap(err, r, "files of job %s", id) : 0;
}

int strays_remove(struct core *c, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_free_ char *logs = places_logs(c, ""), *files = places_files(c, ""), *run = places_run(c, "");
	_cleanup_(records_done) struct records jobs = { 0 };
	_cleanup_strv_ struct strv ids = { 0 };
	int r = record_list(c, ctx, &jobs, err);

	ids_below(logs, &ids);
	ids_below(files, &ids);
	ids_below(run, &ids);
	ids_of_notes(run, &ids);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		_cleanup_free_ char *job = job_of(ids.v[i]);
		bool known = false;

		for (size_t k = 0; k < jobs.n && !known; k++)
			known = !strcmp(jobs.v[k].c.id, job);
		if (!known)
			r = remove_one(c, ids.v[i], dry_run, ctx, removed, err);
	}
	return r < 0 ? r : 0;
}
