#include "relay.h"
#include "attachment.h"
#include "buf.h"
#include "clock.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { AGAIN_MS = 50, AGAIN_MOST_MS = 3000 };

struct relay_out {
	struct relay *of;
	int fd; /* -1: closed, or there is none */
	struct watch watch;
	struct buf kept; /* a packet at most: none is taken while there is some */
};

struct relay {
	struct loop *loop;
	char *socket;
	struct relay_told told;
	struct attachment *attachment; /* NULL: between two */
	struct relay_out out[2];
	int in; /* what the caller writes; -1: none, or at its end */
	struct watch in_watch;
	char piece[ATTACH_PIECE]; /* of the input */
	size_t piece_len;
	struct timer again;
	int64_t until;          /* when it is given up */
	struct relay_lost last; /* lost by who has gone; what comes next says whether that was the end */
	bool begun, ended, paused;
	bool heard, refused; /* heard: this attachment was greeted; refused: none ever is */
};

static bool relay_is_full(const struct relay *r) { return r->out[LOG_STDOUT].kept.len || r->out[LOG_STDERR].kept.len; }

static void relay_watch(struct relay *r)
{
	if (r->attachment)
		attachment_pause(r->attachment, r->paused || relay_is_full(r));
}

/* output */

static void out_close(struct relay_out *o)
{
	watch_done(&o->watch);
	closep(&o->fd);
	o->fd = -1;
	buf_reset(&o->kept);
}

/* How much of it the pipe takes; of one that nobody reads all. */
static size_t out_write(struct relay_out *o, const char *p, size_t n)
{
	ssize_t w = o->fd < 0 ? (ssize_t)n : write(o->fd, p, n);

	if (w >= 0)
		return (size_t)w;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	out_close(o);
	return n;
}

static void out_on_room(void *arg, short revents)
{
	struct relay_out *o = arg;

	(void)revents;
	buf_drop(&o->kept, out_write(o, buf_str(&o->kept), o->kept.len));
	if (o->kept.len || o->fd < 0)
		return;
	watch_events(&o->watch, 0);
	if (o->of->ended)
		out_close(o);
	relay_watch(o->of);
}

static void relay_tell_lost(struct relay *r)
{
	const struct relay_lost l = r->last;

	r->last = (struct relay_lost){ 0 };
	if (l.bytes)
		r->told.lost(r->told.arg, l.bytes, l.since, l.until);
}

static void relay_on_output(void *arg, enum log_stream which, const char *p, size_t n)
{
	struct relay *r = arg;
	struct relay_out *o = &r->out[which];
	const size_t done = o->kept.len ? 0 : out_write(o, p, n); /* at an end more comes than was asked for */

	relay_tell_lost(r);
	if (done == n)
		return;
	buf_add(&o->kept, p + done, n - done);
	watch_events(&o->watch, POLLOUT);
	relay_watch(o->of);
}

/* input */

static void relay_close_input(struct relay *r)
{
	watch_done(&r->in_watch);
	closep(&r->in);
	r->in = -1;
}

/* What was read goes on; as long as there is no room for it nothing more is read. */
static void relay_pass_input(struct relay *r)
{
	if (r->piece_len && r->attachment && attachment_write(r->attachment, r->piece, r->piece_len))
		r->piece_len = 0;
	if (watch_on(&r->in_watch))
		watch_events(&r->in_watch, r->piece_len ? 0 : POLLIN);
}

static void relay_on_input(void *arg, short revents)
{
	struct relay *r = arg;
	ssize_t n = read(r->in, r->piece, sizeof r->piece);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		relay_close_input(r);
		return;
	}
	r->piece_len = (size_t)n;
	relay_pass_input(r);
}

static void relay_on_room(void *arg) { relay_pass_input(arg); }

/* its beginning, its end, and who comes after who had them */

static void relay_on_begun(void *arg, int64_t at)
{
	struct relay *r = arg;

	r->heard = true;
	relay_tell_lost(r);
	if (!r->begun)
		r->told.begun(r->told.arg, at);
	r->begun = true;
}

static void relay_on_lost(void *arg, uint64_t bytes, int64_t since, int64_t until)
{
	struct relay *r = arg;

	relay_tell_lost(r);
	r->last = (struct relay_lost){ bytes, since, until };
	if (!attachment_is_over(r->attachment))
		relay_tell_lost(r);
}

static void relay_end(struct relay *r)
{
	r->ended = true;
	relay_close_input(r);
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		if (!r->out[i].kept.len)
			out_close(&r->out[i]);
	r->told.ended(r->told.arg);
}

static void relay_on_end(void *arg);

static int relay_attach(struct relay *r, struct err *err)
{
	const struct attachment_conf conf = { .begun = relay_on_begun,
					      .output = relay_on_output,
					      .lost = relay_on_lost,
					      .room = relay_on_room,
					      .ended = relay_on_end,
					      .arg = r };
	int ret = attachment_new(r->loop, r->socket, &conf, &r->attachment, err);

	if (ret < 0)
		return ret;
	relay_watch(r);
	relay_pass_input(r);
	return 0;
}

static void relay_again(struct relay *r)
{
	int ret = relay_attach(r, NULL);

	if (ret == -ERR_UNAVAILABLE && clock_mono() < r->until)
		timer_set(&r->again, clock_mono() + AGAIN_MS * NSEC_PER_MSEC);
	else if (ret < 0)
		relay_end(r);
}

void relay_go_on(struct relay *r, bool same)
{
	if (same)
		relay_again(r);
	else
		relay_end(r);
}

static void relay_on_again(void *arg)
{
	struct relay *r = arg;

	if (r->told.again && access(r->socket, F_OK) == 0)
		r->told.again(r->told.arg);
	else
		relay_again(r);
}

struct relay_lost relay_lost_last(const struct relay *r) { return r->ended ? r->last : (struct relay_lost){ 0 }; }

/* Where the socket is gone, too, the output has ended; else somebody will listen there again. Who turns us away is not asked at
 * once. */
static void relay_on_end(void *arg)
{
	struct relay *r = arg;
	const bool heard = r->heard;

	attachment_free(TAKE_PTR(r->attachment));
	r->heard = false;
	if (heard || !r->until)
		r->until = clock_mono() + AGAIN_MOST_MS * NSEC_PER_MSEC;
	if (heard) {
		relay_on_again(r);
	} else if (clock_mono() < r->until) {
		timer_set(&r->again, clock_mono() + AGAIN_MS * NSEC_PER_MSEC);
	} else {
		r->refused = true;
		relay_end(r);
	}
}

bool relay_refused(const struct relay *r) { return r->refused; }

static int relay_pipe(int fds[2], struct err *err)
{
	return pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 ? err_sys(err, errno, "pipe of an attachment") : 0;
}

static int relay_open(struct relay *r, bool input, bool tty, int fds[3], struct err *err)
{
	int pair[2], ret = 0;

	if (input && (ret = relay_pipe(pair, err)) >= 0) {
		r->in = pair[0];
		fds[0] = pair[1];
		watch_init(&r->in_watch, r->loop, r->in, POLLIN, relay_on_input, r);
	}
	for (int i = LOG_STDOUT; ret >= 0 && i <= (tty ? LOG_STDOUT : LOG_STDERR); i++) {
		ret = relay_pipe(pair, err);
		if (ret < 0)
			break;
		fds[1 + i] = pair[0];
		r->out[i].fd = pair[1];
		watch_init(&r->out[i].watch, r->loop, pair[1], 0, out_on_room, &r->out[i]);
	}
	return ret;
}

int relay_new(struct loop *loop, const char *socket, bool input, bool tty, const struct relay_told *told, struct relay **ret,
	      int ret_fds[3], struct err *err)
{
	_cleanup_(relay_freep) struct relay *r = mem_new(struct relay);
	int fds[3] = { -1, -1, -1 }, e;

	r->loop = loop;
	r->socket = mem_strdup(socket);
	r->told = *told;
	r->in = -1;
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		r->out[i] = (struct relay_out){ .of = r, .fd = -1 };
	timer_init(&r->again, loop, relay_on_again, r);
	e = relay_open(r, input, tty, fds, err);
	if (e >= 0)
		e = relay_attach(r, err);
	for (int i = 0; i < 3; i++)
		if (e < 0)
			closep(&fds[i]);
		else
			ret_fds[i] = fds[i];
	if (e < 0)
		return e;
	*ret = TAKE_PTR(r);
	return 0;
}

void relay_pause(struct relay *r, bool on)
{
	r->paused = on;
	relay_watch(r);
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	attachment_free(r->attachment);
	timer_done(&r->again);
	relay_close_input(r);
	out_close(&r->out[LOG_STDOUT]);
	out_close(&r->out[LOG_STDERR]);
	buf_done(&r->out[LOG_STDOUT].kept);
	buf_done(&r->out[LOG_STDERR].kept);
	free(r->socket);
	free(r);
}
