#include "outlet.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 16384, ROOM = 65536, LINE_MOST = 8192 /* a longer one is cut */ };

void outlet_init(struct outlet *o, int from, int to, enum log_stream stream, struct logfile *log)
{
	*o = (struct outlet){ .from = from, .stream = stream, .log = log };
	shared_fd_init(&o->to, from < 0 ? -1 : to, O_WRONLY);
	o->terminal = o->to.fd >= 0 && isatty(o->to.fd);
}

void outlet_prefix(struct outlet *o, const char *prefix, struct outlet_turn *turn)
{
	o->prefix = prefix;
	o->turn = turn;
}

static void turn_leave(struct outlet *o)
{
	if (o->turn && o->turn->of == o)
		o->turn->of = NULL;
}

void outlet_drop(struct outlet *o)
{
	turn_leave(o);
	buf_reset(&o->line);
	watch_done(&o->out);
	shared_fd_done(&o->to);
	ring_done(&o->kept);
	if (watch_on(&o->in))
		watch_events(&o->in, POLLIN);
}

static void outlet_close(struct outlet *o)
{
	watch_done(&o->in);
	closep(&o->from);
}

void outlet_done(struct outlet *o)
{
	outlet_detach(o);
	outlet_close(o);
	outlet_drop(o);
	buf_done(&o->line);
}

/* A terminal that was hung up says EIO. */
static void outlet_refused(struct outlet *o, int why)
{
	o->unread = why == EPIPE || why == ECONNRESET || (why == EIO && o->terminal);
	o->lost = why;
	outlet_drop(o);
}

/* How much must fit before more is taken: a chunk; of lines, which grow, so much of them as outlet_chunk() says. */
static bool has_room(const struct outlet *o)
{
	const size_t space = o->kept.room ? ring_space(&o->kept) : ROOM;

	return space >= (o->prefix ? 2 * CHUNK : CHUNK);
}

static size_t outlet_chunk(const struct outlet *o)
{
	const size_t space = o->kept.room ? ring_space(&o->kept) : ROOM;
	const size_t plen = o->prefix ? strlen(o->prefix) : 0;
	const size_t most = o->prefix && space > CHUNK ? (space - CHUNK) / (plen + 2) : CHUNK;

	return most < 1 ? 1 : most < CHUNK ? most : CHUNK;
}

static bool outlet_must_wait(const struct outlet *o) { return o->turn && o->turn->of && o->turn->of != o; }

/* How much of it ours takes now. */
static size_t write_bytes(struct outlet *o, const char *p, size_t n)
{
	size_t done = 0;

	while (done < n && o->to.fd >= 0) {
		ssize_t w = shared_fd_write(&o->to, p + done, n - done);

		if (w >= 0)
			done += (size_t)w;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			outlet_refused(o, errno);
	}
	return done;
}

static size_t outlet_write(struct outlet *o, const char *p, size_t n)
{
	size_t done = outlet_must_wait(o) ? 0 : write_bytes(o, p, n);

	if (o->turn && done && o->to.fd >= 0)
		o->turn->of = p[done - 1] == '\n' ? NULL : o;
	return done;
}

static void on_room(void *arg, short revents)
{
	struct outlet *o = arg;
	const char *p;
	size_t n, done;

	(void)revents;
	do {
		p = ring_next(&o->kept, &n);
		done = p ? outlet_write(o, p, n) : 0;
		if (o->to.fd >= 0)
			ring_drop(&o->kept, done);
	} while (p && done == n && o->to.fd >= 0);
	if (o->to.fd < 0)
		return;
	watch_events(&o->out, o->kept.len ? POLLOUT : 0);
	if (watch_on(&o->in))
		watch_events(&o->in, has_room(o) ? POLLIN : 0);
}

static void outlet_pass(struct outlet *o, const char *p, size_t n)
{
	size_t done = o->kept.len ? 0 : outlet_write(o, p, n);

	if (done == n || o->to.fd < 0)
		return;
	if (!o->kept.room)
		ring_init(&o->kept, ROOM);
	(void)ring_put(&o->kept, p + done, n - done); /* it was not read without room for it */
	watch_events(&o->out, POLLOUT);
	if (!has_room(o))
		watch_events(&o->in, 0);
}

static void pass_line(struct outlet *o, struct buf *out)
{
	buf_adds(out, o->prefix);
	buf_add(out, o->line.data, o->line.len);
	buf_addc(out, '\n');
	buf_reset(&o->line);
}

/* Whole lines; the rest is kept until its end comes. A carriage return before the end is a terminal's, and would hide the prefix.
 */
static void pass_lines(struct outlet *o, const char *p, size_t n)
{
	_cleanup_buf_ struct buf out = { 0 };

	for (const char *end = p + n; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		const size_t room = LINE_MOST - o->line.len, take = (size_t)(stop - p) < room ? (size_t)(stop - p) : room;

		buf_add(&o->line, p, take);
		p += take;
		if (p == nl) {
			p++;
			if (o->line.len && o->line.data[o->line.len - 1] == '\r')
				o->line.len--;
			pass_line(o, &out);
		} else if (o->line.len == LINE_MOST) {
			pass_line(o, &out);
		}
	}
	if (out.len)
		outlet_pass(o, out.data, out.len);
}

static void pass_last_line(struct outlet *o)
{
	_cleanup_buf_ struct buf out = { 0 };

	if (!o->line.len || o->to.fd < 0)
		return;
	pass_line(o, &out);
	outlet_pass(o, out.data, out.len);
}

/* A FIFO that nobody has opened for writing yet reads as EOF: only POLLHUP after data, or after the end of the process,
 * is the end. poll(2) reports neither before the first writer has come. */
static void outlet_on_output(void *arg, short revents)
{
	struct outlet *o = arg;
	char chunk[CHUNK];
	const size_t most = outlet_chunk(o);
	ssize_t n = o->ledger ? ledger_take(o->ledger, o->stream, o->from, chunk, most) : read(o->from, chunk, most);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		outlet_close(o);
		pass_last_line(o);
		return;
	}
	o->taken += (uint64_t)n;
	if (o->passed)
		o->passed(o->passed_arg, o->stream, chunk, (size_t)n);
	if (o->prefix && o->to.fd >= 0)
		pass_lines(o, chunk, (size_t)n);
	else
		outlet_pass(o, chunk, (size_t)n);
	if (o->log)
		logfile_write(o->log, o->stream, chunk, (size_t)n);
}

void outlet_attach(struct outlet *o, struct loop *l)
{
	if (o->to.fd >= 0)
		watch_init(&o->out, l, o->to.fd, o->kept.len ? POLLOUT : 0, on_room, o);
	if (o->from >= 0)
		watch_init(&o->in, l, o->from, !o->kept.len || has_room(o) ? POLLIN : 0, outlet_on_output, o);
}

void outlet_detach(struct outlet *o)
{
	watch_done(&o->in);
	watch_done(&o->out);
}
