#include "loop-device.h"
#include "attr.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 100 };

/* -EBUSY: somebody was quicker. */
static int take_device(int control, int file, bool read_only, int *ret_fd, char **ret_path)
{
	const struct loop_config config = {
		.fd = (uint32_t)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0),
	};
	const int number = ioctl(control, LOOP_CTL_GET_FREE);
	_cleanup_free_ char *path = mem_printf("/dev/loop%d", number);
	_cleanup_close_ int fd = number < 0 ? -1 : open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, LOOP_CONFIGURE, &config) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	*ret_path = TAKE_PTR(path);
	return 0;
}

int loop_device_open(const char *file, bool read_only, int *ret_fd, char **ret_path, struct err *err)
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int from = open(file, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	int r = -EBUSY;

	if (control < 0)
		return err_sys(err, errno, "/dev/loop-control");
	if (from < 0)
		return err_sys(err, errno, "%s", file);
	for (int i = 0; i < TRIES && r == -EBUSY; i++)
		r = take_device(control, from, read_only, ret_fd, ret_path);
	if (r == -EBUSY)
		return err_set(err, ERR_EXHAUSTED, "loop device for %s: others take each", file);
	return r < 0 ? err_sys(err, -r, "loop device for %s", file) : 0;
}

static bool device_is_of(int fd, const struct stat *file)
{
	struct loop_info64 info;

	return ioctl(fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == file->st_ino && info.lo_device == file->st_dev &&
	       info.lo_offset == 0 && !(info.lo_flags & LO_FLAGS_READ_ONLY);
}

int loop_device_find(const char *file, int *ret_fd, char **ret_path, struct err *err)
{
	_cleanup_(closedirp) DIR *d = opendir("/sys/block");
	struct stat st;

	if (stat(file, &st) < 0)
		return err_sys(err, errno, "%s", file);
	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *bound = mem_printf("/sys/block/%s/loop", e->d_name), *path = mem_printf("/dev/%s", e->d_name);
		_cleanup_close_ int fd = -1;

		if (strncmp(e->d_name, "loop", 4) != 0 || access(bound, F_OK) < 0)
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 || !device_is_of(fd, &st))
			continue;
		*ret_fd = TAKE_FD(fd);
		*ret_path = TAKE_PTR(path);
		return 1;
	}
	return 0;
}
