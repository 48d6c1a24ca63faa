#include "beneath.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static int open_how(int dirfd, const char *path, int flags, unsigned long long resolve)
{
	const struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC, .resolve = resolve };
	long fd;

	do /* a rename beside us can make the kernel ask for another try */
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return (int)fd;
}

int beneath_open(int dirfd, const char *path, int flags)
{
	return open_how(dirfd, path, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

int beneath_open_straight(int dirfd, const char *path, int flags)
{
	return open_how(dirfd, path, flags, (*path == '/' ? 0 : RESOLVE_BENEATH) | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int beneath_open_within(int dirfd, const char *path, int flags)
{
	return open_how(dirfd, path, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

int beneath_open_as_root(int rootfd, const char *path, int flags)
{
	return open_how(rootfd, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

DIR *beneath_list(int dirfd)
{
	_cleanup_close_ int own = beneath_open(dirfd, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = own < 0 ? NULL : fdopendir(own);

	if (d)
		(void)TAKE_FD(own);
	return d;
}

const char *beneath_path(int fd, char path[BENEATH_PATH])
{
	(void)snprintf(path, BENEATH_PATH, "/proc/self/fd/%d", fd);
	return path;
}

int beneath_reopen(int fd, int flags)
{
	char path[BENEATH_PATH];

	return open(beneath_path(fd, path), flags | O_CLOEXEC | O_NOCTTY);
}

bool beneath_is_fifo(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

int beneath_chmod(int fd, mode_t mode)
{
	char path[BENEATH_PATH];

	return chmod(beneath_path(fd, path), mode);
}

int beneath_link(int fd, int to_dir, const char *name)
{
	char path[BENEATH_PATH];

	return linkat(AT_FDCWD, beneath_path(fd, path), to_dir, name, AT_SYMLINK_FOLLOW);
}

int beneath_move(int from_dir, const char *from, int to_dir, const char *to)
{
	struct stat st;

	int r = renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);

	if (r == 0 || errno != EINVAL)
		return r;
	/* A file system without that flag (NFS). */
	if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_dir, from, to_dir, to);
}

bool beneath_is_kernels(int fd)
{
	static const long kernels[] = { PROC_SUPER_MAGIC,   SYSFS_MAGIC,      CGROUP_SUPER_MAGIC,      CGROUP2_SUPER_MAGIC,
					DEVPTS_SUPER_MAGIC, SECURITYFS_MAGIC, DEBUGFS_MAGIC,           TRACEFS_MAGIC,
					BPF_FS_MAGIC,       SELINUX_MAGIC,    EFIVARFS_MAGIC,          PSTOREFS_MAGIC,
					BINFMTFS_MAGIC,     NSFS_MAGIC,       0x19800202 /* mqueue */, RDTGROUP_SUPER_MAGIC,
					0x62656570 /* configfs */ };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
		if ((long)fs.f_type == kernels[i])
			return true;
	return false;
}
