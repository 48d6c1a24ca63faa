#include "grpc-server.h"
#include "clock.h"
#include "conn.h"
#include "h2-server.h"
#include "list.h"
#include "mem.h"

struct grpc_server {
	struct loop *loop;
	struct acceptor *acceptor;
	char *path;
	const struct grpc_handler *handler;
	void *arg;
	struct list_node peers;
	size_t n_peers;
};

/* One connection. */
struct peer {
	struct list_node node;
	struct grpc_server *server;
	struct conn *conn;
	struct h2_server *engine;
	struct timer *timer; /* the soonest deadline of a call */
};

static void peer_free(struct peer *p)
{
	h2_server_free(p->engine);
	timer_free(p->timer);
	conn_free(p->conn);
	list_unlink(&p->node);
	p->server->n_peers--;
	free(p);
}

static void kick(void *arg) { conn_kick(((struct peer *)arg)->conn); }

static void drop(void *arg) { conn_abort(((struct peer *)arg)->conn); }

static void on_time(void *arg)
{
	struct peer *p = arg;

	timer_set(p->timer, h2_server_expire(p->engine, clock_mono()));
}

static int input(void *arg, const void *bytes, size_t n, struct err *err)
{
	struct peer *p = arg;
	int r = h2_server_input(p->engine, bytes, n, err);

	if (r == 0) /* new calls may have brought a nearer deadline */
		on_time(p);
	return r;
}

static int output(void *arg, struct buf *out, struct err *err) { return h2_server_output(((struct peer *)arg)->engine, out, err); }

static void closed(void *arg, const struct err *why)
{
	(void)why; /* clients come and go */
	peer_free(arg);
}

static const struct conn_ops ops = { input, output, closed };

static void on_connection(void *arg, int fd)
{
	struct grpc_server *s = arg;
	struct peer *p = mem_new(struct peer);

	p->server = s;
	p->engine = h2_server_new(s->handler, s->arg, &(struct h2_carrier){ kick, drop, p });
	p->conn = conn_new(s->loop, fd, s->path, &ops, p);
	p->timer = loop_timer(s->loop, on_time, p);
	list_push(&s->peers, &p->node);
	s->n_peers++;
	conn_kick(p->conn); /* the server's SETTINGS need no waiting for the client's */
}

int grpc_server_new(struct loop *loop, const char *path, const struct grpc_handler *handler, void *arg, struct grpc_server **ret,
		    struct err *err)
{
	struct grpc_server *s;
	int fd, r;

	r = conn_listen(path, &fd, err);
	if (r < 0)
		return r;
	s = mem_new(struct grpc_server);
	*s = (struct grpc_server){ .loop = loop, .path = mem_strdup(path), .handler = handler, .arg = arg };
	list_init(&s->peers);
	s->acceptor = acceptor_new(loop, fd, on_connection, s);
	*ret = s;
	return 0;
}

static void stop_listening(struct grpc_server *s)
{
	if (!s->acceptor)
		return;
	acceptor_free(TAKE_PTR(s->acceptor));
	(void)unlink(s->path);
}

void grpc_server_free(struct grpc_server *s)
{
	if (!s)
		return;
	stop_listening(s);
	list_for_each(it, &s->peers)
		peer_free(container_of(it, struct peer, node));
	free(s->path);
	free(s);
}

void grpc_server_shutdown(struct grpc_server *s)
{
	stop_listening(s);
	list_for_each(it, &s->peers)
		h2_server_shutdown(container_of(it, struct peer, node)->engine);
}

size_t grpc_server_connections(const struct grpc_server *s) { return s->n_peers; }
