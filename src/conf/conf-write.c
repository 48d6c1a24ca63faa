#include "conf-write.h"
#include "buf.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20 };

static char *conf_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash > path ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(slash ? "/" : ".");
}

/* Nobody but root and we can put another file into the folder, or another folder into its place. */
static bool is_held(const char *folder)
{
	_cleanup_free_ char *at = mem_strdup(folder);

	for (;;) {
		_cleanup_free_ char *up = conf_folder(at);
		struct stat st;

		if (stat(at, &st) < 0 || (st.st_uid && st.st_uid != geteuid()) || ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)))
			return false;
		if (!strcmp(at, "/"))
			return true;
		free(TAKE_PTR(at));
		at = TAKE_PTR(up);
	}
}

/* Where @path leads, and whether that is to be trusted; absent, it is itself. */
static int conf_follow(const char *path, char **ret, struct err *err)
{
	_cleanup_free_ char *real = realpath(path, NULL), *from = conf_folder(path), *to = NULL;
	struct stat st;

	if (!real) {
		if (errno != ENOENT || lstat(path, &st) == 0)
			return err_sys(err, errno, "%s", path);
		*ret = mem_strdup(path);
		return 0;
	}
	if (lstat(path, &st) < 0)
		return err_sys(err, errno, "%s", path);
	to = conf_folder(real);
	if (S_ISLNK(st.st_mode) && (!is_held(from) || !is_held(to) || (st.st_uid && st.st_uid != geteuid())))
		return err_hint(err,
				err_set(err, ERR_PRECONDITION, "%s is a link to %s, and others than root can change where it leads",
					path, real),
				"name the file itself: --config %s", real);
	*ret = TAKE_PTR(real);
	return 0;
}

static int check_old(const char *path, const char *old, struct stat *ret, struct err *err)
{
	_cleanup_buf_ struct buf now = { 0 };
	int r;

	if (stat(path, ret) < 0)
		return err_sys(err, errno, "%s", path);
	if (!S_ISREG(ret->st_mode))
		return err_set(err, ERR_PRECONDITION, "%s is %s", path, file_kind(ret->st_mode));
	if (ret->st_nlink != 1)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "%s has other names, which would keep the old text", path),
				"find / -xdev -samefile %s", path);
	r = file_read(path, TEXT_MAX, &now, err);
	if (r >= 0 && strcmp(buf_str(&now), old) != 0)
		r = err_set(err, ERR_ABORTED, "%s was changed meanwhile", path);
	return r;
}

/* @text under a name that was not there. */
static int write_beside(int fd, const char *text, const struct stat *like)
{
	size_t len = strlen(text);

	while (len > 0) {
		const ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	if (fchown(fd, like->st_uid, like->st_gid) < 0 || fchmod(fd, like->st_mode & 07777) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int keep_old(const char *path, const char *old, const struct stat *like, char **ret, struct err *err)
{
	char now[CLOCK_TEXT];
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	name = mem_printf("%s.%s.bak", path, clock_rfc3339(clock_wall(), now));
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "%s", name);
	r = write_beside(fd, old, like);
	if (r < 0) {
		(void)unlink(name);
		return err_sys(err, -r, "%s", name);
	}
	*ret = TAKE_PTR(name);
	return 0;
}

static int put_new(const char *path, const char *text, const struct stat *like, struct err *err)
{
	_cleanup_free_ char *tmp = mem_printf("%s.XXXXXX", path);
	_cleanup_close_ int fd = mkostemp(tmp, O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "%s", tmp);
	r = write_beside(fd, text, like);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	(void)unlink(tmp);
	return err_sys(err, -r, "%s", path);
}

int conf_write(const char *path, const char *old, const char *text, char **ret_backup, struct err *err)
{
	struct stat like = { .st_mode = 0644, .st_uid = geteuid(), .st_gid = getegid() };
	_cleanup_free_ char *real = NULL, *folder = NULL, *backup = NULL;
	int r = conf_follow(path, &real, err);

	if (r < 0)
		return r;
	folder = conf_folder(real);
	r = old ? check_old(real, old, &like, err) : file_mkdirs(folder, 0755, err);
	if (r >= 0 && old)
		r = keep_old(real, old, &like, &backup, err);
	if (r >= 0)
		r = put_new(real, text, &like, err);
	if (r < 0) {
		if (backup)
			(void)unlink(backup);
		return r;
	}
	*ret_backup = TAKE_PTR(backup);
	return 0;
}
