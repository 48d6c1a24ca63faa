#include "outlet.h"
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { CHUNK = 16384, ROOM = 65536 };

void outlet_init(struct outlet *o, int from, int to, enum log_stream stream, struct logfile *log)
{
	*o = (struct outlet){ .from = from, .stream = stream, .log = log };
	shared_fd_init(&o->to, from < 0 ? -1 : to, O_WRONLY);
	o->terminal = o->to.fd >= 0 && isatty(o->to.fd);
}

void outlet_drop(struct outlet *o)
{
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
	o->from = -1;
}

void outlet_done(struct outlet *o)
{
	outlet_detach(o);
	outlet_close(o);
	outlet_drop(o);
}

/* A terminal that was hung up says EIO. */
static void outlet_refused(struct outlet *o, int why)
{
	o->unread = why == EPIPE || why == ECONNRESET || (why == EIO && o->terminal);
	o->lost = why;
	outlet_drop(o);
}

/* How much of it ours takes now. */
static size_t outlet_write(struct outlet *o, const char *p, size_t n)
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
		watch_events(&o->in, ring_space(&o->kept) >= CHUNK ? POLLIN : 0);
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
	if (ring_space(&o->kept) < CHUNK)
		watch_events(&o->in, 0);
}

/* A FIFO that nobody has opened for writing yet reads as EOF: only POLLHUP after data, or after the end of the process,
 * is the end. poll(2) reports neither before the first writer has come. */
static void outlet_on_output(void *arg, short revents)
{
	struct outlet *o = arg;
	char chunk[CHUNK];
	ssize_t n = o->log ? logfile_take(o->log, o->stream, o->from, chunk, sizeof chunk) : read(o->from, chunk, sizeof chunk);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		outlet_close(o);
		return;
	}
	outlet_pass(o, chunk, (size_t)n);
	if (o->log)
		logfile_write(o->log, o->stream, chunk, (size_t)n);
}

void outlet_attach(struct outlet *o, struct loop *l)
{
	if (o->to.fd >= 0)
		watch_init(&o->out, l, o->to.fd, o->kept.len ? POLLOUT : 0, on_room, o);
	if (o->from >= 0)
		watch_init(&o->in, l, o->from, !o->kept.len || ring_space(&o->kept) >= CHUNK ? POLLIN : 0, outlet_on_output, o);
}

void outlet_detach(struct outlet *o)
{
	watch_done(&o->in);
	watch_done(&o->out);
}
