/* What a job mounts: host paths and volumes become the binds of its spec, and empty volumes are filled from the image. */
#include "job-state.h"
#include "mem.h"
#include "path.h"
#include "volume-copy.h"
#include <string.h>
#include <sys/stat.h>

const char *run_user(const struct run *run)
{
	return run->task->user && *run->task->user ? run->task->user : run->image.config.user;
}

bool run_has_volumes(const struct run *run)
{
	bool volumes = run->image.config.volumes.n > 0;

	for (size_t i = 0; i < run->task->n_mounts; i++)
		volumes |= run->task->mounts[i].kind == MOUNT_VOLUME;
	return volumes;
}

static bool is_mounted_at(const struct run *run, const char *target)
{
	for (size_t i = 0; i < run->task->n_mounts; i++) {
		_cleanup_free_ char *its = path_clean(run->task->mounts[i].target, NULL);

		if (!strcmp(its, target))
			return true;
	}
	return false;
}

/* A volume that the image declares and the job does not name gets an anonymous one, as Docker does. */
int run_image_volumes(struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->image.config.volumes.n; i++) {
		const char *declared = run->image.config.volumes.v[i];
		_cleanup_free_ char *target = path_clean(declared, NULL);

		if (!strcmp(target, "/"))
			return err_hint(err,
					err_set(err, ERR_INVALID,
						"image %s: it declares its root folder a volume "
						"(VOLUME \"%.80s\"), which would hide the image",
						run->task->image, declared),
					"build it again without that line, or tell who built it");
		if (!is_mounted_at(run, target)) {
			struct mount *m = task_add_mount(run->task);

			m->kind = MOUNT_VOLUME;
			m->target = TAKE_PTR(target);
		}
	}
	return 0;
}

static int bind_source(struct run *run, struct mount *m, const struct ctx *ctx, struct err *err)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	struct stat st;
	bool fresh = false;
	int r;

	if (m->kind == MOUNT_BIND) {
		if (stat(m->source, &st) < 0)
			return err_hint(err, err_sys(err, errno, "mount %s", m->source),
					"make it on the host first, or use a named volume");
		strv_push(&run->bind_sources, m->source);
		return 0;
	}
	if (!m->source)
		dict_set(&labels, CLAIM_ID, run->id); /* whose it is, as long as no record says so */
	r = volume_use(run->core, m->source, &labels, ctx, &v, &fresh, &run->volume_holds[run->n_volume_holds], err);
	if (r < 0)
		return r;
	run->n_volume_holds++;
	if (!m->source)
		m->source = mem_strdup(v.name); /* remembered with the job, so that rm -v finds it */
	if (fresh)
		strv_push(&run->fresh_volumes, v.name);
	strv_push(&run->bind_sources, v.path);
	return 0;
}

void run_release_volumes(struct run *run)
{
	while (run->n_volume_holds)
		(void)close(run->volume_holds[--run->n_volume_holds]);
}

int run_binds(struct run *run, const struct ctx *ctx, struct err *err)
{
	run->binds = mem_array(struct spec_mount, run->task->n_mounts);
	run->volume_holds = mem_array(int, run->task->n_mounts);
	for (size_t i = 0; i < run->task->n_mounts; i++) {
		struct mount *m = &run->task->mounts[i];
		int r = m->kind == MOUNT_TMPFS ? 0 : bind_source(run, m, ctx, err);

		if (r < 0)
			return r;
		if (m->kind == MOUNT_TMPFS)
			continue;
		run->binds[run->n_binds++] = (struct spec_mount){ .source = run->bind_sources.v[run->bind_sources.n - 1],
								  .target = m->target,
								  .read_only = m->read_only,
								  .options = &m->options };
	}
	return 0;
}

/* Each volume that is empty gets what the image has at its mount point, as Docker does it. */
int run_fill_volumes(struct run *run, int rootfd, const struct ctx *ctx, struct err *err)
{
	for (size_t i = 0; i < run->task->n_mounts; i++) {
		const struct mount *m = &run->task->mounts[i];
		_cleanup_(volume_done) struct volume v = { 0 };
		int r = 0;

		if (m->kind != MOUNT_VOLUME || strv_has(&m->options, "nocopy"))
			continue;
		r = volume_get(run->core, m->source, &v, err);
		if (r >= 0)
			r = volume_copy_up(rootfd, m->target, &v, ctx, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void run_binds_dry(struct run *run)
{
	run->binds = mem_array(struct spec_mount, run->task->n_mounts);
	for (size_t i = 0; i < run->task->n_mounts; i++) {
		const struct mount *m = &run->task->mounts[i];

		if (m->kind == MOUNT_TMPFS)
			continue;
		if (m->kind == MOUNT_BIND)
			strv_push(&run->bind_sources, m->source);
		else
			strv_pushf(&run->bind_sources, "%s/volumes/%s/%s/_data", run->core->conf.data_dir, run->core->conf.ns,
				   m->source ? m->source : "NEW");
		run->binds[run->n_binds++] = (struct spec_mount){ .source = run->bind_sources.v[run->bind_sources.n - 1],
								  .target = m->target,
								  .read_only = m->read_only,
								  .options = &m->options };
	}
}
