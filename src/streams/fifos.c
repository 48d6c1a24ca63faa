#include "fifos.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_one(struct fifos *f, unsigned i, const char *name, int flags, int *ret_fd, struct err *err)
{
	f->path[i] = mem_printf("%s/%s", f->dir, name);
	if (mkfifo(f->path[i], 0600) < 0)
		return err_sys(err, errno, "FIFO %s", f->path[i]);
	*ret_fd = open(f->path[i], flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? err_sys(err, errno, "FIFO %s", f->path[i]) : 0;
}

int fifos_make(struct fifos *f, const char *dir, bool input, bool tty, int ret_fds[3], struct err *err)
{
	int fds[3] = { -1, -1, -1 }, r;

	*f = (struct fifos){ 0 };
	r = file_mkdirs_private(dir, err);
	if (r < 0)
		return r;
	f->dir = mem_strdup(dir);
	if (input)
		r = make_one(f, 0, "stdin", O_RDWR, &fds[0], err);
	if (r >= 0)
		r = make_one(f, 1, "stdout", O_RDONLY, &fds[1], err);
	if (r >= 0 && !tty)
		r = make_one(f, 2, "stderr", O_RDONLY, &fds[2], err);
	if (r >= 0) {
		memcpy(ret_fds, fds, sizeof fds);
		return 0;
	}
	for (size_t i = 0; i < 3; i++)
		closep(&fds[i]);
	fifos_remove(f);
	return r;
}

void fifos_touch(const struct fifos *f)
{
	for (size_t i = 1; i < 3; i++) {
		int fd = f->path[i] ? open(f->path[i], O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;

		if (fd >= 0)
			(void)close(fd);
	}
}

void fifos_hold(const char *dir, int ret_fds[2])
{
	static const char *const names[] = { "stdout", "stderr" };

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", dir, names[i]);

		ret_fds[i] = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	}
}

void fifos_remove(struct fifos *f)
{
	for (size_t i = 0; i < 3; i++)
		if (f->path[i])
			(void)unlink(f->path[i]);
	if (f->dir)
		(void)rmdir(f->dir);
	fifos_forget(f);
}

void fifos_forget(struct fifos *f)
{
	for (size_t i = 0; i < 3; i++)
		free(f->path[i]);
	free(f->dir);
	*f = (struct fifos){ 0 };
}
