#include "grpc-server.h"
#include "clock.h"
#include "h2-server.h"
#include "mem.h"
#include "socket.h"

struct grpc_server {
	struct loop *loop;
	struct listener *listener;
	char *path;
	const struct grpc_handler *handler;
	void *arg;
	unsigned streams; /* 0: the engine's own number */
	int64_t silence_ms, stall_ms;
};

/* One connection. */
struct grpc_peer {
	struct guest guest;
	struct h2_server *engine;
	struct timer timer; /* the soonest deadline of a call */
	struct grpc_server *server;
	int64_t born;
};

static void grpc_peer_free(struct grpc_peer *p)
{
	h2_server_free(p->engine);
	timer_done(&p->timer);
	guest_done(&p->guest);
	free(p);
}

static void on_kick(void *arg) { conn_kick(((struct grpc_peer *)arg)->guest.conn); }

static void on_drop(void *arg) { conn_abort(((struct grpc_peer *)arg)->guest.conn); }

static bool on_hold(void *arg, size_t n)
{
	struct grpc_peer *p = arg;

	if (p->guest.listener)
		guest_hold(&p->guest, n);
	return !p->guest.listener || !listener_full(p->guest.listener);
}

static void on_deadline(void *arg)
{
	struct grpc_peer *p = arg;

	timer_set(&p->timer, h2_server_expire(p->engine, clock_mono()));
}

/* Half a preface is no more than silence. */
static void await_preface(struct grpc_peer *p)
{
	const struct grpc_server *s = p->server;
	int64_t left;

	if (!s->silence_ms || h2_server_greeted(p->engine))
		return;
	left = s->silence_ms - (clock_mono() - p->born) / NSEC_PER_MSEC;
	conn_patience(p->guest.conn, left > 0 ? left : 1, s->stall_ms);
}

static ssize_t on_grpc_input(void *arg, const void *bytes, size_t n, struct err *err)
{
	struct grpc_peer *p = arg;
	int r = h2_server_input(p->engine, bytes, n, err);

	if (r < 0)
		return r;
	await_preface(p);
	on_deadline(p); /* new calls may have brought a nearer deadline */
	return (ssize_t)n;
}

static int on_grpc_output(void *arg, struct buf *out, struct err *err)
{
	return h2_server_output(((struct grpc_peer *)arg)->engine, out, err);
}

static void on_grpc_closed(void *arg, const struct err *why)
{
	(void)why; /* clients come and go */
	grpc_peer_free(arg);
}

static const struct conn_ops peer_ops = { on_grpc_input, on_grpc_output, on_grpc_closed };

static void on_grpc_connection(void *arg, int fd)
{
	struct grpc_server *s = arg;
	struct grpc_peer *p = mem_new(struct grpc_peer);

	p->server = s;
	p->born = clock_mono();
	p->engine = h2_server_new(s->handler, s->arg, &(struct h2_carrier){ on_kick, on_drop, on_hold, p });
	if (s->streams)
		h2_server_streams(p->engine, s->streams);
	timer_init(&p->timer, s->loop, on_deadline, p);
	guest_init(&p->guest, s->listener, fd, s->path, &peer_ops, p);
	conn_kick(p->guest.conn); /* the server's SETTINGS need no waiting for the client's */
}

int grpc_server_new(struct loop *loop, const char *path, const struct listener_limits *limits, const struct grpc_handler *handler,
		    void *arg, struct grpc_server **ret, struct err *err)
{
	static const struct listener_limits usual = { .silence_ms = GRPC_SERVER_SILENCE_MS };
	struct grpc_server *s;
	int fd, r;

	r = socket_listen(path, 0600, &fd, err);
	if (r < 0)
		return r;
	s = mem_new(struct grpc_server);
	*s = (struct grpc_server){ .loop = loop, .path = mem_strdup(path), .handler = handler, .arg = arg };
	s->silence_ms = limits ? limits->silence_ms : usual.silence_ms;
	s->stall_ms = limits ? limits->stall_ms : usual.stall_ms;
	s->listener = listener_new(loop, fd, limits ? limits : &usual, on_grpc_connection, s);
	*ret = s;
	return 0;
}

static void stop_listening(struct grpc_server *s)
{
	if (!s->path)
		return;
	listener_stop(s->listener);
	(void)unlink(s->path);
	free(TAKE_PTR(s->path));
}

void grpc_server_free(struct grpc_server *s)
{
	if (!s)
		return;
	stop_listening(s);
	list_for_each(it, listener_guests(s->listener))
		grpc_peer_free(container_of(it, struct grpc_peer, guest.node));
	listener_free(s->listener);
	free(s);
}

void grpc_server_shutdown(struct grpc_server *s)
{
	stop_listening(s);
	list_for_each(it, listener_guests(s->listener))
		h2_server_shutdown(container_of(it, struct grpc_peer, guest.node)->engine);
}

void grpc_server_streams(struct grpc_server *s, unsigned n) { s->streams = n; }

size_t grpc_server_connections(const struct grpc_server *s) { return listener_n(s->listener); }

struct listener_counts grpc_server_counts(const struct grpc_server *s) { return listener_counts(s->listener); }
