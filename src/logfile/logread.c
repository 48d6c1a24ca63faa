/* Reading a log: where its tail begins (log-segments.h), then everything forwards once. A follower keeps its file open until the
 * list of files shows a newer one, reads it to its end once more, and goes on there. */
#include "logfile.h"
#include "clock.h"
#include "json.h"
#include "log-segments.h"
#include "logline.h"
#include "mem.h"
#include "utf8.h"
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>

enum { RECORD_MAX = 65536, MERGE_PIECE = 16384, AGAIN_MS = 250 };

struct reader {
	const struct logread *opt;
	struct logread own; /* what it points to, of one that came later */
	const struct ctx *ctx;
	struct log_segment at; /* the file that is read; fd -1: none so far */
	off_t offset;
	struct buf in; /* read and not passed on: the beginning of a record */
	size_t pos;    /* before it that was passed on; only while several are merged */
	struct {
		struct log_segments files; /* what was there, */
		size_t left;               /* so many of its files are still to be read, */
		off_t start;               /* the next from here */
	} present;
	int64_t time; /* of the last record that had one */
	struct {
		bool open, wanted;
	} line[2];
	bool wanted;         /* fate of the last record that had a time; one without shares it */
	struct logline over; /* of a record longer than the buffer, whose end did not come yet */
	bool is_over;
	bool terminal[2]; /* where the streams go to */
	struct buf out;   /* text of out_stream */
	enum log_stream out_stream;
	bool closed; /* nobody reads us any more */
	int notify;  /* inotify on the log's folder, or -1 */
	bool gone;   /* the log or its folder was removed */
	bool ended;  /* who is logged has ended; what logs may still be behind */
	bool ask;    /* a follower: it is time to ask for the end */
	bool quiet;  /* a follower: nothing has come for a while */
	bool done;   /* a follower: nothing more will come */
};

static void reader_done(struct reader *r)
{
	if (r->at.fd >= 0)
		(void)close(r->at.fd);
	if (r->notify >= 0)
		(void)close(r->notify);
	log_segments_done(&r->present.files);
	buf_done(&r->in);
	buf_done(&r->out);
}

/* Until there is room, or the wait has ended. */
static void wait_room(const struct reader *r, int fd)
{
	struct pollfd pfd[] = {
		{ .fd = fd, .events = POLLOUT },
		{ .fd = r->ctx && r->ctx->cancel ? r->ctx->cancel->fd : -1, .events = POLLIN },
	};

	(void)poll(pfd, 2, ctx_poll_ms(r->ctx));
}

static int flush(struct reader *r, struct err *err)
{
	int fd = r->out_stream == LOG_STDOUT ? r->opt->out_fd : r->opt->err_fd;
	size_t done = 0;

	while (fd >= 0 && !r->closed && done < r->out.len) {
		ssize_t n = write(fd, r->out.data + done, r->out.len - done);
		int why = n < 0 ? errno : 0, c = ctx_check(r->ctx, err);

		if (c < 0)
			return c;
		if (why == EAGAIN)
			wait_room(r, fd);
		else if (why == EPIPE)
			r->closed = true;
		else if (why && why != EINTR)
			return err_sys(err, why, "standard %s", r->out_stream == LOG_STDOUT ? "output" : "error");
		done += n > 0 ? (size_t)n : 0;
	}
	buf_reset(&r->out);
	return 0;
}

/* One buffer for both streams keeps their order. */
static int turn_to(struct reader *r, enum log_stream s, struct err *err)
{
	int ret = r->out.len && (s != r->out_stream || r->out.len >= RECORD_MAX) ? flush(r, err) : 0;

	r->out_stream = s;
	return ret;
}

static bool in_span(const struct logread *opt, const struct logline *l)
{
	int64_t at;

	if (!opt->since && !opt->until)
		return true;
	at = logline_at(l);
	return at >= opt->since && (!opt->until || at <= opt->until);
}

/* A colour ends with its record: what comes after it is not the job's alone. */
static void reader_add_text(struct reader *r, const struct logline *l)
{
	if (!r->terminal[l->stream])
		buf_add(&r->out, l->text, l->len);
	else if (utf8_disarm_text(&r->out, l->text, l->len))
		buf_adds(&r->out, "\033[0m");
}

/* What stands between the quotes of a string. */
static void add_json_text(struct buf *out, const char *p, size_t n)
{
	_cleanup_buf_ struct buf quoted = { 0 };

	json_quote(&quoted, p, n);
	buf_add(out, quoted.data + 1, quoted.len - 2);
}

/* The same as an object; @begins: of its text there was nothing yet. */
static void reader_add_json(struct reader *r, const struct logline *l, bool begins, bool whole)
{
	if (begins) {
		buf_addf(&r->out, "{%s,\"time\":\"", r->opt->json);
		if (l->time)
			add_json_text(&r->out, l->time, l->time_len);
		buf_addf(&r->out, "\",\"stream\":\"%s\",%s\"text\":\"", l->stream == LOG_STDOUT ? "stdout" : "stderr",
			 l->partial ? "\"partial\":true," : "");
	}
	add_json_text(&r->out, l->text, l->len);
	if (whole)
		buf_adds(&r->out, "\"}\n");
}

static void reader_add_line(struct reader *r, const struct logline *l, bool begins, bool whole)
{
	if (begins && r->opt->prefix)
		buf_adds(&r->out, r->opt->prefix);
	if (begins && r->opt->timestamps && l->time) {
		buf_add(&r->out, l->time, l->time_len);
		buf_addc(&r->out, ' ');
	}
	reader_add_text(r, l);
	if (r->opt->prefix ? whole : !r->line[l->stream].open)
		buf_addc(&r->out, '\n');
}

/* A record, or (not @whole) the part of one that fills the buffer. */
static int pass_record(struct reader *r, const char *p, size_t n, bool whole, struct err *err)
{
	struct logline l = r->over;
	bool begins = !r->is_over && !r->line[LOG_STDOUT].open, is_end = false;
	int ret;

	if (r->is_over) {
		l.text = p;
		l.len = n;
	} else if (logline_parse(p, n, &l)) {
		begins = !r->line[l.stream].open;
		is_end = !begins && !l.len && r->opt->prefix; /* the piece before it was a line already */
		if (begins || r->opt->pieces)
			r->wanted = in_span(r->opt, &l);
	} else {
		l = (struct logline){ .stream = LOG_STDOUT, .text = p, .len = n };
	}
	begins |= (r->opt->prefix || r->opt->json) && !r->is_over;
	ret = turn_to(r, l.stream, err);
	if (ret < 0)
		return ret;
	if (begins || r->opt->pieces)
		r->line[l.stream].wanted = r->wanted;
	r->line[l.stream].open = l.partial || !whole;
	r->is_over = !whole;
	r->over = (struct logline){ .stream = l.stream, .partial = l.partial };
	if (!r->line[l.stream].wanted || is_end)
		return 0;
	if (r->opt->json)
		reader_add_json(r, &l, begins, whole);
	else
		reader_add_line(r, &l, begins, whole);
	return 0;
}

static int pass_records(struct reader *r, struct err *err)
{
	const char *p = buf_str(&r->in), *end = p + r->in.len, *nl;
	int ret = 0;

	for (; ret == 0 && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
		ret = pass_record(r, p, (size_t)(nl - p), true, err);
	if (ret == 0 && end - p >= RECORD_MAX) {
		ret = pass_record(r, p, (size_t)(end - p), false, err);
		p = end;
	}
	buf_drop(&r->in, (size_t)(p - buf_str(&r->in)));
	return ret;
}

/* To the file's end as it is now. */
static int reader_drain(struct reader *r, struct err *err)
{
	while (r->at.fd >= 0 && !r->closed) {
		ssize_t n = pread(r->at.fd, buf_room(&r->in, RECORD_MAX), RECORD_MAX, r->offset);
		int ret;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "log %s", r->opt->path);
		if (n == 0)
			return flush(r, err);
		buf_grew(&r->in, (size_t)n);
		r->offset += n;
		ret = pass_records(r, err);
		if (ret == 0)
			ret = ctx_check(r->ctx, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Nothing more will come of this file: a last line without its end is a line all the same. */
static int finish_file(struct reader *r, struct err *err)
{
	int ret = reader_drain(r, err);

	if (ret == 0 && (r->in.len || r->is_over))
		ret = pass_record(r, buf_str(&r->in), r->in.len, true, err);
	buf_reset(&r->in);
	return ret < 0 ? ret : flush(r, err);
}

static void turn_to_file(struct reader *r, struct log_segment *s, off_t offset)
{
	if (r->at.fd >= 0)
		(void)close(r->at.fd);
	r->at = *s;
	s->fd = -1;
	r->offset = offset;
}

/* The beginning of a record is read again once there is more of it: its writer may cut it back meanwhile. */
static void give_back(struct reader *r)
{
	if (r->is_over)
		return;
	r->offset -= (off_t)r->in.len;
	buf_reset(&r->in);
}

/* What is there now, from where @opt says. */
static void present_begin(struct reader *r)
{
	const struct log_segments *files = &r->present.files;
	const struct logread *opt = r->opt;
	struct log_tail tail = { .want = opt->tail, .until = opt->until };
	size_t first = files->n;
	off_t start = 0;

	if (opt->tail == 0 && files->n) {
		first = 1;
		start = opt->follow ? log_segment_end(&files->v[0]) : files->v[0].size;
	}
	for (size_t i = 0; opt->tail > 0 && i < files->n && first == files->n; i++)
		if (log_segment_tail(&files->v[i], &tail, &start))
			first = i + 1;
	r->present.left = first;
	r->present.start = start;
}

/* False: there is no further one. */
static bool present_turn(struct reader *r)
{
	const size_t i = r->present.left - 1;
	struct log_segment *s = &r->present.files.v[i];
	bool old;

	if (!r->present.left)
		return false;
	/* A file's time comes from a coarser clock than a record's. */
	old = r->opt->since && s->changed + NSEC_PER_SEC < r->opt->since;
	turn_to_file(r, s, !old ? r->present.start : r->opt->follow && !i ? log_segment_end(s) : s->size);
	r->present.left--;
	r->present.start = 0;
	return true;
}

/* To the end of the last file, which a follower goes on with. */
static int present_read(struct reader *r, struct err *err)
{
	int ret = 0;

	while (ret == 0 && present_turn(r))
		ret = r->present.left || !r->opt->follow ? finish_file(r, err) : reader_drain(r, err);
	return ret;
}

/* Several: always the oldest record of all. */

/* More of the file; 0: it is at its end. */
static int merge_fill(struct reader *r, struct err *err)
{
	ssize_t n;

	if (r->at.fd < 0)
		return 0;
	buf_drop(&r->in, r->pos);
	r->pos = 0;
	do
		n = pread(r->at.fd, buf_room(&r->in, MERGE_PIECE), MERGE_PIECE, r->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "log %s", r->opt->path);
	buf_grew(&r->in, (size_t)n);
	r->offset += n;
	return n > 0;
}

/* The record that comes next: its length, and its end's. 0: there is none, but perhaps the beginning of one that a follower
 * waits for. */
static int merge_peek(struct reader *r, size_t *ret_n, bool *ret_whole, struct err *err)
{
	struct logline l;
	int ret = 1;

	for (;;) {
		const char *p = buf_str(&r->in) + r->pos;
		const size_t have = r->in.len - r->pos;
		const char *nl = have ? memchr(p, '\n', have) : NULL;

		if (!nl && have < RECORD_MAX && ret > 0) {
			ret = merge_fill(r, err);
			if (ret < 0)
				return ret;
			continue;
		}
		if (!nl && have < RECORD_MAX && r->opt->follow && !r->present.left)
			return 0;
		if (!nl && !have && !r->is_over) {
			if (!present_turn(r))
				return 0;
			ret = 1;
			continue;
		}
		*ret_n = nl ? (size_t)(nl - p) : have;
		*ret_whole = nl || have < RECORD_MAX;
		if (!r->is_over && logline_parse(p, *ret_n, &l))
			r->time = logline_at(&l);
		return 1;
	}
}

static int merge_pass(struct reader *r, size_t n, bool whole, struct err *err)
{
	const char *p = buf_str(&r->in) + r->pos;
	const bool has_end = r->pos + n < r->in.len && p[n] == '\n';
	int ret = pass_record(r, p, n, whole, err);

	r->pos += n + (has_end ? 1 : 0);
	return ret < 0 ? ret : ctx_check(r->ctx, err);
}

/* What one has not written yet another goes on with. */
static void merge_hand_over(struct reader *from, struct reader *to)
{
	const struct buf spare = to->out;

	if (from == to)
		return;
	to->out = from->out;
	to->out_stream = from->out_stream;
	to->closed = from->closed;
	from->out = spare;
}

struct merge_next {
	size_t n;
	bool any, whole;
};

static int merge_look(struct reader *r, struct merge_next *next, struct err *err)
{
	int ret = merge_peek(r, &next->n, &next->whole, err);

	next->any = ret > 0;
	return ret < 0 ? ret : 0;
}

static size_t merge_oldest(struct reader *const *v, const struct merge_next *next, size_t n)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (next[i].any && (best == n || v[i]->time < v[best]->time))
			best = i;
	return best;
}

/* 1: nobody reads us any more. */
static int present_merge(struct reader *const *v, size_t n, struct err *err)
{
	_cleanup_free_ struct merge_next *next = mem_array(struct merge_next, n);
	size_t last = 0;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = merge_look(v[i], &next[i], err);
	while (ret == 0 && !v[last]->closed) {
		const size_t i = merge_oldest(v, next, n);

		if (i == n)
			break;
		merge_hand_over(v[last], v[i]);
		last = i;
		ret = merge_pass(v[i], next[i].n, next[i].whole, err);
		if (ret == 0)
			ret = merge_look(v[i], &next[i], err);
	}
	if (ret == 0)
		ret = flush(v[last], err);
	for (size_t i = 0; i < n; i++) {
		buf_drop(&v[i]->in, v[i]->pos);
		v[i]->pos = 0;
		give_back(v[i]);
	}
	return ret < 0 ? ret : v[last]->closed;
}

/* The file after the one that is read; false: there is none yet. */
static int next_file(struct reader *r, struct err *err)
{
	_cleanup_(log_segments_done) struct log_segments files = { 0 };
	const struct log_segment *now;
	size_t next;
	int ret = log_segments_open(r->opt->path, &files, err);

	if (ret < 0)
		return ret;
	if (!files.n) { /* at no moment of a rotation are there none */
		r->gone = r->gone || r->at.fd >= 0;
		return 0;
	}
	now = r->at.fd < 0 ? NULL : log_segments_find(&files, &r->at);
	next = now ? (size_t)(now - files.v) : files.n; /* rotated away before we came: the oldest there is */
	if (now && now->size < r->offset)
		r->offset = 0; /* emptied by hand */
	if (!next)
		return 0;
	ret = finish_file(r, err);
	if (ret < 0)
		return ret;
	turn_to_file(r, &files.v[next - 1], 0);
	return 1;
}

static void watch_folder(struct reader *r)
{
	const char *slash = strrchr(r->opt->path, '/');
	_cleanup_free_ char *folder = slash ? mem_strndup(r->opt->path, (size_t)(slash - r->opt->path) + 1) : mem_strdup(".");
	const uint32_t events = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR;

	r->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->notify < 0) /* too many of them: we look a few times a second instead */
		return;
	if (inotify_add_watch(r->notify, folder, events) >= 0)
		return;
	r->gone = errno == ENOENT;
	(void)close(TAKE_FD(r->notify));
}

static void take_events(struct reader *r)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(r->notify, events, sizeof events)) > 0) {
		for (ssize_t i = 0; i < n;) {
			const struct inotify_event *e = (const void *)(events + i);

			if (e->mask & (IN_DELETE_SELF | IN_IGNORED))
				r->gone = true;
			i += (ssize_t)(sizeof *e + e->len);
		}
	}
}

/* How long @r may wait for an event; -1: for ever. */
static int reader_patience(const struct reader *r)
{
	const struct logread *opt = r->opt;
	const bool timed = r->notify < 0 || r->ended || (opt->ended && opt->wake_fd < 0);
	const int64_t until_ms = opt->until ? (opt->until - clock_wall()) / NSEC_PER_MSEC + 1 : -1;
	int ms = timed ? AGAIN_MS : -1;

	if (opt->until && (ms < 0 || ms > until_ms))
		ms = until_ms < 0 ? 0 : (int)until_ms;
	return ms;
}

enum { EVENT_LOG, EVENT_END, EVENT_UNREAD, EVENTS };

static void reader_polls(const struct reader *r, struct pollfd *out)
{
	out[EVENT_LOG] = (struct pollfd){ .fd = r->done ? -1 : r->notify, .events = POLLIN };
	out[EVENT_END] = (struct pollfd){ .fd = r->ended || r->done ? -1 : r->opt->wake_fd, .events = POLLIN };
	out[EVENT_UNREAD] = (struct pollfd){ .fd = r->opt->out_fd }; /* POLLERR: whoever read from us has gone */
}

/* What the wait has brought it; @late: nothing, in the time that it waits. */
static void reader_take(struct reader *r, const struct pollfd *from, bool late)
{
	const bool timed = r->notify < 0 || r->ended || (r->opt->ended && r->opt->wake_fd < 0);

	r->closed = r->closed || from[EVENT_UNREAD].revents;
	r->quiet = timed && late && !from[EVENT_LOG].revents;
	r->ask = (timed && late) || from[EVENT_END].revents;
	if (from[EVENT_LOG].revents)
		take_events(r);
}

/* All that are read, and who brings further ones. */
struct readers {
	struct reader **v;
	size_t n, cap;
	const struct logmore *more; /* NULL: nobody */
	const struct ctx *ctx;
};

/* Until something changed for one of them, it is time to ask for an end, or the wait has ended. */
static int wait_change(struct readers *rs, struct err *err)
{
	_cleanup_free_ struct pollfd *fds = mem_array(struct pollfd, EVENTS * rs->n + 1);
	const struct ctx *ctx = rs->ctx;
	int ms = ctx_poll_ms(ctx), got;

	if (rs->more && (ms < 0 || ms > AGAIN_MS))
		ms = AGAIN_MS;
	fds[EVENTS * rs->n] = (struct pollfd){ .fd = ctx && ctx->cancel ? ctx->cancel->fd : -1, .events = POLLIN };
	for (size_t i = 0; i < rs->n; i++) {
		const int its = rs->v[i]->done ? -1 : reader_patience(rs->v[i]);

		reader_polls(rs->v[i], &fds[EVENTS * i]);
		if (its >= 0 && (ms < 0 || ms > its))
			ms = its;
	}
	got = poll(fds, EVENTS * rs->n + 1, ms);
	if (got < 0 && errno != EINTR)
		return err_sys(err, errno, "wait for the log");
	for (size_t i = 0; got >= 0 && i < rs->n; i++)
		reader_take(rs->v[i], &fds[EVENTS * i], got == 0);
	return ctx_check(ctx, err);
}

/* 1: there is more at once; 0: it has to wait, or is done. */
static int follow_on(struct reader *r, struct err *err)
{
	const struct logread *opt = r->opt;
	bool last;
	int ret;

	/* The end is asked for before the last look, or what was written in between would be missed; and the logger
	 * may be a moment behind the task, so the log must have been quiet since. */
	r->ended = r->ended || (r->ask && opt->ended && opt->ended(opt->arg));
	last = r->gone || (opt->until && clock_wall() > opt->until) || (r->ended && r->quiet);
	ret = reader_drain(r, err);
	give_back(r);
	if (ret == 0)
		ret = next_file(r, err);
	if (ret != 0)
		return ret;
	r->done = last || r->gone;
	return r->done ? finish_file(r, err) : 0;
}

static int reader_open(struct reader *r, const struct logread *opt, const struct ctx *ctx, struct err *err)
{
	int ret;

	*r = (struct reader){ .opt = opt, .ctx = ctx, .at.fd = -1, .notify = -1, .wanted = true, .ask = true };
	r->terminal[LOG_STDOUT] = isatty(opt->out_fd); /* -1 is none */
	r->terminal[LOG_STDERR] = isatty(opt->err_fd);
	if (opt->follow)
		watch_folder(r); /* before the first look */
	ret = log_segments_open(opt->path, &r->present.files, err);
	if (ret < 0)
		return ret;
	if (!r->present.files.n && (!opt->follow || r->gone))
		return err_set(err, ERR_NOT_FOUND, "log %s: there is none", opt->path);
	present_begin(r);
	return 0;
}

static struct reader *readers_add(struct readers *rs)
{
	rs->v = mem_grow(rs->v, &rs->cap, rs->n + 1, sizeof *rs->v);
	return rs->v[rs->n++] = mem_new(struct reader);
}

static void readers_done(struct readers *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		reader_done(rs->v[i]);
		free(rs->v[i]);
	}
	free(rs->v);
}

/* One that has come later, from its beginning on; whose folder is gone already, of nothing. */
static int readers_join(struct readers *rs, const struct logread *opt, struct err *err)
{
	struct reader *r = readers_add(rs);
	int ret = reader_open(r, opt, rs->ctx, err);

	r->own = *opt;
	r->opt = &r->own;
	if (ret == 0)
		ret = present_read(r, err);
	log_segments_done(&r->present.files);
	r->done = ret == -ERR_NOT_FOUND;
	return r->done ? (err_clear(err), 0) : ret;
}

/* Those that have come since; *ret_over: there will be none. */
static int readers_ask(struct readers *rs, bool *ret_over, struct err *err)
{
	struct logread opt = { 0 };
	enum logmore_answer answer = LOGMORE_OVER;
	int ret = 0;

	while (ret == 0 && rs->more && (answer = rs->more->next(rs->more->arg, &opt)) == LOGMORE_ONE)
		ret = readers_join(rs, &opt, err);
	*ret_over = answer == LOGMORE_OVER;
	return ret;
}

/* How many go on. 1: nobody reads us any more. */
static int follow_each(struct readers *rs, size_t *ret_open, struct err *err)
{
	*ret_open = 0;
	for (size_t i = 0; i < rs->n; i++) {
		struct reader *r = rs->v[i];
		int ret = 1;

		while (ret == 1 && !r->done && !r->closed)
			ret = follow_on(r, err);
		if (ret < 0 || r->closed)
			return ret < 0 ? ret : 1;
		*ret_open += !r->done;
	}
	return 0;
}

static int follow_all(struct readers *rs, struct err *err)
{
	for (;;) {
		bool over;
		size_t open = 0;
		int ret = readers_ask(rs, &over, err);

		if (ret == 0)
			ret = follow_each(rs, &open, err);
		if (ret != 0 || (over && !open))
			return ret;
		ret = wait_change(rs, err);
		if (ret < 0)
			return ret;
	}
}

int logfile_read_all(const struct logread *opts, size_t n, const struct logmore *more, const struct ctx *ctx, struct err *err)
{
	struct readers rs = { .more = more, .ctx = ctx };
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = reader_open(readers_add(&rs), &opts[i], ctx, err);
	if (ret == 0 && n == 1) {
		ret = present_read(rs.v[0], err);
		ret = ret < 0 ? ret : rs.v[0]->closed;
	} else if (ret == 0 && n) {
		ret = present_merge(rs.v, n, err);
	}
	for (size_t i = 0; i < rs.n; i++)
		log_segments_done(&rs.v[i]->present.files);
	if (ret == 0 && (more || (n && opts->follow)))
		ret = follow_all(&rs, err);
	readers_done(&rs);
	return ret;
}

int logfile_read(const struct logread *opt, const struct ctx *ctx, struct err *err)
{
	return logfile_read_all(opt, 1, NULL, ctx, err);
}
