/* The step "rootfs". */
#include "job-steps.h"
#include "rootfs.h"
#include <string.h>

/* rootfs: volumes, and the user, who may stand in the image's own files */

int rootfs_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id);
	_cleanup_close_ int root = -1;
	const char *user = run_user(run);
	int r;

	(void)ctx;
	run_image_volumes(run);
	r = run_binds(run, err);
	if (r >= 0 && run_needs_rootfs(run))
		r = rootfs_open(&run->mounts, dir, &root, err);
	if (r >= 0)
		r = user_lookup(root, user ? user : "", strv_argv(&run->task->group_add), &run->user, err);
	if (r >= 0)
		r = run_fill_volumes(run, root, err);
	return r;
}

void rootfs_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;

	(void)ctx;
	for (size_t i = 0; i < run->fresh_volumes.n; i++)
		(void)volume_drop(run->core, run->fresh_volumes.v[i], NULL);
}

unsigned rootfs_needs(const void *state) { return run_needs_rootfs(state) ? STEP(S_SNAPSHOT) : 0; }
