/* Theory of operation: the bytes between in_at and in.len are what the engine has left. A polite connection calls input() again
 * with them once all output was taken, and only then reads on; everything that ends the connection goes through
 * conn_end(), whose callers touch it no more. Its owner may keep it then: it is on no loop, and says that it is mute. */
#include "conn.h"
#include "clock.h"
#include "mem.h"
#include "socket.h"
#include <poll.h>
#include <sys/socket.h>

enum {
	READ_MIN = 4 << 10, /* with less room than this the buffer grows before it is read into */
	ROUNDS_A_TURN = 8,  /* reads, and answers to what was left; then others on the loop have their turn */
};

struct conn {
	struct loop *loop;
	struct watch watch;
	struct timer silence, stall; /* the peer is to be heard, to take something by then */
	int fd;
	char *name;
	struct post kick; /* send in the next turn */
	bool kicked;
	const struct conn_ops *ops;
	void *arg;
	struct buf in, out;
	size_t in_at, out_at; /* taken of in, sent of out */
	bool polite;
	bool left;        /* polite: input() left something, and perhaps not because it is no whole message */
	bool mute;        /* the peer does not read any more: read on until it closes */
	int64_t stall_ms; /* 0: for ever */
	size_t *total;    /* conn_count() */
	size_t counted;
};

static void conn_calm(struct conn *c)
{
	if (c->kicked)
		loop_unpost(c->loop, &c->kick);
	c->kicked = false;
}

static void conn_leave(struct conn *c)
{
	conn_calm(c);
	watch_done(&c->watch);
	timer_done(&c->silence);
	timer_done(&c->stall);
}

/* Ends the connection; the caller returns at once, as closed() may have freed @c. */
static void conn_end(struct conn *c, struct err *why)
{
	conn_leave(c);
	(void)close(TAKE_FD(c->fd));
	(void)err_wrap(why, -(int)why->code, "connection to %s", c->name);
	c->ops->closed(c->arg, why);
}

/* Forget the bytes, and the room where it is more than is kept. */
static void forget_bytes(struct buf *b, size_t *at)
{
	*at = 0;
	if (b->cap > CONN_KEEP)
		buf_done(b);
	else
		buf_reset(b);
}

static bool has_unsent(const struct conn *c) { return c->out.len > c->out_at; }

static bool must_wait(const struct conn *c) { return c->polite && has_unsent(c) && !c->mute; }

static void set_limit(struct timer *t, int64_t at)
{
	if (t->loop && t->at != at)
		timer_set(t, at);
}

static void recount_room(struct conn *c)
{
	if (!c->total)
		return;
	*c->total -= c->counted;
	c->counted = c->in.cap + c->out.cap;
	*c->total += c->counted;
}

static void forget_output(struct conn *c)
{
	forget_bytes(&c->out, &c->out_at);
	set_limit(&c->stall, 0);
	recount_room(c);
}

/* Input to the engine. False when the connection has ended. */
static bool feed_engine(struct conn *c)
{
	struct err why = ERR_INIT;
	ssize_t n = c->ops->input(c->arg, c->in.data + c->in_at, c->in.len - c->in_at, &why);

	if (n < 0) {
		conn_end(c, &why);
		return false;
	}
	c->in_at += (size_t)n;
	if (c->in_at == c->in.len)
		forget_bytes(&c->in, &c->in_at);
	recount_room(c);
	if (c->mute)
		forget_output(c);
	c->left = c->in.len && must_wait(c);
	return true;
}

/* What recv(2) says; @ret_full: all the room was filled, so there may be more. */
static ssize_t receive_some(struct conn *c, bool *ret_full)
{
	size_t room;
	ssize_t n;

	if (c->in_at) {
		buf_drop(&c->in, c->in_at);
		c->in_at = 0;
	}
	if (!c->in.cap)
		(void)buf_room(&c->in, CONN_KEEP - 1); /* and a NUL */
	if (c->in.cap - c->in.len <= READ_MIN)
		(void)buf_room(&c->in, c->in.cap);
	recount_room(c);
	room = c->in.cap - c->in.len - 1;
	do
		n = recv(c->fd, c->in.data + c->in.len, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_grew(&c->in, (size_t)n);
	*ret_full = n == (ssize_t)room;
	return n;
}

/* False when the connection has ended. */
static bool receive_input(struct conn *c)
{
	struct err why = ERR_INIT;

	for (int i = 0; i < ROUNDS_A_TURN && !must_wait(c); i++) {
		bool full = false;
		ssize_t n = receive_some(c, &full);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			(void)(errno == ECONNRESET ? err_set(&why, ERR_UNAVAILABLE, "reset by the peer")
						   : err_sys(&why, errno, "receive"));
		else if (n == 0)
			(void)err_set(&why, ERR_UNAVAILABLE, "closed by the peer");
		if (n <= 0) {
			conn_end(c, &why);
			return false;
		}
		set_limit(&c->silence, 0);
		if (!feed_engine(c))
			return false;
		if (!full)
			break;
	}
	return true;
}

static void on_conn_silence(void *arg)
{
	struct err why = ERR_INIT;

	(void)err_set(&why, ERR_DEADLINE, "the peer says nothing");
	conn_end(arg, &why);
}

static void on_conn_stall(void *arg)
{
	struct err why = ERR_INIT;

	(void)err_set(&why, ERR_DEADLINE, "the peer does not take what is sent");
	conn_end(arg, &why);
}

void conn_patience(struct conn *c, int64_t silence_ms, int64_t stall_ms)
{
	c->stall_ms = stall_ms;
	set_limit(&c->silence, silence_ms ? clock_mono() + silence_ms * NSEC_PER_MSEC : 0);
}

void conn_reserve(struct conn *c)
{
	(void)buf_room(&c->in, CONN_KEEP - 1); /* and a NUL */
	(void)buf_room(&c->out, CONN_KEEP - 1);
	recount_room(c);
}

void conn_count(struct conn *c, size_t *total)
{
	c->total = total;
	recount_room(c);
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	conn_leave(c);
	if (c->total)
		*c->total -= c->counted;
	if (c->fd >= 0)
		(void)close(c->fd);
	buf_done(&c->out);
	buf_done(&c->in);
	free(c->name);
	free(c);
}

const char *conn_name(const struct conn *c) { return c->name; }
pid_t conn_peer(const struct conn *c) { return socket_peer(c->fd); }

struct buf *conn_out(struct conn *c) { return &c->out; }

size_t conn_unsent(const struct conn *c) { return c->out.len - c->out_at; }

bool conn_is_mute(const struct conn *c) { return c->mute || !watch_on(&c->watch); }

void conn_kick(struct conn *c)
{
	if (c->mute) {
		forget_output(c);
	} else if (watch_on(&c->watch) && !c->kicked && !(c->watch.events & POLLOUT)) {
		c->kicked = true;
		loop_post(c->loop, &c->kick);
	}
	recount_room(c);
}

void conn_polite(struct conn *c) { c->polite = true; }

static void note_stalled(struct conn *c)
{
	if (c->stall_ms && !c->stall.at)
		set_limit(&c->stall, clock_mono() + c->stall_ms * NSEC_PER_MSEC);
}

/* 1: more may be sent; 0: wait for the peer. */
static int send_some(struct conn *c)
{
	ssize_t n = send(c->fd, c->out.data + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0 && errno == EAGAIN) {
		note_stalled(c);
		watch_events(&c->watch, c->polite ? POLLOUT : POLLIN | POLLOUT);
		return 0;
	}
	if (n < 0) { /* the peer closed its end; what it said before that still counts */
		c->mute = true;
		forget_output(c);
		watch_events(&c->watch, POLLIN);
		return 0;
	}
	set_limit(&c->stall, 0);
	c->out_at += (size_t)n;
	if (c->out_at >= CONN_KEEP && c->out_at >= c->out.len / 2) { /* what is appended meanwhile does not add up */
		buf_drop(&c->out, c->out_at);
		c->out_at = 0;
	}
	return 1;
}

/* 1: something stands in out; 0: there is nothing to send; -1: the connection has ended. */
static int fill_output(struct conn *c)
{
	struct err why = ERR_INIT;

	if (has_unsent(c))
		return 1;
	buf_reset(&c->out);
	c->out_at = 0;
	if (c->ops->output && c->ops->output(c->arg, &c->out, &why) < 0) {
		conn_end(c, &why);
		return -1;
	}
	if (has_unsent(c))
		return 1;
	forget_output(c);
	watch_events(&c->watch, c->left ? POLLOUT : POLLIN);
	return 0;
}

/* Send until there is nothing more (0) or the peer takes no more (1). -1: the connection has ended. */
static int send_out(struct conn *c)
{
	int r = 1;

	while (!c->mute && (r = fill_output(c)) > 0)
		if (!send_some(c))
			break;
	if (!r)
		conn_calm(c);
	return r;
}

void conn_flush(struct conn *c)
{
	if (watch_on(&c->watch))
		(void)send_out(c);
}

static void on_conn_event(void *arg, short revents)
{
	struct conn *c = arg;

	if ((revents & (POLLIN | POLLHUP | POLLERR)) && !receive_input(c))
		return;
	for (int i = 0; i < ROUNDS_A_TURN; i++)
		if (send_out(c) || !c->left || !feed_engine(c))
			return;
}

/* By a post and not by waiting for room: what is sent mostly is taken at once, and the kernel is asked nothing before. */
static void conn_on_kick(void *arg)
{
	struct conn *c = arg;

	c->kicked = false;
	on_conn_event(c, 0);
}

struct conn *conn_new(struct loop *loop, int fd, const char *name, const struct conn_ops *ops, void *arg)
{
	struct conn *c = mem_new(struct conn);

	*c = (struct conn){ .loop = loop, .fd = fd, .name = mem_strdup(name), .ops = ops, .arg = arg };
	post_init(&c->kick, conn_on_kick, c);
	watch_init(&c->watch, loop, fd, POLLIN, on_conn_event, c);
	timer_init(&c->silence, loop, on_conn_silence, c);
	timer_init(&c->stall, loop, on_conn_stall, c);
	return c;
}

void conn_abort(struct conn *c)
{
	if (!watch_on(&c->watch))
		return;
	c->mute = true;
	forget_output(c);
	(void)shutdown(c->fd, SHUT_RDWR); /* so the next read says that it is over */
	watch_events(&c->watch, POLLIN);
}
