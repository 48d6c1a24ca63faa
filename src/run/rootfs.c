#include "rootfs.h"
#include "loop-device.h"
#include "mem.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const struct {
	const char *name;
	unsigned long set, clear;
} flags[] = {
	{ "ro", MS_RDONLY, 0 },     { "rw", 0, MS_RDONLY },   { "bind", MS_BIND, 0 },     { "rbind", MS_BIND | MS_REC, 0 },
	{ "nosuid", MS_NOSUID, 0 }, { "nodev", MS_NODEV, 0 }, { "noexec", MS_NOEXEC, 0 }, { "noatime", MS_NOATIME, 0 },
};

/* An fstab option that is a flag is taken out of the data. */
static bool take_flag(const char *option, unsigned long *bits)
{
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (!strcmp(flags[i].name, option)) {
			*bits = (*bits | flags[i].set) & ~flags[i].clear;
			return true;
		}
	return false;
}

/* Upper and work folder are left out: a look needs no writing, and an overlay without them can be mounted beside the real
 * one. The upper folder of a fresh snapshot is empty. */
static bool is_writing(const char *option)
{
	return !strncmp(option, "upperdir=", 9) || !strncmp(option, "workdir=", 8) || !strncmp(option, "index=", 6);
}

/* Long lists of lower folders exceed the page that mount(2) takes: each is opened and named by its descriptor. */
static int short_lowerdir(const char *list, struct buf *out, int **fds, size_t *n, struct err *err)
{
	_cleanup_strv_ struct strv dirs = { 0 };

	strv_split(&dirs, list, ":");
	*fds = mem_array(int, dirs.n);
	buf_adds(out, "lowerdir=");
	for (size_t i = 0; i < dirs.n; i++) {
		int fd = open(dirs.v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(err, errno, "layer %s", dirs.v[i]);
		(*fds)[(*n)++] = fd;
		buf_addf(out, "%s/proc/self/fd/%d", i ? ":" : "", fd);
	}
	return 0;
}

enum look_kind {
	LOOK_IMAGE,
	LOOK_WHOLE, /* with the upper folder on top */
	LOOK_WRITE, /* the snapshot itself */
};

struct look {
	const struct ctrd_mount *mount;
	enum look_kind kind;
	const char *scratch;
	struct err *err;
	int fd, r;
	int *fds;
	size_t n_fds;
};

static int look_overlay(struct look *l, const char *lowerdir, const char *rest, unsigned long bits)
{
	_cleanup_buf_ struct buf data = { 0 };
	const char *only = l->kind == LOOK_WRITE || strchr(lowerdir, ':') ? NULL : lowerdir;
	int r;

	if (only) /* one layer: the folder itself is the root */
		return mount(only, l->scratch, NULL, MS_BIND, NULL) < 0 ? err_sys(l->err, errno, "mount %s", only) : 0;
	r = short_lowerdir(lowerdir, &data, &l->fds, &l->n_fds, l->err);
	if (r < 0)
		return r;
	if (l->kind == LOOK_WRITE)
		buf_addf(&data, "%s%s", *rest ? "," : "", rest);
	else
		bits |= MS_RDONLY;
	if (mount("overlay", l->scratch, "overlay", bits, buf_str(&data)) < 0)
		return err_sys(l->err, errno, "mount overlay");
	return 0;
}

/* One that is mounted already is that of a job that runs: the same file system is seen once more. Else nothing is written by a
 * look, so that a job which starts meanwhile has the file for itself. */
static int look_loop(struct look *l, unsigned long bits, const char *data)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r = loop_device_find(l->mount->source, &fd, &path, l->err);

	if (r == 0 && l->kind != LOOK_WRITE)
		bits |= MS_RDONLY;
	if (r == 0)
		r = loop_device_open(l->mount->source, bits & MS_RDONLY, &fd, &path, l->err);
	if (r >= 0 && mount(path, l->scratch, l->mount->type, bits, data) < 0)
		r = err_sys(l->err, errno, "mount %s of type %s", l->mount->source, l->mount->type);
	return r < 0 ? r : 0;
}

static int look_mount(struct look *l)
{
	_cleanup_strv_ struct strv data = { 0 };
	_cleanup_free_ char *text = NULL, *both = NULL;
	const char *lowerdir = NULL, *upperdir = NULL;
	unsigned long bits = 0;
	bool loop = false;

	for (size_t i = 0; i < l->mount->options.n; i++) {
		const char *o = l->mount->options.v[i];

		if (!strncmp(o, "lowerdir=", 9))
			lowerdir = o + 9;
		else if (l->kind == LOOK_WHOLE && !strncmp(o, "upperdir=", 9))
			upperdir = o + 9;
		else if (!strcmp(o, "loop"))
			loop = true;
		else if (!take_flag(o, &bits) && (l->kind == LOOK_WRITE || !is_writing(o)))
			strv_push(&data, o);
	}
	if (lowerdir && upperdir)
		lowerdir = both = mem_printf("%s:%s", upperdir, lowerdir);
	text = strv_join(&data, ",");
	if (!strcmp(l->mount->type, "overlay") && lowerdir)
		return look_overlay(l, lowerdir, text, bits);
	if (loop)
		return look_loop(l, bits, text);
	if (mount(l->mount->source, l->scratch, l->mount->type, bits, text) < 0)
		return err_sys(l->err, errno, "mount %s of type %s", l->mount->source, l->mount->type);
	return 0;
}

/* By the mount alone: a device that a job has mounted to be written to cannot be mounted otherwise a second time. */
static int look_protect(struct look *l)
{
	const unsigned long bits = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	return mount(NULL, l->scratch, NULL, bits, NULL) < 0 ? err_sys(l->err, errno, "mount at %s: read-only", l->scratch) : 0;
}

static void *look_thread(void *arg)
{
	struct look *l = arg;

	if (unshare(CLONE_FS | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
		l->r = err_sys(l->err, errno, "mount namespace");
		return NULL;
	}
	l->r = look_mount(l);
	if (l->r >= 0 && l->kind != LOOK_WRITE)
		l->r = look_protect(l);
	if (l->r < 0)
		return NULL;
	l->fd = open(l->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->fd < 0)
		l->r = err_sys(l->err, errno, "open %s", l->scratch);
	return NULL;
}

static int rootfs_look(const struct ctrd_mounts *mounts, const char *scratch, enum look_kind kind, int *ret_fd, struct err *err)
{
	struct look l = { .kind = kind, .scratch = scratch, .err = err, .fd = -1 };
	pthread_t t;
	int r;

	if (mounts->n != 1)
		return err_set(err, ERR_UNIMPLEMENTED, "snapshot of %zu mounts: cannot be looked into", mounts->n);
	l.mount = &mounts->v[0];
	r = pthread_create(&t, NULL, look_thread, &l);
	if (r != 0)
		return err_sys(err, r, "thread that looks into the image");
	(void)pthread_join(t, NULL);
	for (size_t i = 0; i < l.n_fds; i++)
		(void)close(l.fds[i]);
	free(l.fds);
	if (l.r < 0)
		return l.r;
	*ret_fd = l.fd;
	return 0;
}

int rootfs_open(const struct ctrd_mounts *mounts, const char *scratch, int *ret_fd, struct err *err)
{
	return rootfs_look(mounts, scratch, LOOK_IMAGE, ret_fd, err);
}

int rootfs_open_whole(const struct ctrd_mounts *mounts, const char *scratch, int *ret_fd, struct err *err)
{
	return rootfs_look(mounts, scratch, LOOK_WHOLE, ret_fd, err);
}

int rootfs_open_writable(const struct ctrd_mounts *mounts, const char *scratch, int *ret_fd, struct err *err)
{
	return rootfs_look(mounts, scratch, LOOK_WRITE, ret_fd, err);
}
