#include "conn.h"
#include "mem.h"
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum {
	READ_CHUNK = 64 << 10,
	READS_A_TURN = 8,     /* then others on the loop have their turn */
	OUT_KEEP = 256 << 10, /* a bigger buffer is given back once it is empty */
};

struct conn {
	struct loop *loop;
	struct watch *watch;
	int fd;
	char *name;
	const struct conn_ops *ops;
	void *arg;
	char *in;
	struct buf out;
	size_t sent;
	bool polite;
	bool mute; /* the peer does not read any more: read on until it closes */
};

/* Ends the connection; the caller returns at once, as closed() may have freed @c. */
static void shut(struct conn *c, struct err *why)
{
	watch_free(TAKE_PTR(c->watch));
	(void)close(TAKE_FD(c->fd));
	(void)err_wrap(why, -(int)why->code, "connection to %s", c->name);
	c->ops->closed(c->arg, why);
}

static ssize_t receive_some(struct conn *c)
{
	ssize_t n;

	do
		n = recv(c->fd, c->in, READ_CHUNK, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n;
}

/* False when the connection has ended. */
static bool receive(struct conn *c)
{
	struct err why = ERR_INIT;

	if (!c->in)
		c->in = mem_calloc(READ_CHUNK, 1);
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = receive_some(c);
		int r = 0;

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			r = errno == ECONNRESET ? err_set(&why, ERR_UNAVAILABLE, "reset by the peer")
						: err_sys(&why, errno, "receive");
		else if (n == 0)
			r = err_set(&why, ERR_UNAVAILABLE, "closed by the peer");
		else
			r = c->ops->input(c->arg, c->in, (size_t)n, &why);
		if (r < 0) {
			shut(c, &why);
			return false;
		}
		if (n < READ_CHUNK)
			return true;
	}
	return true;
}

static void on_event(void *arg, short revents)
{
	struct conn *c = arg;

	if ((revents & (POLLIN | POLLHUP | POLLERR)) && !receive(c))
		return;
	conn_flush(c);
}

struct conn *conn_new(struct loop *loop, int fd, const char *name, const struct conn_ops *ops, void *arg)
{
	struct conn *c = mem_new(struct conn);

	*c = (struct conn){ .loop = loop, .fd = fd, .name = mem_strdup(name), .ops = ops, .arg = arg };
	c->watch = loop_watch(loop, fd, POLLIN, on_event, c);
	return c;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	watch_free(c->watch);
	if (c->fd >= 0)
		(void)close(c->fd);
	buf_done(&c->out);
	free(c->in);
	free(c->name);
	free(c);
}

const char *conn_name(const struct conn *c) { return c->name; }

void conn_kick(struct conn *c)
{
	if (c->watch && !c->mute)
		watch_events(c->watch, c->polite && c->out.len ? POLLOUT : POLLIN | POLLOUT);
}

void conn_polite(struct conn *c) { c->polite = true; }

static void forget_output(struct conn *c)
{
	c->sent = 0;
	if (c->out.cap > OUT_KEEP)
		buf_done(&c->out);
	else
		buf_reset(&c->out);
}

/* 1: more may be sent; 0: wait for the peer. */
static int send_some(struct conn *c)
{
	ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0 && errno == EAGAIN) {
		watch_events(c->watch, c->polite ? POLLOUT : POLLIN | POLLOUT);
		return 0;
	}
	if (n < 0) { /* the peer closed its end; what it said before that still counts */
		c->mute = true;
		forget_output(c);
		watch_events(c->watch, POLLIN);
		return 0;
	}
	c->sent += (size_t)n;
	return 1;
}

void conn_flush(struct conn *c)
{
	struct err why = ERR_INIT;

	if (!c->watch || c->mute)
		return;
	do {
		if (c->sent < c->out.len)
			continue;
		forget_output(c);
		if (c->ops->output(c->arg, &c->out, &why) < 0) {
			shut(c, &why);
			return;
		}
		if (!c->out.len) {
			watch_events(c->watch, POLLIN);
			return;
		}
	} while (send_some(c));
}

void conn_abort(struct conn *c)
{
	if (!c->watch)
		return;
	c->mute = true;
	forget_output(c);
	(void)shutdown(c->fd, SHUT_RDWR); /* so the next read says that it is over */
	watch_events(c->watch, POLLIN);
}

static int make_address(const char *path, struct sockaddr_un *ret, struct err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (!*path)
		return err_set(err, ERR_INVALID, "socket path is empty");
	if (strlen(path) >= sizeof sa.sun_path)
		return err_set(err, ERR_INVALID, "socket path %s is longer than %zu bytes", path, sizeof sa.sun_path - 1);
	memcpy(sa.sun_path, path, strlen(path));
	*ret = sa;
	return 0;
}

int conn_dial(const char *path, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un sa;
	int r = make_address(path, &sa, err);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "socket");
	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) < 0) {
		if (errno == EAGAIN)
			return err_set(err, ERR_UNAVAILABLE, "connect to %s: too many wait to be accepted", path);
		return err_sys(err, errno, "connect to %s", path);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

pid_t conn_listener(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct ucred who = { 0 };
	socklen_t n = sizeof who;

	if (conn_dial(path, &fd, NULL) < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return 0;
	return who.pid;
}

/* Whether @path is a socket that nobody listens on. */
static bool is_stale(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct err err = ERR_INIT;
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	return conn_dial(path, &fd, &err) < 0 && err.sys == ECONNREFUSED;
}

int conn_listen(const char *path, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un sa;
	int r = make_address(path, &sa, err);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "socket");
	if (fchmod(fd, 0600) < 0) /* before bind(2), which gives the file this mode */
		return err_sys(err, errno, "socket mode");
	r = bind(fd, (const struct sockaddr *)&sa, sizeof sa);
	if (r < 0 && errno == EADDRINUSE) {
		if (!is_stale(path))
			return err_set(err, ERR_EXISTS, "socket %s is in use", path);
		(void)unlink(path);
		r = bind(fd, (const struct sockaddr *)&sa, sizeof sa);
	}
	if (r < 0)
		return err_sys(err, errno, "bind %s", path);
	if (listen(fd, SOMAXCONN) < 0)
		return err_sys(err, errno, "listen on %s", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

struct acceptor {
	struct watch *watch;
	int fd;
	int spare; /* given up when fds run out, to take a connection and close it; else poll(2) would spin on it */
	void (*fn)(void *arg, int fd);
	void *arg;
};

static void refuse_one(struct acceptor *a)
{
	int fd;

	if (a->spare >= 0)
		(void)close(a->spare);
	fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		(void)close(fd);
	a->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(void *arg, short revents)
{
	struct acceptor *a = arg;
	int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd >= 0)
		a->fn(a->arg, fd);
	else if (errno == EMFILE || errno == ENFILE)
		refuse_one(a);
}

struct acceptor *acceptor_new(struct loop *loop, int fd, void (*fn)(void *arg, int fd), void *arg)
{
	struct acceptor *a = mem_new(struct acceptor);

	*a = (struct acceptor){ .fd = fd, .fn = fn, .arg = arg, .spare = open("/dev/null", O_RDONLY | O_CLOEXEC) };
	a->watch = loop_watch(loop, fd, POLLIN, on_connection, a);
	return a;
}

void acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	watch_free(a->watch);
	(void)close(a->fd);
	if (a->spare >= 0)
		(void)close(a->spare);
	free(a);
}
