/* The root file system of a job, for an archive. */
#include "file.h"
#include "job-export.h"
#include "mapped.h"
#include "record.h"
#include "rootfs.h"
#include "snapshots.h"

int job_export_root(struct core *c, const char *name, const struct ctx *ctx, int *ret_fd, struct idmap *ret_ids, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	int r = record_find(c, name, ctx, &rec, err);

	if (r < 0)
		return r;
	if (!rec.c.snapshot_key || !*rec.c.snapshot_key)
		return err_set(err, ERR_INVALID, "job %s: it runs a bundle, whose folder has its root file system", rec.name);
	r = mapped_ids(&rec, ret_ids, err);
	if (r >= 0)
		r = snapshots_mounts(c->ctrd, rec.c.snapshotter, rec.c.snapshot_key, ctx, &mounts, err);
	if (r >= 0)
		r = file_mkdirs(c->conf.run_dir, 0711, err);
	if (r >= 0) /* mounted over it for nobody but the thread that looks */
		r = rootfs_open_whole(&mounts, c->conf.run_dir, ret_fd, err);
	return r < 0 ? err_wrap(err, r, "job %s", rec.name) : 0;
}
