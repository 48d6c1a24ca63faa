/* The runtime spec of a run: for its container record, and for --dry-run. */
#include "beneath.h"
#include "cap.h"
#include "file.h"
#include "job-state.h"
#include "leases.h"
#include "mem.h"
#include "path.h"
#include "rootfs.h"
#include "snapshots.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

/* What the job has mounted read-only on /etc itself; NULL: nothing. */
static const struct mount *read_only_etc(const struct run *run)
{
	for (size_t i = 0; i < run->task->n_mounts; i++) {
		_cleanup_free_ char *target = path_clean(run->task->mounts[i].target, NULL);

		if (run->task->mounts[i].read_only && !strcmp(target, "/etc"))
			return &run->task->mounts[i];
	}
	return NULL;
}

static const char *source_of(const struct run *run, const struct mount *m)
{
	for (size_t i = 0; i < run->n_binds; i++)
		if (run->binds[i].target == m->target)
			return run->binds[i].source;
	return NULL;
}

/* A file is bound over another, and in what is read-only the engine cannot make one that is not there. */
static void keep_what_fits(const struct run *run, const char **files[3])
{
	static const char *const names[] = { "resolv.conf", "hosts", "hostname" };
	const struct mount *m = read_only_etc(run);
	const char *source = m ? source_of(run, m) : NULL;
	_cleanup_close_ int etc = source ? open(source, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	for (size_t i = 0; m && i < 3; i++) {
		_cleanup_close_ int fd = etc < 0 ? -1 : beneath_open(etc, names[i], O_PATH | O_NOFOLLOW);

		if (fd < 0)
			*files[i] = NULL;
	}
}

int run_spec(struct run *run, struct buf *out, struct err *err)
{
	_cleanup_free_ char *dir = places_files(run->core, run->id), *resolv = mem_printf("%s/resolv.conf", dir),
			    *hosts = mem_printf("%s/hosts", dir), *hostname = mem_printf("%s/hostname", dir);
	char host[HOST_NAME_MAX + 1];
	struct rlimit nofile = { 1024, 1024 };
	struct winsize size;
	struct spec_in in = {
		.job = run->job,
		.task = run->task,
		.image = &run->image.config,
		.user = &run->user,
		.id = run->id,
		.cwd = run->cwd,
		.ns = run->core->conf.ns,
		.hostname = run_hostname(run, host),
		.netns = run->netns,
		.joined = job_joins(run->job) != NULL,
		.resolv_conf = resolv,
		.hosts = hosts,
		.hostname_file = hostname,
		.mounts = run->binds,
		.n_mounts = run->n_binds,
		.bounding = cap_bounding(),
		.vm = run->runtime.vm,
		.cgroup2 = run->cgroup2,
		.apparmor = run->apparmor,
		.selinux_process = run->labels.process,
		.selinux_mount = run->labels.mount,
	};

	if (run->opts->mode == RUN_FOREGROUND && run->task->tty && streams_size(run->task->stdin_open, &size))
		in.console = (struct spec_console){ size.ws_row, size.ws_col };
	keep_what_fits(run, (const char **[]){ &in.resolv_conf, &in.hosts, &in.hostname_file });
	(void)getrlimit(RLIMIT_NOFILE, &nofile);
	in.nofile_max = nofile.rlim_max;
	return spec_build(&in, out, err);
}

/* A look at the image through a view that is gone again afterwards. */
static int dry_identity(struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *key = mem_printf("look-%s", run->id);
	char scratch[] = "/tmp/davit-look-XXXXXX";
	_cleanup_(ctrd_freep) struct ctrd *held = NULL;
	_cleanup_close_ int root = -1;
	int r = leases_create(run->core->ctrd, key, NULL, ctx, err);

	if (r < 0)
		return r;
	if (!mkdtemp(scratch))
		r = err_sys(err, errno, "folder %s", scratch);
	held = ctrd_under(run->core->ctrd, key);
	if (r >= 0)
		r = snapshots_view(held, run->snapshotter, key, run->image.chain_id, NULL, ctx, &run->mounts, err);
	if (r >= 0)
		r = rootfs_open(&run->mounts, scratch, &root, err);
	if (r >= 0)
		r = run_identity(run, root, err);
	(void)snapshots_remove(run->core->ctrd, run->snapshotter, key, ctx, NULL);
	(void)leases_delete(run->core->ctrd, key, false, ctx, NULL);
	(void)rmdir(scratch);
	return r;
}

int run_spec_dry(struct run *run, const struct ctx *ctx, struct buf *out, struct err *err)
{
	int r = run_image(run, ctx, err);

	if (r < 0)
		return r == -ERR_NOT_FOUND ? err_hint(err, r, "davit pull %s", run->task->image) : r;
	r = run_image_volumes(run, err);
	if (r < 0)
		return r;
	run_binds_dry(run);
	r = dry_identity(run, ctx, err);
	if (r >= 0)
		r = run_confine_dry(run, err);
	return r < 0 ? r : run_spec(run, out, err);
}
