#include "identity.h"
#include "beneath.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

enum { FILE_MAX = 4 << 20 };

/* A file of /proc or its like says that it is regular and may wait for ever. */
static bool is_plain(int fd, const struct stat *st)
{
	struct statfs fs;

	if (!S_ISREG(st->st_mode) || fstatfs(fd, &fs) < 0)
		return false;
	return fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC && fs.f_type != DEBUGFS_MAGIC &&
	       fs.f_type != TRACEFS_MAGIC;
}

/* @place was looked at: what is opened is what was judged. */
static int read_place(int place, struct buf *out, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char self[BENEATH_PATH];
	struct stat st;
	ssize_t n;

	if (fstat(place, &st) < 0)
		return err_sys(err, errno, "state");
	if (!is_plain(place, &st))
		return err_set(err, ERR_INVALID, "%s, not a regular file",
			       S_ISREG(st.st_mode) ? "a file of the kernel's" : file_kind(st.st_mode));
	if (st.st_size > FILE_MAX)
		return err_set(err, ERR_EXHAUSTED, "longer than 4 MiB");
	fd = open(beneath_path(place, self), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "opening");
	do {
		n = read(fd, buf_room(out, 16384), 16384);
		if (n > 0)
			buf_grew(out, (size_t)n);
	} while ((n > 0 && out->len <= FILE_MAX) || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_sys(err, errno, "reading");
	return n == 0 ? 0 : err_set(err, ERR_EXHAUSTED, "longer than 4 MiB");
}

static int read_file(const struct layers *root, const char *whose, const char *path, struct buf *out, struct err *err)
{
	_cleanup_close_ int place = -1;
	int r = layers_open(root, path, &place, err);

	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		return 0;
	}
	if (r >= 0)
		r = read_place(place, out, err);
	if (r == -ERR_INVALID || r == -ERR_EXHAUSTED)
		r = err_hint(err, r, "the engine reads it at a start and an exec: the %s needs a regular file there, or none",
			     whose);
	return r < 0 ? err_wrap(err, r, "%s's /%s", whose, path) : 0;
}

int identity_read(const struct layers *root, const char *whose, struct user_files *ret, struct err *err)
{
	_cleanup_(user_files_done) struct user_files files = { .whose = whose };
	int r = read_file(root, whose, "etc/passwd", &files.passwd, err);

	if (r >= 0)
		r = read_file(root, whose, "etc/group", &files.group, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(files);
	return 0;
}

int identity_of_process(pid_t pid, struct user_files *ret, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/root", (int)pid);
	_cleanup_(layers_done) struct layers root = { 0 };
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "root of process %d", (int)pid);
	layers_of_root(fd, true, &root);
	return identity_read(&root, "job", ret, err);
}
