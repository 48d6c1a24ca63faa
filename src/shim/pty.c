#include "pty.h"
#include "clock.h"
#include "mem.h"
#include "name.h"
#include "socket.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 4096 };

struct flow {
	int from, to;
	struct watch read, write;
	struct pty *last; /* which ends when all has been written; NULL: not yet */
	size_t n;         /* bytes that wait for room */
	char data[PIECE];
};

struct pty {
	struct loop *loop;
	char *path;
	int listener, sender, master; /* the engine connects, and sends the master */
	struct watch accepts, sends;
	struct flow out, in;
	size_t left;
	struct timer hurry;
	void (*done)(void *arg);
	void *arg;
};

static void pty_look(struct pty *);

static void nonblocking(int fd) { (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

/* What waits goes first, and while any waits nothing is read. */
static void flow_push(struct flow *f)
{
	ssize_t n = write(f->to, f->data, f->n);

	if (n < 0 && errno != EAGAIN)
		n = (ssize_t)f->n; /* nobody will ever take it */
	if (n > 0) {
		memmove(f->data, f->data + n, f->n - (size_t)n);
		f->n -= (size_t)n;
	}
	watch_events(&f->write, f->n ? POLLOUT : 0);
	watch_events(&f->read, f->n ? 0 : POLLIN);
}

static void flow_write(void *arg, short revents)
{
	struct flow *f = arg;

	(void)revents;
	flow_push(f);
	pty_look(f->last);
}

/* 0: nothing, or the end. */
static ssize_t flow_take(struct flow *f)
{
	ssize_t n = read(f->from, f->data, sizeof f->data);

	if (n <= 0)
		return n;
	f->n = (size_t)n;
	flow_push(f);
	return n;
}

static void flow_read(void *arg, short revents)
{
	struct flow *f = arg;
	ssize_t n;

	(void)revents;
	if (f->n)
		return;
	n = flow_take(f);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		watch_events(&f->read, 0);
	pty_look(f->last);
}

static void flow_start(struct flow *f, struct loop *loop, int from, int to)
{
	f->from = from;
	f->to = to;
	nonblocking(from);
	nonblocking(to);
	watch_init(&f->read, loop, from, POLLIN, flow_read, f);
	watch_init(&f->write, loop, to, 0, flow_write, f);
}

static int receive_master(int fd)
{
	char byte[256], control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { byte, sizeof byte };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c;
	int master = -1;

	if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC) < 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&master, CMSG_DATA(c), sizeof master);
	return master;
}

static void drop_sender(struct pty *c)
{
	watch_done(&c->sends);
	closep(&c->sender);
	c->sender = -1;
}

/* Its work is done once the master is here; so a shim that is killed leaves none. */
static void drop_listener(struct pty *c)
{
	watch_done(&c->accepts);
	closep(&c->listener);
	c->listener = -1;
	(void)unlink(c->path);
}

static void pty_on_master(void *arg, short revents)
{
	struct pty *c = arg;

	(void)revents;
	c->master = receive_master(c->sender);
	drop_sender(c);
	if (c->master < 0)
		return;
	drop_listener(c);
	flow_start(&c->out, c->loop, c->master, c->out.to);
	flow_start(&c->in, c->loop, c->in.from, c->master);
}

/* One engine, one terminal: who connects besides is not heard. */
static void pty_on_accept(void *arg, short revents)
{
	struct pty *c = arg;
	const int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd < 0)
		return;
	if (c->master >= 0 || c->sender >= 0) {
		(void)close(fd);
		return;
	}
	c->sender = fd;
	watch_init(&c->sends, c->loop, fd, POLLIN, pty_on_master, c);
}

static void pty_on_hurry(void *arg)
{
	struct pty *c = arg;

	c->done(c->arg);
}

int pty_new(struct loop *loop, int in, int out, struct pty **ret, const char **ret_path, struct err *err)
{
	struct pty *c = mem_new(struct pty);
	char random[17];
	int r;

	name_random(random, 16);
	*c = (struct pty){ .loop = loop, .listener = -1, .sender = -1, .master = -1 };
	c->path = mem_printf("/run/davit-console-%s", random);
	c->out.to = out;
	c->in.from = in;
	r = socket_listen(c->path, 0600, &c->listener, err);
	if (r < 0) {
		pty_free(c);
		return r;
	}
	watch_init(&c->accepts, loop, c->listener, POLLIN, pty_on_accept, c);
	*ret = c;
	*ret_path = c->path;
	return 0;
}

void pty_resize(struct pty *c, unsigned width, unsigned height)
{
	const struct winsize size = { .ws_col = (unsigned short)width, .ws_row = (unsigned short)height };

	if (c->master >= 0)
		(void)ioctl(c->master, TIOCSWINSZ, &size);
}

bool pty_drain(struct pty *c, size_t *left)
{
	ssize_t n = 1;

	if (c->sender >= 0) /* the engine has sent it, or has ended */
		pty_on_master(c, POLLIN);
	while (c->master >= 0 && !c->out.n && *left && n > 0) {
		n = flow_take(&c->out);
		*left -= n > 0 && (size_t)n < *left ? (size_t)n : n > 0 ? *left : 0;
	}
	return !c->out.n;
}

static void pty_look(struct pty *c)
{
	if (c && pty_drain(c, &c->left))
		c->done(c->arg);
}

void pty_finish(struct pty *c, size_t left, void (*done)(void *arg), void *arg)
{
	c->left = left;
	c->done = done;
	c->arg = arg;
	c->out.last = c;
	pty_look(c);
}

void pty_hurry(struct pty *c)
{
	timer_done(&c->hurry);
	timer_init(&c->hurry, c->loop, pty_on_hurry, c);
	timer_set(&c->hurry, clock_mono() + PTY_LAST_S * NSEC_PER_SEC);
}

static void flow_done(struct flow *f)
{
	watch_done(&f->read);
	watch_done(&f->write);
}

void pty_free(struct pty *c)
{
	if (!c)
		return;
	drop_listener(c);
	drop_sender(c);
	timer_done(&c->hurry);
	flow_done(&c->out);
	flow_done(&c->in);
	closep(&c->master);
	free(c->path);
	free(c);
}
