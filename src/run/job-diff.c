#include "job-diff.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "path.h"
#include "record.h"
#include "rootfs.h"
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

static const char *upper_of(const struct ctrd_mount *m)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (!strncmp(m->options.v[i], "upperdir=", 9))
			return m->options.v[i] + 9;
	return NULL;
}

/* Of an image without layers overlayfs gives a plain folder. */
static int open_trees(struct core *c, const struct record *rec, const struct ctrd_mounts *mounts, int *ret_upper, int *ret_lower,
		      struct err *err)
{
	const struct ctrd_mount *m = mounts->n == 1 ? &mounts->v[0] : NULL;
	const char *upper = m && !strcmp(m->type, "overlay") ? upper_of(m) : NULL;
	int r;

	if (!upper && m && !strcmp(m->type, "bind") && !strcmp(rec->c.snapshotter, "overlayfs")) {
		*ret_upper = open(m->source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return *ret_upper < 0 ? err_sys(err, errno, "%s", m->source) : 0;
	}
	if (!upper)
		return err_hint(
			err, err_set(err, ERR_UNIMPLEMENTED, "its snapshotter %s does not keep changes apart", rec->c.snapshotter),
			"those of overlayfs are listed; davit export has all files");
	*ret_upper = open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_upper < 0)
		return err_sys(err, errno, "%s", upper);
	r = file_mkdirs(c->conf.run_dir, 0711, err);
	return r < 0 ? r : rootfs_open(mounts, c->conf.run_dir, ret_lower, err);
}

int job_diff(struct core *c, const char *name, const struct ctx *ctx, tree_diff_fn *fn, void *arg, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	_cleanup_strv_ struct strv made = { 0 };
	_cleanup_close_ int upper = -1, lower = -1;
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r < 0)
		return r;
	if (!rec.c.snapshot_key || !*rec.c.snapshot_key)
		return err_set(err, ERR_INVALID, "job %s: it runs a bundle, whose folder has its root file system", rec.name);
	add_mount_points(&rec, &made);
	r = snapshots_mounts(c->ctrd, rec.c.snapshotter, rec.c.snapshot_key, ctx, &mounts, err);
	if (r >= 0)
		r = open_trees(c, &rec, &mounts, &upper, &lower, err);
	if (r >= 0)
		r = tree_diff(upper, lower, &made, ctx, fn, arg, err);
	return r < 0 ? err_wrap(err, r, "job %s", rec.name) : 0;
}
