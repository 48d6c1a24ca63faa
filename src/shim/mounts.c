#include "mounts.h"
#include "buf.h"
#include "loop-device.h"
#include "mem.h"
#include "overlay-names.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { DATA_MAX = 4000, LAYERS = 64 };

static const struct {
	const char *name;
	unsigned long set, clear;
	unsigned attr; /* of fsmount(2) */
} flag_rows[] = {
	{ "bind", MS_BIND, 0, 0 },
	{ "rbind", MS_BIND | MS_REC, 0, 0 },
	{ "ro", MS_RDONLY, 0, MOUNT_ATTR_RDONLY },
	{ "rw", 0, MS_RDONLY, 0 },
	{ "nosuid", MS_NOSUID, 0, MOUNT_ATTR_NOSUID },
	{ "suid", 0, MS_NOSUID, 0 },
	{ "nodev", MS_NODEV, 0, MOUNT_ATTR_NODEV },
	{ "dev", 0, MS_NODEV, 0 },
	{ "noexec", MS_NOEXEC, 0, MOUNT_ATTR_NOEXEC },
	{ "exec", 0, MS_NOEXEC, 0 },
	{ "noatime", MS_NOATIME, 0, MOUNT_ATTR_NOATIME },
	{ "relatime", MS_RELATIME, 0, MOUNT_ATTR_RELATIME },
	{ "nodiratime", MS_NODIRATIME, 0, MOUNT_ATTR_NODIRATIME },
	{ "sync", MS_SYNCHRONOUS, 0, 0 },
	{ "strictatime", MS_STRICTATIME, 0, MOUNT_ATTR_STRICTATIME },
	{ "defaults", 0, 0, 0 },
};
enum { FLAG_ROWS = sizeof flag_rows / sizeof *flag_rows };

/* What a mount asks for: flags, whether its source is a file, and what its file system is told. */
struct wish {
	unsigned long flags;
	bool loop;
	struct buf data;
};

static void wish_done(struct wish *w) { buf_done(&w->data); }

static bool flag_of(const char *word, unsigned long *flags)
{
	for (size_t i = 0; i < FLAG_ROWS; i++)
		if (!strcmp(word, flag_rows[i].name)) {
			*flags = (*flags | flag_rows[i].set) & ~flag_rows[i].clear;
			return true;
		}
	return false;
}

static unsigned attr_of(unsigned long flags)
{
	unsigned attr = 0;

	for (size_t i = 0; i < FLAG_ROWS; i++)
		if (flag_rows[i].set & flags)
			attr |= flag_rows[i].attr;
	return attr;
}

static void wish_of(const Types__Mount *m, struct wish *ret)
{
	for (size_t i = 0; i < m->n_options; i++) {
		const char *word = m->options[i];

		if (!strcmp(word, "loop"))
			ret->loop = true;
		else if (!flag_of(word, &ret->flags))
			buf_addf(&ret->data, "%s%s", ret->data.len ? "," : "", word);
	}
}

/* What needs a helper program, containerd's mount manager, or a mapping of ids. */
static int mount_check_kind(const Types__Mount *m, struct err *err)
{
	static const char *const kinds[] = { "fuse", "format/", "mkdir/", "mkfs/" }, *const words[] = { "uidmap=", "gidmap=" };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strncmp(m->type, kinds[i], strlen(kinds[i])))
			return err_hint(err, err_set(err, ERR_UNIMPLEMENTED, "mount of type %s", m->type),
					"use another snapshotter");
	for (size_t i = 0; i < m->n_options; i++)
		for (size_t k = 0; k < sizeof words / sizeof *words; k++)
			if (!strncmp(m->options[i], words[k], strlen(words[k])))
				return err_hint(err, err_set(err, ERR_UNIMPLEMENTED, "mount with %s", m->options[i]),
						"let the snapshotter change the owners");
	return 0;
}

/* Each layer by itself, "lowerdir+" (Linux 6.5), since a page has no room for all of them. */
static int set_layers(int fs, char *list)
{
	for (char *rest = list, *one; (one = strsep(&rest, ":"));)
		if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", one, 0) < 0)
			return -1;
	return 0;
}

static int set_mount_option(int fs, char *option)
{
	char *value = strchr(option, '=');

	if (!value)
		return fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0);
	*value++ = '\0';
	return strcmp(option, "lowerdir") != 0 ? fsconfig(fs, FSCONFIG_SET_STRING, option, value, 0) : set_layers(fs, value);
}

static int mount_each_layer(const Types__Mount *m, const char *target, const struct wish *w)
{
	_cleanup_close_ int fs = fsopen(m->type, FSOPEN_CLOEXEC), mounted = -1;
	unsigned long unused = 0;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", m->source, 0) < 0)
		return -1;
	for (size_t i = 0; i < m->n_options; i++) {
		_cleanup_free_ char *option = mem_strdup(m->options[i]);

		if (!flag_of(option, &unused) && set_mount_option(fs, option) < 0)
			return -1;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	mounted = fsmount(fs, FSMOUNT_CLOEXEC, attr_of(w->flags));
	return mounted < 0 ? -1 : move_mount(mounted, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

/* As it was before Linux 6.5: the layers by short names, from a folder above all of them. */
static int mount_by_short_names(const Types__Mount *m, const char *target, const struct wish *w)
{
	_cleanup_close_ int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *parent = NULL;
	_cleanup_buf_ struct buf data = { 0 };
	int r = -1;

	if (!overlay_names_shorten(buf_str(&w->data), &parent, &data) || data.len > DATA_MAX) {
		errno = E2BIG;
		return -1;
	}
	if (here < 0 || chdir(parent) < 0)
		return -1;
	r = mount(m->source, target, m->type, w->flags, buf_str(&data));
	(void)!fchdir(here);
	return r;
}

static int mount_usual(const Types__Mount *m, const char *source, const char *target, const struct wish *w)
{
	int r = mount(source, target, m->type, w->flags, w->data.len ? buf_str(&w->data) : NULL);

	if (r == 0 && w->flags & MS_BIND &&
	    w->flags & ~(unsigned long)(MS_BIND | MS_REC)) /* a bind takes its flags the second time */
		r = mount(NULL, target, NULL, w->flags | MS_REMOUNT, NULL);
	return r;
}

static int mount_long(const Types__Mount *m, const char *target, const struct wish *w)
{
	int r = mount_each_layer(m, target, w);

	return r < 0 && (errno == EINVAL || errno == ENOSYS) ? mount_by_short_names(m, target, w) : r;
}

/* The device goes with the last that has it mounted: who writes into the snapshot just now, as davit cp does, must not do so by a
 * second file system on the same file. */
static int mount_loop(const Types__Mount *m, const char *target, const struct wish *w, struct err *err)
{
	const bool read_only = w->flags & MS_RDONLY;
	_cleanup_close_ int device = -1;
	_cleanup_free_ char *path = NULL;
	int r = read_only ? 0 : loop_device_find(m->source, &device, &path, err);

	if (r == 0)
		r = loop_device_open(m->source, read_only, &device, &path, err);
	if (r < 0)
		return r;
	return mount_usual(m, path, target, w) < 0 ? err_sys(err, errno, "mount of %s at %s", m->source, target) : 0;
}

static int mounts_one(const Types__Mount *m, const char *target, struct err *err)
{
	_cleanup_(wish_done) struct wish w = { 0 };
	int r = mount_check_kind(m, err);

	if (r < 0)
		return r;
	wish_of(m, &w);
	if (w.loop)
		return mount_loop(m, target, &w, err);
	if (w.data.len > DATA_MAX && !(w.flags & MS_BIND))
		r = mount_long(m, target, &w);
	else
		r = mount_usual(m, m->source, target, &w);
	return r < 0 ? err_sys(err, errno, "mount of type %s at %s", m->type, target) : 0;
}

int mounts_make(Types__Mount *const *v, size_t n, const char *target, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = mounts_one(v[i], target, err);

		if (r < 0) {
			(void)mounts_drop(target, NULL);
			return r;
		}
	}
	return 0;
}

int mounts_drop(const char *target, struct err *err)
{
	for (int i = 0; i < LAYERS; i++)
		if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return errno == EINVAL || errno == ENOENT ? 0 : err_sys(err, errno, "unmount %s", target);
	return 0;
}
