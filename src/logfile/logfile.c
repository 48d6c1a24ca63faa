/* Writing a log. Records go out in as few write(2) calls as possible, each record whole. Nothing here waits and nothing
 * fails: what cannot be written is counted, and the count is the first thing written once there is room again. Files are
 * never truncated, since a reader, or the writer of a run before us, may still hold them; but for the piece of a record that a
 * full disk cut, which is taken back at once, so that no half of a line passes for a whole one. */
#include "logfile.h"
#include "clock.h"
#include "file.h"
#include "journal.h"
#include "ledger.h"
#include "logline.h"
#include "mem.h"
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { OUT_MAX = 65536, RECORD_HEAD = sizeof "2006-01-02T15:04:05.999999999Z stdout F \n" - 1 };

struct logfile {
	char *path;
	int fd; /* -1: could not be opened so far */
	ino_t ino;
	int64_t size, max_size;
	size_t max_files;
	bool torn; /* the file's last byte is no line end: the machine or an earlier writer died over it */
	struct {
		struct buf rest; /* what came since the last record */
		bool open;       /* an earlier writer ended in the middle of a line */
		bool skipping;   /* the beginning of its line is lost: the rest goes with it */
	} stream[2];
	struct buf out;          /* records to be written */
	uint64_t lost;           /* records */
	int why;                 /* errno of the first loss */
	struct ledger *ledger;   /* NULL: nobody goes on after us; borrowed */
	struct journal *journal; /* where records go instead of the file */
	uint64_t done[2];        /* bytes of each stream that are in records, or lost */
};

struct logfile *logfile_new(const char *path, int64_t max_size, int64_t max_files)
{
	struct logfile *f = mem_new(struct logfile);

	f->path = mem_strdup(path);
	f->fd = -1;
	f->max_size = max_size > 0 ? max_size : INT64_MAX;
	f->max_files = max_files < 1 ? 1 : max_files > LOG_FILES_MAX ? LOG_FILES_MAX : (size_t)max_files;
	return f;
}

struct logfile *logfile_new_journal(struct journal *journal)
{
	struct logfile *f = logfile_new("", 0, 0);

	f->journal = journal;
	return f;
}

/* Which streams end in the middle of a line, by the last records of the file. */
static void resume_log(struct logfile *f)
{
	_cleanup_buf_ struct buf tail = { 0 };
	const size_t want = 2 * (LOG_LINE_MAX + RECORD_HEAD);
	off_t from = f->size > (int64_t)want ? f->size - (off_t)want : 0;
	ssize_t n = pread(f->fd, buf_room(&tail, want), want, from);
	const char *p = tail.data, *end = p + (n > 0 ? n : 0), *nl;

	f->torn = end > p && end[-1] != '\n';
	if (from && (nl = memchr(p, '\n', (size_t)(end - p))))
		p = nl + 1;
	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		struct logline l;

		if (logline_parse(p, (size_t)(nl - p), &l))
			f->stream[l.stream].open = l.partial;
	}
}

static int logfile_open_file(struct logfile *f)
{
	struct stat st = { 0 };

	f->fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (f->fd < 0)
		return -errno;
	if (fstat(f->fd, &st) < 0)
		st.st_size = 0;
	f->ino = st.st_ino;
	f->size = st.st_size;
	f->torn = false;
	if (f->size)
		resume_log(f);
	return 0;
}

/* The folder is there as a rule, so it is looked for only when the file cannot be made. */
static int open_anew(struct logfile *f)
{
	_cleanup_free_ char *folder = NULL;
	const char *slash = strrchr(f->path, '/');
	int r = logfile_open_file(f);

	if (r != -ENOENT || !slash || slash == f->path)
		return r;
	folder = mem_strndup(f->path, (size_t)(slash - f->path));
	return file_mkdirs_private(folder, NULL) < 0 ? r : logfile_open_file(f);
}

int logfile_open(const char *path, int64_t max_size, int64_t max_files, struct logfile **ret, struct err *err)
{
	_cleanup_(logfile_freep) struct logfile *f = logfile_new(path, max_size, max_files);
	int r = open_anew(f);

	if (r < 0)
		return err_sys(err, -r, "log %s", path);
	*ret = TAKE_PTR(f);
	return 0;
}

/* The record that tells of a loss; nothing when none is to be told. */
static void describe_loss(const struct logfile *f, struct buf *out)
{
	const struct buf none = { 0 };
	char now[CLOCK_TEXT];
	_cleanup_free_ char *text = NULL;

	if (f->lost)
		text = mem_printf("davit: %" PRIu64 " lines were lost here: %s", f->lost, strerror(f->why));
	else if (f->torn)
		text = mem_strdup("davit: the line before this one is cut, and lines may be lost here: its writer was killed");
	else
		return;
	logline_add(out, clock_rfc3339(clock_wall(), now), LOG_STDERR, false, &none, text, strlen(text));
}

/* Writes head and records; returns how many bytes of both went out, and in errno why not all. */
static size_t write_records(struct logfile *f, const struct buf *head)
{
	const struct iovec iov[] = {
		{ .iov_base = (void *)buf_str(head), .iov_len = head->len },
		{ .iov_base = f->out.data, .iov_len = f->out.len },
	};
	ssize_t n;

	do
		n = writev(f->fd, iov, 2);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n < head->len + f->out.len)
		errno = ENOSPC; /* a short write to a file: the next one would say so */
	return n < 0 ? 0 : (size_t)n;
}

void logfile_share(struct logfile *f, struct ledger *ledger) { f->ledger = ledger; }

/* What will be so after a write of @len bytes. */
static void note_written(struct logfile *f, size_t len)
{
	if (f->ledger)
		ledger_note(f->ledger, LEDGER_LOG, f->ino, f->size, (int64_t)len, f->done);
}

static void log_the_rest(struct logfile *f, struct ledger *l)
{
	for (int s = LOG_STDOUT; s <= LOG_STDERR; s++) {
		const char *p;
		size_t n;

		while ((p = ledger_next(l, LEDGER_LOG, (enum log_stream)s, &n)))
			logfile_write(f, (enum log_stream)s, p, n);
	}
}

/* A line that its earlier writer has begun is ended by what comes, not before it. */
void logfile_inherit(struct logfile *f)
{
	struct ledger *l = TAKE_PTR(f->ledger);
	bool begun[2] = { true, true };

	f->fd = -1;
	if (l)
		ledger_settle_log(l, f->path, begun);
	if (!f->journal)
		(void)open_anew(f);
	for (int s = LOG_STDOUT; s <= LOG_STDERR; s++)
		f->stream[s].open = f->stream[s].open && !begun[s];
	if (l)
		log_the_rest(f, l);
}

/* The file ends with its last whole record again. Not where somebody else has written behind it. */
static void cut_back(struct logfile *f, size_t piece)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0 || st.st_size != f->size || ftruncate(f->fd, f->size - (off_t)piece) < 0)
		return;
	f->size -= (int64_t)piece;
	f->torn = false;
}

/* The records from @from on are lost. A line whose beginning is in the file ends there, and what comes of one whose beginning
 * is lost is no line of its own. */
static void lose(struct logfile *f, size_t from, int why)
{
	const char *p = f->out.data + from, *end = f->out.data + f->out.len, *nl;
	bool open[2] = { f->stream[0].open, f->stream[1].open }, hit[2] = { false, false };
	struct logline l;

	if (!f->lost)
		f->why = why;
	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1, f->lost++) {
		if (!logline_parse(p, (size_t)(nl - p), &l))
			continue;
		hit[l.stream] = true;
		f->stream[l.stream].skipping = l.partial;
	}
	if (f->fd >= 0)
		resume_log(f);
	for (int s = LOG_STDOUT; s <= LOG_STDERR; s++) {
		if (!hit[s])
			f->stream[s].open = open[s];
		if (f->stream[s].skipping) {
			f->done[s] += f->stream[s].rest.len;
			buf_reset(&f->stream[s].rest);
		}
	}
}

/* Entries are not kept back: what the journal does not take is counted. */
static void send_records(struct logfile *f)
{
	_cleanup_buf_ struct buf loss = { 0 };
	const char *p = f->out.data, *end = p + f->out.len, *nl;
	struct logline l;

	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		int r = 0;

		if (!logline_parse(p, (size_t)(nl - p), &l))
			continue;
		if (f->lost) {
			buf_addf(&loss, "davit: %" PRIu64 " lines were lost here: %s", f->lost, strerror(f->why));
			r = journal_send(f->journal, LOG_STDERR, false, loss.data, loss.len);
			buf_reset(&loss);
		}
		if (r >= 0) {
			f->lost = 0;
			r = journal_send(f->journal, l.stream, l.partial, l.text, l.len);
		}
		if (r < 0 && !f->lost)
			f->why = -r;
		f->lost += r < 0;
	}
	note_written(f, 0);
	buf_reset(&f->out);
}

static void put_record(struct logfile *f)
{
	_cleanup_buf_ struct buf head = { 0 };
	size_t done, of_records;
	int why;

	if (!f->out.len)
		return;
	if (f->journal) {
		send_records(f);
		return;
	}
	if (f->fd < 0 && (why = open_anew(f)) < 0) {
		lose(f, 0, -why);
		buf_reset(&f->out);
		return;
	}
	if (f->torn)
		buf_addc(&head, '\n');
	describe_loss(f, &head);
	note_written(f, head.len + f->out.len);
	done = write_records(f, &head);
	why = errno;
	of_records = done > head.len ? done - head.len : 0;
	f->size += (int64_t)done;
	if (done)
		f->torn = (of_records ? f->out.data[of_records - 1] : head.data[done - 1]) != '\n';
	if (done >= head.len)
		f->lost = 0;
	if (of_records < f->out.len) {
		const char *nl = of_records ? memrchr(f->out.data, '\n', of_records) : NULL;
		size_t whole = nl ? (size_t)(nl - f->out.data) + 1 : 0;

		if (done && f->torn) /* a piece of ours; what an earlier writer has left stays */
			cut_back(f, of_records ? of_records - whole : done - (*head.data == '\n'));
		lose(f, whole, why);
	}
	buf_reset(&f->out);
}

/* Oldest first, so that a reader that looks from the newest on meets every file, and at no moment none (logread.c). */
static void rotate(struct logfile *f)
{
	size_t i;
	int r;

	for (i = f->max_files; i > 0; i--) {
		_cleanup_free_ char *from = logline_path(f->path, i - 1), *to = logline_path(f->path, i);

		(void)rename(from, to);
	}
	(void)close(TAKE_FD(f->fd));
	(void)logfile_open_file(f);
	i = f->max_files;
	do { /* one too many now; more, when they were kept under a larger count */
		_cleanup_free_ char *surplus = logline_path(f->path, i++);

		r = unlink(surplus);
	} while (r == 0);
}

static void add_record(struct logfile *f, const char *now, enum log_stream s, bool partial, const char *p, size_t n)
{
	struct buf *rest = &f->stream[s].rest;
	int64_t len = (int64_t)(RECORD_HEAD + rest->len + n);

	if (f->size + (int64_t)f->out.len + len > f->max_size) {
		put_record(f);
		if (f->size && f->fd >= 0)
			rotate(f);
	}
	if (f->stream[s].open) {
		f->stream[s].open = false;
		logline_add(&f->out, now, s, false, &(struct buf){ 0 }, "", 0);
	}
	logline_add(&f->out, now, s, partial, rest, p, n);
	f->done[s] += rest->len + n + !partial;
	buf_reset(rest);
	if (f->out.len >= OUT_MAX)
		put_record(f);
}

void logfile_write(struct logfile *f, enum log_stream s, const char *p, size_t n)
{
	struct buf *rest = &f->stream[s].rest;
	char now[CLOCK_TEXT];

	(void)clock_rfc3339(clock_wall(), now);
	while (n) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl ? (size_t)(nl - p) : n, room = LOG_LINE_MAX - rest->len;
		bool whole = nl && len <= room;

		if (f->stream[s].skipping) {
			f->stream[s].skipping = !nl;
			f->done[s] += len + !!nl;
			p += len + !!nl;
			n -= len + !!nl;
			continue;
		}
		if (!nl && len < room) {
			buf_add(rest, p, len);
			break;
		}
		if (!whole)
			len = room;
		add_record(f, now, s, !whole, p, len);
		p += len + whole;
		n -= len + whole;
	}
	put_record(f);
	note_written(f, 0);
}

bool logfile_pending(const struct logfile *f) { return f->stream[LOG_STDOUT].rest.len || f->stream[LOG_STDERR].rest.len; }

void logfile_flush(struct logfile *f)
{
	char now[CLOCK_TEXT];

	(void)clock_rfc3339(clock_wall(), now);
	for (int s = LOG_STDOUT; s <= LOG_STDERR; s++)
		if (f->stream[s].rest.len)
			add_record(f, now, (enum log_stream)s, true, "", 0);
	put_record(f);
	note_written(f, 0);
}

void logfile_free(struct logfile *f)
{
	if (!f)
		return;
	logfile_flush(f);
	if (f->fd >= 0)
		(void)close(f->fd);
	for (int s = LOG_STDOUT; s <= LOG_STDERR; s++)
		buf_done(&f->stream[s].rest);
	buf_done(&f->out);
	journal_free(f->journal);
	free(f->path);
	free(f);
}

int logfile_remove(const char *path, struct err *err)
{
	size_t missing = 0;

	for (size_t i = 0; i <= LOG_FILES_MAX && missing < 2; i++) { /* a rotation under way leaves one gap */
		_cleanup_free_ char *file = logline_path(path, i);

		if (unlink(file) == 0)
			missing = 0;
		else if (errno == ENOENT || errno == ENOTDIR)
			missing += i > 0;
		else
			return err_sys(err, errno, "remove log %s", file);
	}
	return 0;
}
