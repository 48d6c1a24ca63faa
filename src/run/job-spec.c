/* The runtime spec of a run: for its container record, and for --dry-run. */
#include "beneath.h"
#include "bundle-task.h"
#include "cap.h"
#include "file.h"
#include "job-order.h"
#include "job-state.h"
#include "joined.h"
#include "injected.h"
#include "mapped.h"
#include "mem.h"
#include "path.h"
#include "pod.h"
#include "rootfs.h"
#include "scratch.h"
#include "shared-shm.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

/* What the job has mounted read-only on /etc itself; NULL: nothing. */
static const struct mount *read_only_etc(const struct run_task *t)
{
	for (size_t i = 0; i < t->task->n_mounts; i++) {
		_cleanup_free_ char *target = path_clean(t->task->mounts[i].target, NULL);

		if (t->task->mounts[i].read_only && !strcmp(target, "/etc"))
			return &t->task->mounts[i];
	}
	return NULL;
}

static const char *source_of(const struct run_task *t, const struct mount *m)
{
	for (size_t i = 0; i < t->n_binds; i++)
		if (t->binds[i].target == m->target)
			return t->binds[i].source;
	return NULL;
}

/* A file is bound over another, and in what is read-only the engine cannot make one that is not there. */
static void keep_what_fits(const struct run_task *t, const char **files[3])
{
	static const char *const names[] = { "resolv.conf", "hosts", "hostname" };
	const struct mount *m = read_only_etc(t);
	const char *source = m ? source_of(t, m) : NULL;
	_cleanup_close_ int etc = source ? open(source, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	for (size_t i = 0; m && i < 3; i++) {
		_cleanup_close_ int fd = etc < 0 ? -1 : beneath_open(etc, names[i], O_PATH | O_NOFOLLOW);

		if (fd < 0)
			*files[i] = NULL;
	}
}

int run_spec(struct run_task *t, struct buf *out, struct err *err)
{
	_cleanup_free_ char *dir = places_files(t->core, t->run->id), *resolv = mem_printf("%s/resolv.conf", dir),
			    *hosts = mem_printf("%s/hosts", dir), *hostname = mem_printf("%s/hostname", dir);
	char host[HOST_NAME_MAX + 1];
	struct rlimit nofile = { 1024, 1024 };
	struct winsize size;
	_cleanup_free_ char *shm = shared_shm_path(t);
	_cleanup_dict_ struct dict annotations = { 0 };
	struct spec_in in = {
		.job = t->run->job,
		.task = t->task,
		.image = &t->image->config,
		.user = &t->user,
		.id = t->id,
		.cwd = t->cwd,
		.ns = t->core->conf.ns,
		.hostname = run_hostname(t->run, host),
		.netns = t->run->netns,
		.joined = job_joins(t->run->job) || job_foreign_netns(t->run->job),
		.resolv_conf = t->run->image_dns  ? NULL
			       : t->run->host_dns ? HOST_RESOLV_CONF
						  : resolv,
		.resolv_read_only = t->run->host_dns,
		.hosts = hosts,
		.hostname_file = hostname,
		.mounts = t->binds,
		.n_mounts = t->n_binds,
		.bounding = cap_bounding(),
		.vm = t->run->runtime.vm,
		.systemd = t->run->runtime.systemd,
		.recursive_ro = t->run->runtime.recursive_ro,
		.host_root = t->core->conf.host_root,
		.cgroup2 = t->run->cgroup2,
		.apparmor = t->apparmor,
		.selinux_process = t->labels.process,
		.selinux_mount = t->labels.mount,
		.annotations = &annotations,
		.shm = shm,
		.cdi = &t->cdi,
		.init = t->init,
		.reap = t->task->init,
		.scripts = t->scripts,
	};
	_cleanup_free_ char *map_dir = places_map(t->core, t->run->id, t->index);
	struct spec_map map = { .dir = map_dir, .sources = &t->mapped };
	_cleanup_(joined_done) struct joined joined = { 0 };

	if (!task_has_image(t->task))
		return run_bundle_spec(t, out, err);
	pod_annotations(t, &annotations);
	joined_paths(t, &joined);
	in.paths.pid = joined.pid;
	in.paths.ipc = joined.ipc;
	in.paths.uts = joined.uts;
	if (t->run->opts->mode == RUN_FOREGROUND && t->task->tty && streams_size(t->task->stdin_open, &size))
		in.console = (struct spec_console){ size.ws_row, size.ws_col };
	keep_what_fits(t, (const char **[]){ &in.resolv_conf, &in.hosts, &in.hostname_file });
	(void)getrlimit(RLIMIT_NOFILE, &nofile);
	in.nofile_max = nofile.rlim_max;
	if (task_is_mapped(t)) {
		map.ids = t->run->users->ids;
		in.map = &map;
	}
	return spec_build(&in, out, err);
}

/* A look at the image through a view that is gone again afterwards. */
static int dry_identity(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	_cleanup_(scratch_done) struct scratch look = SCRATCH_INIT;
	_cleanup_close_ int root = -1;
	int r = scratch_open(t->core, ctx, &look, err);

	if (r >= 0)
		r = scratch_view(&look, t->run->snapshotter, t->image->chain_id, ctx, &t->mounts, err);
	if (r >= 0)
		r = rootfs_open(&t->mounts, t->core->conf.run_dir, &root, err);
	return r < 0 ? r : run_identity(t, root, err);
}

int run_spec_dry(struct run_task *t, const struct ctx *ctx, struct buf *out, struct err *err)
{
	int r = task_has_image(t->task) ? run_image(t, ctx, err) : 0;

	if (!task_has_image(t->task))
		return run_spec(t, out, err);
	if (r < 0)
		return r == -ERR_NOT_FOUND ? err_hint(err, r, "davit pull %s", t->task->image) : r;
	r = run_image_volumes(t, err);
	if (r < 0)
		return r;
	run_binds_dry(t);
	r = run_inject(t, err);
	if (r >= 0)
		r = dry_identity(t, ctx, err);
	if (r >= 0)
		r = run_confine_dry(t, err);
	return r < 0 ? r : run_spec(t, out, err);
}
