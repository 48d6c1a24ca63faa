/* The step "rootfs". */
#include "job-steps.h"
#include "rootfs.h"
#include <string.h>

/* rootfs: volumes, and the user, by the files of the image and of the volumes */

int rootfs_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *dir = places_run(run->core, run->id);
	_cleanup_close_ int root = -1;
	const struct ctx copying = { .cancel = ctx->cancel }; /* a copy takes what it takes */
	int r;

	if (!run_is_new(run))
		return run_look_again(run, err);
	r = run_image_volumes(run, err);
	if (r >= 0)
		r = run_binds(run, ctx, err);
	if (r >= 0 && run_has_volumes(run))
		r = rootfs_open(&run->mounts, dir, &root, err);
	if (r >= 0)
		r = run_fill_volumes(run, root, &copying, err);
	return r < 0 ? r : run_identity(run, root, err);
}

/* A named one may have found another job that uses it meanwhile. */
static void undo_volume(struct run *run, const char *name, const struct ctx *ctx)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	struct err err = ERR_INIT;
	int r = volume_get(run->core, name, &v, NULL);

	if (r >= 0)
		r = v.anonymous               ? volume_drop(run->core, name, NULL, &err)
		    : run_undo_connected(run) ? volume_remove(run->core, name, ctx, &err)
					      : 0;
	if (r < 0 && r != -ERR_NOT_FOUND && r != -ERR_PRECONDITION)
		run_undo_failed(run, &err);
}

void rootfs_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;

	run_release_volumes(run);
	if (run->task_left)
		return;
	for (size_t i = 0; i < run->fresh_volumes.n; i++)
		undo_volume(run, run->fresh_volumes.v[i], ctx);
}

unsigned rootfs_needs(const void *state)
{
	const struct run *run = state;

	return run->files_known ? 0 : STEP(S_SNAPSHOT);
}
