/* Rotation only ever moves a file to a higher number, and the files are looked at from the newest on, in the direction in which
 * they move: so none is missed, and one met twice is left out by its inode. The tail is found by looking for record heads from the
 * end backwards, block by block. */
#include "log-segments.h"
#include "clock.h"
#include "logline.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 16384 };

void log_segments_done(struct log_segments *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].fd >= 0)
			(void)close(s->v[i].fd);
	free(s->v);
	*s = (struct log_segments){ 0 };
}

const struct log_segment *log_segments_find(const struct log_segments *s, const struct log_segment *what)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].dev == what->dev && s->v[i].ino == what->ino)
			return &s->v[i];
	return NULL;
}

static int segment_open(const char *path, struct log_segment *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret = (struct log_segment){ .dev = st.st_dev, .ino = st.st_ino, .size = st.st_size };
	ret->changed = st.st_mtim.tv_sec * NSEC_PER_SEC + st.st_mtim.tv_nsec;
	ret->fd = TAKE_FD(fd);
	return 0;
}

int log_segments_open(const char *path, struct log_segments *ret, struct err *err)
{
	size_t missing = 0;

	for (size_t i = 0; i <= LOG_FILES_MAX && missing < 2; i++) { /* a rotation under way leaves one gap */
		_cleanup_free_ char *file = logline_path(path, i);
		struct log_segment s;
		int r = segment_open(file, &s);

		if (r == -ENOENT) {
			missing += i > 0;
			continue;
		}
		if (r < 0)
			return err_sys(err, -r, "log %s", file);
		missing = 0;
		if (log_segments_find(ret, &s)) {
			(void)close(s.fd);
			continue;
		}
		ret->v = mem_grow(ret->v, &ret->cap, ret->n + 1, sizeof *ret->v);
		ret->v[ret->n++] = s;
	}
	return 0;
}

off_t log_segment_end(const struct log_segment *s)
{
	char block[BLOCK];

	for (off_t end = s->size; end > 0;) {
		off_t from = end > BLOCK ? end - BLOCK : 0;
		ssize_t n = pread(s->fd, block, (size_t)(end - from), from);
		const char *nl = n == end - from ? memrchr(block, '\n', (size_t)n) : NULL;

		if (n != end - from)
			return s->size; /* it shrank under us */
		if (nl)
			return from + (nl - block) + 1;
		end = from;
	}
	return 0;
}

/* A record, met from the end backwards. False: it is not part of the tail, nor is anything before it. */
static bool tail_take(struct log_tail *t, const char *p, size_t n)
{
	const char *nl;
	struct logline l;
	bool parsed, last = !t->began;

	n = n < LOGLINE_HEAD ? n : LOGLINE_HEAD;
	nl = memchr(p, '\n', n);
	parsed = logline_parse(p, nl ? (size_t)(nl - p) : n, &l);
	t->began = true;
	if (parsed && l.partial && !last)
		return true;
	if (parsed && t->until && logline_at(&l) > t->until)
		return true;
	if (t->got == t->want)
		return false;
	t->got++;
	return true;
}

bool log_segment_tail(const struct log_segment *s, struct log_tail *t, off_t *ret_start)
{
	char block[BLOCK + LOGLINE_HEAD];
	off_t start = s->size;

	for (off_t end = s->size; end > 0;) {
		off_t from = end > BLOCK ? end - BLOCK : 0;
		size_t n = (size_t)(s->size - from), here = (size_t)(end - from);
		const char *nl;

		n = n < sizeof block ? n : sizeof block;
		if (pread(s->fd, block, n, from) != (ssize_t)n)
			break; /* it shrank under us: what is left is read */
		while ((nl = memrchr(block, '\n', here))) {
			size_t at = (size_t)(nl - block) + 1;

			here = at - 1;
			if (from + (off_t)at == s->size)
				continue;
			*ret_start = start;
			if (!tail_take(t, block + at, n - at))
				return true;
			start = from + (off_t)at;
		}
		*ret_start = start;
		if (!from && !tail_take(t, block, n))
			return true;
		end = from;
	}
	*ret_start = 0;
	return false;
}
