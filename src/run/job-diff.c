#include "job-diff.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "path.h"
#include "record.h"
#include "rootfs.h"
#include "scratch.h"
#include "snapshots.h"
#include <fcntl.h>
#include <string.h>

/* Where something is mounted: the engine makes what is missing there. */
static void add_mount_points(const struct record *rec, struct strv *to)
{
	_cleanup_json_ json *spec = NULL;
	json *mounts;

	if (json_parse(buf_str(&rec->c.spec.value), rec->c.spec.value.len, &spec, NULL) < 0)
		return;
	mounts = json_get_array(spec, "mounts");
	for (size_t i = 0; i < json_len(mounts); i++) {
		const char *target = json_get_str(json_at(mounts, i), "destination");
		_cleanup_free_ char *clean = target ? path_clean(target, NULL) : NULL;

		if (clean)
			strv_push(to, clean);
	}
}

/* One as it is looked at. */
struct diff_job {
	struct core *core;
	struct record rec;
	struct scratch scratch;
	int upper, lower;
	bool whole;
};

static const char *upper_of(const struct ctrd_mount *m)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (!strncmp(m->options.v[i], "upperdir=", 9))
			return m->options.v[i] + 9;
	return NULL;
}

static int open_overlay(struct diff_job *j, const struct ctrd_mounts *mounts, const char *upper, struct err *err)
{
	j->upper = open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (j->upper < 0)
		return err_sys(err, errno, "%s", upper);
	return rootfs_open(mounts, j->core->conf.run_dir, &j->lower, err);
}

/* What the snapshotter knows no difference of: all of both trees, each mounted for nobody but us. */
static int open_whole(struct diff_job *j, const struct ctrd_mounts *mounts, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts below = { 0 };
	const struct ctrd_container *its = &j->rec.c;
	const char *scratch = j->core->conf.run_dir;
	_cleanup_free_ char *parent = NULL;
	int r = snapshots_parent(j->core->ctrd, its->snapshotter, its->snapshot_key, ctx, &parent, err);

	j->whole = true;
	if (r >= 0)
		r = rootfs_open_whole(mounts, scratch, &j->upper, err);
	if (r < 0 || !*parent)
		return r;
	r = scratch_open(j->core, ctx, &j->scratch, err);
	if (r >= 0)
		r = scratch_view(&j->scratch, its->snapshotter, parent, ctx, &below, err);
	return r < 0 ? r : rootfs_open_whole(&below, scratch, &j->lower, err);
}

/* Of an image without layers overlayfs gives a plain folder. */
static int open_trees(struct diff_job *j, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	const struct ctrd_mount *m;
	const char *upper;
	int r = snapshots_mounts(j->core->ctrd, j->rec.c.snapshotter, j->rec.c.snapshot_key, ctx, &mounts, err);

	if (r >= 0)
		r = file_mkdirs(j->core->conf.run_dir, 0711, err);
	if (r < 0)
		return r;
	m = mounts.n == 1 ? &mounts.v[0] : NULL;
	upper = m && !strcmp(m->type, "overlay") ? upper_of(m) : NULL;
	return upper ? open_overlay(j, &mounts, upper, err) : open_whole(j, &mounts, ctx, err);
}

static void diff_job_done(struct diff_job *j)
{
	if (j->upper >= 0)
		(void)close(j->upper);
	if (j->lower >= 0)
		(void)close(j->lower);
	scratch_done(&j->scratch); /* what is mounted from it is closed */
	record_done(&j->rec);
}

int job_diff(struct core *c, const char *name, const struct ctx *ctx, tree_diff_fn *fn, void *arg, struct err *err)
{
	_cleanup_(diff_job_done) struct diff_job j = { .core = c, .scratch = SCRATCH_INIT, .upper = -1, .lower = -1 };
	_cleanup_strv_ struct strv made = { 0 };
	struct tree_diff how = { .made = &made };
	bool all;
	int r = record_find_task(c, name, ctx, &j.rec, &all, err);

	if (r < 0)
		return r;
	if (!j.rec.c.snapshot_key || !*j.rec.c.snapshot_key)
		return err_set(err, ERR_INVALID, "job %s: it runs a bundle, whose folder has its root file system", j.rec.name);
	add_mount_points(&j.rec, &made);
	r = open_trees(&j, ctx, err);
	how.whole = j.whole;
	if (r >= 0)
		r = tree_diff(j.upper, j.lower, &how, ctx, fn, arg, err);
	return r < 0 ? err_wrap(err, r, "job %s", j.rec.name) : 0;
}
