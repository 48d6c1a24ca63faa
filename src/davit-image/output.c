#include "output.h"
#include "beneath.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 256 << 10 };

static int output_refuse_terminal(const struct output *o, struct err *err)
{
	if (!isatty(o->fd))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "%s is a terminal, and an archive is no text", o->name),
			"redirect it, or name a file with -o");
}

/* A file without a name, where the file system can; else one with a name that tells whose it is. */
static int open_new(struct output *o, struct err *err)
{
	o->fd = open(o->dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (o->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		o->temp = mem_printf("%s.XXXXXX", o->path);
		o->fd = mkostemp(o->temp, O_CLOEXEC);
		if (o->fd < 0)
			free(TAKE_PTR(o->temp));
	}
	return o->fd < 0 ? err_sys(err, errno, "%s", o->name) : 0;
}

/* A device or a pipe. Whoever reads a pipe may come late. */
static int open_in_place(struct output *o, struct err *err)
{
	while ((o->fd = open(o->name, O_WRONLY | O_CLOEXEC | O_NOCTTY)) < 0) {
		int r = errno == EINTR ? ctx_check(o->ctx, err) : err_sys(err, errno, "%s", o->name);

		if (r < 0)
			return r;
	}
	return 0;
}

static int output_open_path(struct output *o, struct err *err)
{
	char whole[PATH_MAX];
	const char *path = realpath(o->name, whole) ? whole : o->name, *slash = strrchr(path, '/');
	struct stat st;

	o->own = true;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_sys(err, EISDIR, "%s", o->name);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return open_in_place(o, err);
	o->path = mem_strdup(path);
	o->dir = !slash ? mem_strdup(".") : mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	return open_new(o, err);
}

int output_open(struct output *o, const char *path, int fd, const struct ctx *ctx, struct err *err)
{
	struct stat st;
	int r = 0;

	*o = (struct output){ .name = path ? path : "standard output", .fd = fd, .ctx = ctx };
	if (path)
		r = output_open_path(o, err);
	if (r == 0 && fstat(o->fd, &st) < 0)
		r = err_sys(err, errno, "%s", o->name);
	if (r < 0)
		return r;
	o->pipe = !S_ISREG(st.st_mode);
	return output_refuse_terminal(o, err);
}

/* The disk that is full is that of the output, not containerd's. */
static int write_failed(const struct output *o, int why, struct err *err)
{
	int r = err_sys(err, why, "%s", o->name);

	return why == ENOSPC || why == EDQUOT ? err_hint(err, r, "its disk is full: df -h shows how much is free") : r;
}

static int wait_writable(struct output *o, struct err *err)
{
	const struct cancel *cancel = o->ctx ? o->ctx->cancel : NULL;
	struct pollfd p[2] = { { .fd = o->fd, .events = POLLOUT }, { .fd = cancel ? cancel->fd : -1, .events = POLLIN } };

	for (;;) {
		int r = ctx_check(o->ctx, err);

		if (r < 0)
			return r;
		r = poll(p, 2, ctx_poll_ms(o->ctx));
		if (r > 0 && p[0].revents)
			return 0;
		if (r < 0 && errno != EINTR)
			return err_sys(err, errno, "%s", o->name);
	}
}

int output_write(struct output *o, const void *data, size_t n, struct err *err)
{
	const char *p = data;

	while (n) {
		size_t piece = o->pipe && n > PIPE_BUF ? PIPE_BUF : n; /* a pipe that has room has that much, and does not block */
		int r = o->pipe ? wait_writable(o, err) : ctx_check(o->ctx, err);
		ssize_t w;

		if (r < 0)
			return r;
		w = write(o->fd, p, piece);
		if (w < 0 && errno != EINTR && errno != EAGAIN)
			return write_failed(o, errno, err);
		p += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	return 0;
}

/* From here on the file has its name: the one that was there is replaced in one step. */
static int name_it(struct output *o, struct err *err)
{
	if (!o->temp) {
		for (int i = 0; i < 100 && !o->temp; i++) {
			_cleanup_free_ char *temp = mem_printf("%s.%d.%d", o->path, (int)getpid(), i);

			if (beneath_link(o->fd, AT_FDCWD, temp) == 0)
				o->temp = TAKE_PTR(temp);
			else if (errno != EEXIST)
				break;
		}
		if (!o->temp)
			return err_sys(err, errno, "%s", o->name);
	}
	if (rename(o->temp, o->path) < 0)
		return err_sys(err, errno, "%s", o->name);
	free(TAKE_PTR(o->temp));
	return 0;
}

int output_commit(struct output *o, struct err *err)
{
	int r = o->path ? name_it(o, err) : 0;

	if (r == 0 && o->own && close(TAKE_FD(o->fd)) < 0) /* a full quota may say so only now */
		r = write_failed(o, errno, err);
	return r;
}

void output_done(struct output *o)
{
	if (o->temp)
		(void)unlink(o->temp);
	if (o->own && o->fd >= 0)
		(void)close(o->fd);
	free(o->temp);
	free(o->path);
	free(o->dir);
	*o = (struct output){ .fd = -1 };
}

static la_ssize_t on_write(struct archive *a, void *arg, const void *p, size_t n)
{
	struct output *o = arg;

	if (!o->err.code && output_write(o, p, n, &o->err) == 0)
		return (la_ssize_t)n;
	archive_set_error(a, EIO, "write");
	return -1;
}

int output_tar(struct output *o, struct archive **ret, struct err *err)
{
	_cleanup_(archive_write_freep) struct archive *a = archive_write_new();
	int r;

	if (!a)
		abort(); /* memory */
	(void)archive_write_set_format_pax_restricted(a);
	(void)archive_write_set_bytes_per_block(a, BLOCK);
	(void)archive_write_set_bytes_in_last_block(a, 1);
	r = output_check(o, a, archive_write_open(a, o, NULL, on_write, NULL), err);
	if (r == 0)
		*ret = TAKE_PTR(a);
	return r;
}

int output_check(struct output *o, struct archive *a, int r, struct err *err)
{
	const char *text = archive_error_string(a);

	if (r >= ARCHIVE_WARN)
		return 0;
	if (o->err.code) {
		if (err)
			*err = o->err;
		return -(int)o->err.code;
	}
	return err_set(err, ERR_INTERNAL, "%s: %s", o->name, text ? text : "cannot be written");
}
