#include "input.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>

enum { CHUNK = 256 << 10 };

int input_open(struct input *in, const char *path, const struct ctx *ctx, struct err *err)
{
	bool std = !path || strcmp(path, "-") == 0;

	*in = (struct input){ .name = std ? "standard input" : path, .ctx = ctx, .fd = 0 };
	if (!std) /* a pipe's writer is waited for when it is read */
		in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (in->fd < 0)
		return err_sys(err, errno, "%s", path);
	if (isatty(in->fd))
		return err_hint(err, err_set(err, ERR_INVALID, "%s is a terminal", in->name), "name a file, or redirect one");
	in->chunk = mem_resize(NULL, CHUNK);
	return 0;
}

void input_done(struct input *in)
{
	if (in->chunk && in->fd > 0)
		(void)close(in->fd);
	free(in->chunk);
	*in = (struct input){ .fd = -1 };
}

/* A pipe may be silent for long: the wait ends with the context too. */
static ssize_t read_some(struct input *in, char *to, size_t n)
{
	for (;;) {
		int r = file_await(in->fd, in->ctx, &in->err);
		ssize_t got;

		if (r < 0)
			return r;
		if (r == 0 && in->fd == 0) /* as we were given it: it may block */
			continue;
		got = read(in->fd, to, n);
		if (got == 0 && r == 0)
			return file_no_writer(in->name, &in->err);
		if (got >= 0)
			return got;
		if (errno != EINTR && errno != EAGAIN)
			return err_sys(&in->err, errno, "%s", in->name);
	}
}

ssize_t input_peek(struct input *in, size_t n, const char **ret, struct err *err)
{
	while (in->peeked < n) {
		ssize_t got = read_some(in, in->chunk + in->peeked, n - in->peeked);

		if (got < 0) {
			*err = in->err;
			return got;
		}
		if (got == 0)
			break;
		in->peeked += (size_t)got;
	}
	*ret = in->chunk;
	return (ssize_t)in->peeked;
}

/* libarchive keeps what it was given until it has seen enough of it. */
static int check_ahead(struct input *in, struct archive *a)
{
	if (in->given - archive_filter_bytes(a, -1) <= INPUT_AHEAD_MAX)
		return 0;
	return err_set(&in->err, ERR_EXHAUSTED, "%s: a header in it is longer than %d MiB", in->name, INPUT_AHEAD_MAX >> 20);
}

static la_ssize_t input_on_read(struct archive *a, void *arg, const void **ret)
{
	struct input *in = arg;
	ssize_t n = in->peeked ? (ssize_t)in->peeked : check_ahead(in, a);

	if (n == 0)
		n = read_some(in, in->chunk, CHUNK);
	in->peeked = 0;
	if (n > 0 && in->tee && in->tee(in->tee_arg, in->chunk, (size_t)n, &in->err) < 0)
		n = -1;
	if (n < 0) {
		archive_set_error(a, EIO, "read");
		return -1;
	}
	in->given += n;
	in->left -= n;
	*ret = in->chunk;
	return n;
}

/* Behind its end there is nothing to pass over: reading on shows that. */
static la_int64_t on_skip(struct archive *a, void *arg, la_int64_t n)
{
	struct input *in = arg;

	(void)a;
	if (!in->skips || n > in->left || lseek(in->fd, n, SEEK_CUR) < 0)
		return 0;
	in->given += n;
	in->left -= n;
	return n;
}

static struct archive *reader_new(void)
{
	struct archive *a = archive_read_new();

	if (!a)
		abort(); /* memory */
	/* No others: some of libarchive's filters start programs. */
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_zstd(a);
	(void)archive_read_support_filter_xz(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_lzma(a);
	return a;
}

static int open_reader(struct input *in, struct archive *given, struct archive **ret, struct err *err)
{
	_cleanup_(archive_freep) struct archive *a = given;

	if (archive_read_open2(a, in, NULL, input_on_read, on_skip, NULL) != ARCHIVE_OK)
		return input_archive_error(in, a, err);
	*ret = TAKE_PTR(a);
	return 0;
}

int input_decompress(struct input *in, struct archive **ret, struct err *err)
{
	struct archive *a = reader_new();

	(void)archive_read_support_format_raw(a);
	return open_reader(in, a, ret, err);
}

int input_tar(struct input *in, struct archive **ret, struct err *err)
{
	struct archive *a = reader_new();

	(void)archive_read_support_format_tar(a);
	return open_reader(in, a, ret, err);
}

int input_ended(const struct input *in, struct err *err)
{
	if (in->err.code && err)
		*err = in->err;
	return -(int)in->err.code;
}

int input_archive_error(struct input *in, struct archive *a, struct err *err)
{
	const char *text = archive_error_string(a);

	if (in->err.code) {
		*err = in->err;
		return -(int)err->code;
	}
	return err_hint(err, err_set(err, ERR_INVALID, "%s: %s", in->name, text ? text : "damaged archive"),
			"it must be a whole tar archive, plain or compressed with gzip, zstd, xz or bzip2");
}
