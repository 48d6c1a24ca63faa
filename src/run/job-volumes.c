/* What a job mounts: host paths and volumes become the binds of its spec, and empty volumes are filled from the image. */
#include "file.h"
#include "held.h"
#include "job-state.h"
#include "mem.h"
#include "mount-option.h"
#include "path.h"
#include "places.h"
#include "propagation.h"
#include "volume-copy.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

const char *run_user(const struct run_task *t) { return t->task->user && *t->task->user ? t->task->user : t->image->config.user; }

bool run_has_volumes(const struct run_task *t)
{
	bool volumes = t->image->config.volumes.n > 0;

	for (size_t i = 0; i < t->task->n_mounts; i++)
		volumes |= t->task->mounts[i].kind == MOUNT_VOLUME;
	return volumes;
}

static bool is_mounted_at(const struct run_task *t, const char *target)
{
	for (size_t i = 0; i < t->task->n_mounts; i++) {
		_cleanup_free_ char *its = path_clean(t->task->mounts[i].target, NULL);

		if (!strcmp(its, target))
			return true;
	}
	return false;
}

/* A volume that the image declares and the job does not name gets an anonymous one, as Docker does. */
int run_image_volumes(struct run_task *t, struct err *err)
{
	for (size_t i = 0; i < t->image->config.volumes.n; i++) {
		const char *declared = t->image->config.volumes.v[i];
		_cleanup_free_ char *target = path_clean(declared, NULL);

		if (!strcmp(target, "/"))
			return err_hint(err,
					err_set(err, ERR_INVALID,
						"image %s: it declares its root folder a volume "
						"(VOLUME \"%.80s\"), which would hide the image",
						t->task->image, declared),
					"build it again without that line, or tell who built it");
		if (!is_mounted_at(t, target)) {
			struct mount *m = task_add_mount(t->task);

			m->kind = MOUNT_VOLUME;
			m->target = TAKE_PTR(target);
		}
	}
	return 0;
}

/* One folder below that of the job, which nobody else passes; it stays while the job exists. */
static int job_folder(struct run_task *t, const struct mount *m, struct err *err)
{
	_cleanup_free_ char *dir = places_folders(t->core, t->run->id), *path = mem_printf("%s/%s", dir, m->source);
	int r = file_mkdirs_private(dir, err);

	if (r >= 0 && mkdir(path, 0777) < 0 && errno != EEXIST)
		r = err_sys(err, errno, "%s", path);
	else if (r >= 0 && chmod(path, 0777) < 0) /* whatever the umask */
		r = err_sys(err, errno, "%s", path);
	strv_push(&t->bind_sources, path);
	return r;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || S_ISDIR(st.st_mode); /* a volume that is yet to be made is one */
}

static int host_source(struct run_task *t, const struct mount *m, struct err *err)
{
	const char *propagation = propagation_of(&m->options);
	_cleanup_free_ char *held = NULL;
	struct stat st;
	int r = 0;

	if (strv_has(&m->options, MOUNT_CREATE) && !file_exists(m->source)) {
		r = file_mkdirs(m->source, 0755, err);
		if (r < 0)
			return err_wrap(err, r, "mount %s", m->source);
	}
	if (strv_has(&m->options, MOUNT_NO_LINKS))
		r = held_bind(t, (size_t)(m - t->task->mounts), &held, err);
	else if (stat(m->source, &st) < 0)
		r = err_hint(err, err_sys(err, errno, "mount %s", m->source), "make it on the host first, or use a named volume");
	if (r < 0)
		return r;
	strv_push(&t->bind_sources, held ? held : m->source);
	return propagation ? propagation_check(t->core->conf.host_root ? t->core->conf.host_root : "", m->source, propagation, err)
			   : 0;
}

static int bind_source(struct run_task *t, struct mount *m, const struct ctx *ctx, struct err *err)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	bool fresh = false;
	int r;

	if (m->kind == MOUNT_BIND)
		return host_source(t, m, err);
	if (m->kind == MOUNT_JOB)
		return job_folder(t, m, err);
	if (!m->source)
		dict_set(&labels, CLAIM_ID, t->id); /* whose it is, as long as no record says so */
	r = volume_use(t->core, m->source, &labels, ctx, &v, &fresh, &t->volume_holds[t->n_volume_holds], err);
	if (r < 0)
		return r;
	t->n_volume_holds++;
	if (!m->source)
		m->source = mem_strdup(v.name); /* remembered with the job, so that rm -v finds it */
	if (fresh)
		strv_push(&t->fresh_volumes, v.name);
	strv_push(&t->bind_sources, v.path);
	return 0;
}

void run_release_volumes(struct run_task *t)
{
	while (t->n_volume_holds)
		(void)close(t->volume_holds[--t->n_volume_holds]);
}

char *run_file_name(const struct run_task *t, size_t i) { return mem_printf("task%zu.file%zu", t->index, i); }

/* The files that the job brings itself: step-files.c has written them. */
static void bind_files(struct run_task *t)
{
	_cleanup_free_ char *dir = places_files(t->core, t->run->id);

	for (size_t i = 0; i < t->task->n_files; i++) {
		_cleanup_free_ char *name = run_file_name(t, i);

		strv_pushf(&t->bind_sources, "%s/%s", dir, name);
		t->binds[t->n_binds++] = (struct spec_mount){ .source = t->bind_sources.v[t->bind_sources.n - 1],
							      .target = t->task->files[i].target,
							      .read_only = true };
	}
}

int run_binds(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	t->binds = mem_array(struct spec_mount, t->task->n_mounts + t->task->n_files);
	t->volume_holds = mem_array(int, t->task->n_mounts);
	for (size_t i = 0; i < t->task->n_mounts; i++) {
		struct mount *m = &t->task->mounts[i];
		int r = m->kind == MOUNT_TMPFS ? 0 : bind_source(t, m, ctx, err);

		if (r < 0)
			return r;
		if (m->kind == MOUNT_TMPFS)
			continue;
		t->binds[t->n_binds++] = (struct spec_mount){ .source = t->bind_sources.v[t->bind_sources.n - 1],
							      .target = m->target,
							      .read_only = m->read_only,
							      .options = &m->options,
							      .folder = is_folder(t->bind_sources.v[t->bind_sources.n - 1]) };
	}
	bind_files(t);
	t->held_binds = true;
	return 0;
}

/* Each volume that is empty gets what the image has at its mount point, as Docker does it. */
int run_fill_volumes(struct run_task *t, int rootfd, const struct ctx *ctx, struct err *err)
{
	for (size_t i = 0; i < t->task->n_mounts; i++) {
		const struct mount *m = &t->task->mounts[i];
		_cleanup_(volume_done) struct volume v = { 0 };
		int r = 0;

		if (m->kind != MOUNT_VOLUME || strv_has(&m->options, "nocopy"))
			continue;
		r = volume_get(t->core, m->source, &v, err);
		if (r >= 0)
			r = volume_copy_up(rootfd, m->target, &v, ctx, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void run_binds_dry(struct run_task *t)
{
	t->binds = mem_array(struct spec_mount, t->task->n_mounts + t->task->n_files);
	for (size_t i = 0; i < t->task->n_mounts; i++) {
		const struct mount *m = &t->task->mounts[i];

		if (m->kind == MOUNT_TMPFS)
			continue;
		if (m->kind == MOUNT_BIND)
			strv_push(&t->bind_sources, m->source);
		else if (m->kind == MOUNT_JOB)
			strv_pushf(&t->bind_sources, "%s/folders/%s/%s/%s", t->core->conf.data_dir, t->core->conf.ns, t->run->id,
				   m->source);
		else
			strv_pushf(&t->bind_sources, "%s/volumes/%s/%s/_data", t->core->conf.data_dir, t->core->conf.ns,
				   m->source ? m->source : "NEW");
		t->binds[t->n_binds++] = (struct spec_mount){ .source = t->bind_sources.v[t->bind_sources.n - 1],
							      .target = m->target,
							      .read_only = m->read_only,
							      .options = &m->options,
							      .folder = is_folder(t->bind_sources.v[t->bind_sources.n - 1]) };
	}
	bind_files(t);
}
