#include "cidfile.h"
#include "buf.h"
#include "job-state.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int cidfile_write(const char *path, const struct run *runs, size_t n, struct err *err)
{
	_cleanup_close_ int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
	_cleanup_buf_ struct buf text = { 0 };
	ssize_t written;
	int r;

	if (!path)
		return 0;
	if (fd < 0) {
		r = err_sys(err, errno, "cidfile %s", path);
		return r == -ERR_EXISTS ? err_hint(err, r, "remove it, or name another") : r;
	}
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%s%s", i ? "\n" : "", runs[i].id);
	written = write(fd, text.data, text.len);
	if (written == (ssize_t)text.len)
		return 0;
	r = err_sys(err, written < 0 ? errno : ENOSPC, "cidfile %s", path); /* a part of it only */
	(void)unlink(path);
	return r;
}

void cidfile_undo(const char *path)
{
	if (path)
		(void)unlink(path);
}
