/* The step "rootfs": volumes, and who the process is, by the files of the image and of the volumes. What an empty volume is filled
 * with may be much: a thread copies it, while the rest of the job goes on. */
#include "job-steps.h"
#include "job-order.h"
#include "held.h"
#include "injected.h"
#include "mem.h"
#include "rootfs.h"
#include <pthread.h>
#include <string.h>

struct filling {
	struct run_task *task;
	int root; /* the image's */
	pthread_t thread;
	struct cancel cancel;
	struct post post; /* the thread's last word */
	bool done;
	int r;
	struct err err;
};

static void *fill_thread(void *arg)
{
	struct filling *f = arg;
	const struct ctx ctx = { .cancel = &f->cancel }; /* a copy takes what it takes */

	f->r = run_fill_volumes(f->task, f->root, &ctx, &f->err);
	loop_post(f->task->core->loop, &f->post);
	return NULL;
}

static void on_filled(void *arg) { ((struct filling *)arg)->done = true; }

static void filling_free(struct filling *f)
{
	loop_unpost(f->task->core->loop, &f->post);
	closep(&f->root);
	free(f);
}

/* Takes @root over. */
static int fill_begin(struct run_task *t, int root, struct err *err)
{
	struct filling *f = mem_new(struct filling);
	int r;

	*f = (struct filling){ .task = t, .root = root, .cancel = { .fd = -1 }, .err = ERR_INIT };
	post_init(&f->post, on_filled, f);
	r = pthread_create(&f->thread, NULL, fill_thread, f);
	if (r != 0) {
		filling_free(f);
		return err_sys(err, r, "thread that fills volumes");
	}
	t->filling = f;
	return GRAPH_LONG;
}

static int fill_end(struct run_task *t, int *ret_root, struct err *err)
{
	struct filling *f = TAKE_PTR(t->filling);
	int r;

	(void)pthread_join(f->thread, NULL);
	r = f->r;
	if (r < 0 && err)
		*err = f->err;
	*ret_root = TAKE_FD(f->root);
	filling_free(f);
	return r;
}

bool rootfs_ready(const void *state, unsigned number)
{
	const struct run_task *t = state;

	(void)number;
	return !t->filling || t->filling->done;
}

int rootfs_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	_cleanup_free_ char *dir = places_run(t->core, t->run->id);
	_cleanup_close_ int root = -1;
	int r;

	if (!task_has_image(t->task))
		return 0;
	if (!task_is_new(t))
		return run_look_again(t, err);
	if (t->filling) {
		r = fill_end(t, &root, err);
		return r < 0 ? r : run_identity(t, root, err);
	}
	r = run_image_volumes(t, err);
	if (r >= 0)
		r = run_binds(t, ctx, err);
	if (r >= 0)
		r = run_inject(t, err);
	if (r >= 0 && run_has_volumes(t)) {
		r = rootfs_open(&t->mounts, dir, &root, err);
		return r < 0 ? r : fill_begin(t, TAKE_FD(root), err);
	}
	return r < 0 ? r : run_identity(t, -1, err);
}

/* A named one may have found another job that uses it meanwhile. */
static void undo_volume(struct run_task *t, const char *name, const struct task_over *over, const struct ctx *ctx)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	struct err err = ERR_INIT;
	int r = volume_get(t->core, name, &v, NULL);

	if (r >= 0)
		r = v.anonymous                  ? volume_drop_own(t->core, name, over, NULL, &err)
		    : run_undo_connected(t->run) ? volume_remove(t->core, name, ctx, &err)
						 : 0;
	if (r < 0 && r != -ERR_NOT_FOUND && r != -ERR_PRECONDITION)
		run_undo_failed(t->run, &err);
}

/* Those of all that are filling end while the first is waited for. */
static void filling_stop(struct run_task *t)
{
	_cleanup_close_ int root = -1;

	for (size_t i = 0; i < t->run->n_tasks; i++)
		if (t->run->tasks[i].filling)
			t->run->tasks[i].filling->cancel.on = 1;
	if (t->filling)
		(void)fill_end(t, &root, NULL);
}

void rootfs_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;
	const struct task_over *over;

	filling_stop(t);
	held_drop(t);
	run_release_volumes(t);
	over = t->fresh_volumes.n ? run_task_over(t, ctx) : NULL;
	for (size_t i = 0; over && i < t->fresh_volumes.n; i++)
		undo_volume(t, t->fresh_volumes.v[i], over, ctx);
}

bool rootfs_needs_snapshot(const void *state)
{
	const struct run_task *t = state;

	return !t->files_known;
}
