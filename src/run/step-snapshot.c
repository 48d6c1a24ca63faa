/* The steps "settings" and "snapshot": the snapshotter, and the snapshot that the container writes to. */
#include "job-steps.h"
#include "job-order.h"
#include "mem.h"
#include "namespaces.h"
#include "remains.h"
#include "snapshots.h"
#include <string.h>

/* settings: the namespace's default snapshotter */

bool settings_wanted(const void *state)
{
	const struct run *run = state;

	return !run->snapshotter;
}

int settings_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	(void)err;
	run->call[S_SETTINGS] = namespaces_get_begin(run_ctrd(run), run->core->conf.ns, ctx);
	return 0;
}

int settings_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_dict_ struct dict labels = { 0 };
	const char *name;
	int r = namespaces_get_end(TAKE_PTR(run->call[S_SETTINGS]), ctx, &labels, err);

	if (r == -ERR_NOT_FOUND) /* comes into being with the first write */
		err_clear(err);
	else if (r < 0)
		return r;
	name = dict_get(&labels, "containerd.io/defaults/snapshotter");
	run->snapshotter = mem_strdup(name ? name : "overlayfs");
	return 0;
}

void settings_undo(void *state, const struct ctx *ctx)
{
	(void)ctx;
	run_give_up(state, S_SETTINGS);
}

/* snapshot */

bool snapshot_wanted(const void *state) { return task_has_image(((const struct run_task *)state)->task); }

int snapshot_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;

	(void)err;
	if (run_is_new(t->run))
		t->call[S_SNAPSHOT] =
			snapshots_prepare_begin(run_ctrd(t->run), t->run->snapshotter, t->id, t->image->chain_id, NULL, ctx);
	return 0;
}

int snapshot_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	int r = run_is_new(t->run) ? task_await(t, S_SNAPSHOT, ctx, err) : 0;

	if (r < 0)
		return r;
	if (run_is_new(t->run))
		return snapshots_prepare_end(TAKE_PTR(t->call[S_SNAPSHOT]), ctx, &t->mounts, err);
	return snapshots_mounts(run_ctrd(t->run), t->record->c.snapshotter, t->record->c.snapshot_key, ctx, &t->mounts, err);
}

void snapshot_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);
	const struct task_over *over;

	if (run_undo_connected(t->run) && t->call[S_SNAPSHOT])
		(void)snapshots_prepare_end(TAKE_PTR(t->call[S_SNAPSHOT]), &half, &t->mounts, &unused);
	over = run_is_new(t->run) ? run_task_over(t, ctx) : NULL;
	if (over && run_undo_connected(t->run) && remains_remove_snapshot(t->core, over, t->run->snapshotter, ctx, &err) < 0)
		run_undo_failed(t->run, &err);
}

void snapshot_plan(const void *state, struct strv *out)
{
	const struct run_task *t = state;

	strv_pushf(out, "snapshot: %s of the image, in %s", t->id,
		   t->run->snapshotter ? t->run->snapshotter : "the namespace's snapshotter");
}
