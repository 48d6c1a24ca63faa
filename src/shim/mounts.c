#include "mounts.h"
#include "buf.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DATA_MAX = 4000, LAYERS = 64 };

static const struct {
	const char *name;
	unsigned long set, clear;
} flag_rows[] = {
	{ "bind", MS_BIND, 0 },
	{ "rbind", MS_BIND | MS_REC, 0 },
	{ "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 },
	{ "dev", 0, MS_NODEV },
	{ "noexec", MS_NOEXEC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "noatime", MS_NOATIME, 0 },
	{ "relatime", MS_RELATIME, 0 },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "sync", MS_SYNCHRONOUS, 0 },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "defaults", 0, 0 },
};

static bool flag_of(const char *word, unsigned long *flags)
{
	for (size_t i = 0; i < sizeof flag_rows / sizeof *flag_rows; i++)
		if (!strcmp(word, flag_rows[i].name)) {
			*flags = (*flags | flag_rows[i].set) & ~flag_rows[i].clear;
			return true;
		}
	return false;
}

static unsigned long options_of(const Types__Mount *m, struct buf *data)
{
	unsigned long flags = 0;

	for (size_t i = 0; i < m->n_options; i++)
		if (!flag_of(m->options[i], &flags))
			buf_addf(data, "%s%s", data->len ? "," : "", m->options[i]);
	return flags;
}

static int config(int fs, unsigned cmd, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs, cmd, key, value, 0);
}

enum { CONFIG_FLAG, CONFIG_STRING, CONFIG_CREATE = 6 };

/* Each layer by itself, "lowerdir+" (Linux 6.5), since a page has no room for all of them. */
static int set_layers(int fs, char *list)
{
	for (char *rest = list, *one; (one = strsep(&rest, ":"));)
		if (config(fs, CONFIG_STRING, "lowerdir+", one) < 0)
			return -1;
	return 0;
}

static int set_mount_option(int fs, char *option)
{
	char *value = strchr(option, '=');

	if (!value)
		return config(fs, CONFIG_FLAG, option, NULL);
	*value++ = '\0';
	return strcmp(option, "lowerdir") != 0 ? config(fs, CONFIG_STRING, option, value) : set_layers(fs, value);
}

static int mount_long(const Types__Mount *m, const char *target, unsigned long flags)
{
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, m->type, 1 /* FSOPEN_CLOEXEC */), mounted = -1;
	unsigned long unused = 0;

	if (fs < 0 || config(fs, CONFIG_STRING, "source", m->source) < 0)
		return -1;
	for (size_t i = 0; i < m->n_options; i++) {
		_cleanup_free_ char *option = mem_strdup(m->options[i]);

		if (!flag_of(option, &unused) && set_mount_option(fs, option) < 0)
			return -1;
	}
	if (config(fs, CONFIG_CREATE, NULL, NULL) < 0)
		return -1;
	mounted = (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, flags & MS_RDONLY ? 1 /* MOUNT_ATTR_RDONLY */ : 0);
	return mounted < 0 ? -1 : (int)syscall(SYS_move_mount, mounted, "", AT_FDCWD, target, 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
}

static int mounts_one(const Types__Mount *m, const char *target, struct err *err)
{
	_cleanup_buf_ struct buf data = { 0 };
	const unsigned long flags = options_of(m, &data);
	int r;

	if (data.len > DATA_MAX && !(flags & MS_BIND))
		r = mount_long(m, target, flags);
	else
		r = mount(m->source, target, m->type, flags, data.len ? buf_str(&data) : NULL);
	if (r == 0 && flags & MS_BIND && flags & ~(unsigned long)(MS_BIND | MS_REC)) /* a bind takes its flags the second time */
		r = mount(NULL, target, NULL, flags | MS_REMOUNT, NULL);
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
