#include "listener.h"
#include "mem.h"
#include "socket.h"
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

enum { ACCEPTS_A_TURN = 16 };

struct listener {
	struct loop *loop;
	struct watch watch;
	int fd;
	int spare; /* given up when fds run out, to take a connection and close it; else the loop would spin on it */
	struct listener_limits limits;
	uid_t *uids;
	void (*fn)(void *arg, int fd);
	void *arg;
	struct list_node guests;
	size_t n, held; /* connections, and their bytes */
	struct listener_counts counts;
};

/* Whoever talks to a server of ours can run programs as its user. */
static bool may_connect(const struct listener *l, int fd)
{
	uid_t uid;

	if (!socket_peer_uid(fd, &uid))
		return false;
	for (size_t i = 0; i < l->limits.n_uids; i++)
		if (l->uids[i] == uid)
			return true;
	return uid == 0 || uid == geteuid();
}

static void take_guest(struct listener *l, int fd)
{
	bool foreign = !may_connect(l, fd);

	if (foreign || l->n >= l->limits.connections) {
		(void)close(fd);
		l->counts.foreign += foreign;
		l->counts.full += !foreign;
		return;
	}
	l->counts.accepted++;
	l->fn(l->arg, fd);
}

static void refuse_one(struct listener *l)
{
	int fd;

	if (l->spare >= 0)
		(void)close(l->spare);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		(void)close(fd);
	l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	l->counts.full++;
}

static void on_accept(void *arg, short revents)
{
	struct listener *l = arg;

	(void)revents;
	for (int i = 0; i < ACCEPTS_A_TURN && l->fd >= 0; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take_guest(l, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			refuse_one(l);
		return;
	}
}

struct listener *listener_new(struct loop *loop, int fd, const struct listener_limits *limits, void (*fn)(void *arg, int fd),
			      void *arg)
{
	struct listener *l = mem_new(struct listener);

	*l = (struct listener){ .loop = loop, .fd = fd, .fn = fn, .arg = arg, .spare = open("/dev/null", O_RDONLY | O_CLOEXEC) };
	list_init(&l->guests);
	if (limits)
		l->limits = *limits;
	if (!l->limits.connections)
		l->limits.connections = LISTENER_CONNECTIONS;
	if (!l->limits.held)
		l->limits.held = LISTENER_HELD_MAX;
	l->uids = mem_dup(l->limits.uids, l->limits.n_uids * sizeof *l->uids);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* an inherited one may be anything */
	watch_init(&l->watch, loop, fd, POLLIN, on_accept, l);
	return l;
}

void listener_stop(struct listener *l)
{
	if (l->fd < 0)
		return;
	watch_done(&l->watch);
	(void)close(TAKE_FD(l->fd));
	if (l->spare >= 0)
		(void)close(TAKE_FD(l->spare));
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	assert(list_empty(&l->guests) && !l->held);
	listener_stop(l);
	free(l->uids);
	free(l);
}

struct listener_counts listener_counts(const struct listener *l) { return l->counts; }

struct list_node *listener_guests(struct listener *l) { return &l->guests; }

size_t listener_n(const struct listener *l) { return l->n; }

size_t listener_held(const struct listener *l) { return l->held; }

bool listener_full(const struct listener *l) { return l->held > l->limits.held; }

void guest_init(struct guest *g, struct listener *l, int fd, const char *name, const struct conn_ops *ops, void *arg)
{
	*g = (struct guest){ .listener = l, .conn = conn_new(l->loop, fd, name, ops, arg) };
	conn_count(g->conn, &l->held);
	conn_patience(g->conn, l->limits.silence_ms, l->limits.stall_ms);
	list_push(&l->guests, &g->node);
	l->n++;
}

void guest_hold(struct guest *g, size_t n)
{
	g->listener->held = g->listener->held - g->held + n;
	g->held = n;
}

void guest_done(struct guest *g)
{
	if (!g->listener)
		return;
	guest_hold(g, 0);
	conn_free(TAKE_PTR(g->conn));
	list_unlink(&g->node);
	g->listener->n--;
	g->listener = NULL;
}
