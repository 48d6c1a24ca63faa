#include "spool.h"
#include "mem.h"
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { HEADER = 512, SUM_AT = 148 };
enum { ROOM_MIN = 64 << 20, ROOM_EVERY = 16 << 20 }; /* bytes that stay free, and how often that is looked at */

static const char *spool_folder(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir == '/' ? dir : "/var/tmp";
}

static int open_unnamed(const char *dir, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/davit-image.XXXXXX", dir);
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) { /* not every file system can */
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(path);
	}
	return fd < 0 ? err_hint(err, err_sys(err, errno, "temporary file in %s", dir), "TMPDIR=DIR names another folder") : fd;
}

static int check_room(int fd, struct err *err)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= ROOM_MIN)
		return 0;
	return err_hint(err, err_set(err, ERR_EXHAUSTED, "no room for a copy of the archive in %s", spool_folder()),
			"TMPDIR=DIR names another folder, and a plain tar given by -i FILE needs no copy");
}

static int spool_write(int fd, const char *p, size_t n, struct err *err)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno != EINTR)
			return err_sys(err, errno, "copy of the archive in %s", spool_folder());
		p += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	return 0;
}

/* Whether a tar begins so: the sum over its first header is right. What has fewer bytes is not judged. */
static bool begins_tar(const unsigned char *p, size_t n)
{
	unsigned long sum = 0, said;
	char field[9] = "";

	if (n < HEADER)
		return true;
	for (size_t i = 0; i < HEADER; i++) /* bytes as some old ones took them, signed, are ASCII in all that matter */
		sum += i >= SUM_AT && i < SUM_AT + 8 ? ' ' : p[i];
	memcpy(field, p + SUM_AT, 8);
	said = strtoul(field, NULL, 8);
	return said == sum;
}

static int copy_all(struct spool *s, struct archive *a, struct err *err)
{
	const void *p;
	la_int64_t at;
	int64_t looked = -1;
	size_t n;
	int r = 0, e;

	while (r == 0 && (e = archive_read_data_block(a, &p, &n, &at)) != ARCHIVE_EOF) {
		if (e < ARCHIVE_WARN)
			return input_archive_error(s->in, a, err);
		if (looked < 0 || s->end - looked >= ROOM_EVERY) {
			r = check_room(s->fd, err);
			looked = s->end;
		}
		if (r == 0)
			r = spool_write(s->fd, p, n, err);
		s->end += (int64_t)n;
		if (s->end == (int64_t)n && !begins_tar(p, n)) /* no end of it is waited for, and no disk filled */
			break;
	}
	return r < 0 ? r : input_ended(s->in, err);
}

static int spool_copy(struct spool *s, struct err *err)
{
	_cleanup_(archive_freep) struct archive *a = NULL;
	struct archive_entry *e;
	int r = input_decompress(s->in, &a, err);

	if (r < 0)
		return r;
	if (archive_read_next_header(a, &e) != ARCHIVE_OK)
		return input_archive_error(s->in, a, err);
	s->fd = open_unnamed(spool_folder(), err);
	if (s->fd < 0)
		return s->fd;
	s->copied = true;
	return copy_all(s, a, err);
}

/* Plain as libarchive sees it. Also when it is damaged: then the error is about the file itself. */
static bool spool_is_plain(struct spool *s)
{
	_cleanup_(archive_freep) struct archive *a = NULL;
	struct archive_entry *e;
	struct err err = ERR_INIT;
	int r = spool_tar(s, 0, &a, &err);

	if (r == 0)
		(void)archive_read_next_header(a, &e);
	return r < 0 || archive_filter_count(a) == 1;
}

int spool_open(struct spool *s, struct input *in, struct err *err)
{
	struct stat st;

	*s = (struct spool){ .in = in, .fd = in->fd, .view.fd = -1 };
	if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode)) {
		s->base = lseek(in->fd, 0, SEEK_CUR);
		s->end = st.st_size > s->base ? st.st_size - s->base : 0;
		if (s->base >= 0 && spool_is_plain(s))
			return 0;
		if (s->base >= 0 && lseek(in->fd, s->base, SEEK_SET) < 0)
			return err_sys(err, errno, "%s", in->name);
	}
	s->base = s->end = 0;
	return spool_copy(s, err);
}

void spool_done(struct spool *s)
{
	if (s->copied)
		(void)close(s->fd);
	*s = (struct spool){ .fd = -1, .view.fd = -1 };
}

int spool_tar(struct spool *s, int64_t at, struct archive **ret, struct err *err)
{
	s->view = (struct input){
		.name = s->in->name, .fd = s->fd, .ctx = s->in->ctx, .chunk = s->in->chunk, .skips = true, .left = s->end - at
	};
	if (lseek(s->fd, s->base + at, SEEK_SET) < 0)
		return err_sys(err, errno, "%s", s->in->name);
	return input_tar(&s->view, ret, err);
}
