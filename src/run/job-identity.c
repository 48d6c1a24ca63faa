/* Who the process of a run is, and where it begins, by what its container will see as /etc/passwd and /etc/group (the image's,
 * unless a mount of the job covers them) and on the way to its working folder. */
#include "identity.h"
#include "job-state.h"
#include "mem.h"
#include "rootfs.h"
#include <fcntl.h>
#include <string.h>

struct over {
	const char *target, *source; /* NULL: a tmpfs */
};

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1] && path[1] != '/';
	return n;
}

/* Outermost first, as spec_mounts() has them. */
static int by_depth(const void *a, const void *b)
{
	size_t x = depth(((const struct over *)a)->target), y = depth(((const struct over *)b)->target);

	return (x > y) - (x < y);
}

/* A source itself is followed as the engine follows it; a volume that is only planned is empty. */
static int cover(const struct over *o, struct layers *root, struct err *err)
{
	int fd = o->source ? open(o->source, O_PATH | O_CLOEXEC) : -1;

	if (fd < 0 && o->source && errno != ENOENT)
		return err_sys(err, errno, "mount %s", o->source);
	return layers_cover(root, o->target, fd, err);
}

static int cover_all(struct run_task *t, struct layers *root, struct err *err)
{
	_cleanup_free_ struct over *all = mem_array(struct over, t->n_binds + t->task->n_mounts);
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < t->n_binds; i++)
		all[n++] = (struct over){ t->binds[i].target, t->binds[i].source };
	for (size_t i = 0; i < t->task->n_mounts; i++)
		if (t->task->mounts[i].kind == MOUNT_TMPFS)
			all[n++] = (struct over){ t->task->mounts[i].target, NULL };
	if (n)
		qsort(all, n, sizeof *all, by_depth);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = cover(&all[i], root, err);
	return r;
}

static int look_up_users(struct run_task *t, struct layers *root, const char *whose, struct user_files *files, struct err *err)
{
	int r = cover_all(t, root, err);

	return r < 0 ? r : identity_read(root, whose, files, err);
}

/* The engine makes a working folder that is not there, but not through a link that leads to nothing. */
static void look_at_cwd(struct run_task *t, const struct layers *root)
{
	const char *asked = t->task->cwd ? t->task->cwd : t->image->config.cwd;

	free(t->cwd);
	t->cwd = asked ? layers_absent(root, asked) : NULL;
}

static int look_at_image(struct run_task *t, struct layers *root, struct user_files *files, struct err *err)
{
	int r = look_up_users(t, root, "image", files, err);

	if (r >= 0)
		look_at_cwd(t, root);
	return r;
}

/* The long way: through a mount of it. */
static int look_mounted(struct run_task *t, int rootfd, struct user_files *files, struct err *err)
{
	_cleanup_(layers_done) struct layers root = { 0 };
	_cleanup_free_ char *dir = places_run(t->core, t->run->id);
	int fd = rootfd < 0 ? -1 : fcntl(rootfd, F_DUPFD_CLOEXEC, 3), r = 0;

	if (fd < 0)
		r = rootfs_open(&t->mounts, dir, &fd, err);
	if (r < 0)
		return r;
	layers_of_root(fd, false, &root);
	return look_at_image(t, &root, files, err);
}

static int look_at_layers(struct run_task *t, struct user_files *files, struct err *err)
{
	_cleanup_(layers_done) struct layers root = { 0 };
	int r = layers_of_mounts(&t->mounts, false, &root, err);

	return r < 0 ? r : look_at_image(t, &root, files, err);
}

/* Waiting for the snapshot would make the container's record wait too, for one transaction of containerd more. */
void run_look_early(struct run_task *t)
{
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	_cleanup_(layers_done) struct layers root = { 0 };
	struct err unused = ERR_INIT;

	if (!t->image->layers || t->task->n_mounts || t->image->config.volumes.n)
		return;
	mounts = (struct ctrd_mounts){ .v = mem_array(struct ctrd_mount, 1), .n = 1 };
	mounts.v[0].type = mem_strdup("overlay");
	strv_pushf(&mounts.v[0].options, "lowerdir=%s", t->image->layers);
	t->files_known = layers_of_mounts(&mounts, false, &root, &unused) >= 0 && look_at_image(t, &root, &t->files, &unused) >= 0;
}

static int look_either_way(struct run_task *t, int rootfd, struct user_files *files, struct err *err)
{
	int r = rootfd < 0 ? look_at_layers(t, files, err) : -ERR_UNIMPLEMENTED;

	if (r != -ERR_UNIMPLEMENTED)
		return r;
	err_clear(err);
	return look_mounted(t, rootfd, files, err);
}

int run_identity(struct run_task *t, int rootfd, struct err *err)
{
	const char *user = run_user(t);
	int r = t->files_known ? 0 : look_either_way(t, rootfd, &t->files, err);

	return r < 0 ? r : user_lookup(&t->files, user ? user : "", strv_argv(&t->task->group_add), &t->user, err);
}

int run_look_again(struct run_task *t, struct err *err)
{
	_cleanup_(user_files_done) struct user_files unused = { 0 };
	_cleanup_(layers_done) struct layers root = { 0 };
	int r = layers_of_mounts(&t->mounts, true, &root, err);

	run_binds_dry(t); /* the volumes are there */
	if (r >= 0)
		r = look_up_users(t, &root, "job", &unused, err);
	if (r != -ERR_UNIMPLEMENTED)
		return r;
	err_clear(err); /* a snapshot of another form, which nobody else may mount beside the job */
	return 0;
}
