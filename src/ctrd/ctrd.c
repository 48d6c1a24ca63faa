/* Theory of operation: a scope (struct ctrd) is a namespace and a lease on a connection. It never changes, so whoever holds one
 * knows where its calls go, whatever else is done on the connection meanwhile; another scope is a few words and a reference. */
#include "ctrd.h"
#include "ctrd-struct.h"
#include "mem.h"
#include <string.h>

enum { PATIENCE_MS = 60000 };

static const char namespace_header[] = "containerd-namespace", lease_header[] = "containerd-lease";

static int line_open(struct loop *loop, const char *address, struct ctrd_line **ret, struct err *err)
{
	struct grpc *grpc;
	int r = grpc_open(loop, address, &grpc, err);

	if (r < 0)
		return err_wrap(err, r, "containerd at %s", address);
	*ret = mem_new(struct ctrd_line);
	**ret = (struct ctrd_line){ grpc, 1 };
	return 0;
}

void ctrd_line_unref(struct ctrd_line *l)
{
	if (!l || --l->refs)
		return;
	grpc_free(l->grpc);
	free(l);
}

static struct ctrd *scope_new(struct ctrd_conn *conn, const char *ns, const char *lease)
{
	struct ctrd *c = mem_new(struct ctrd);

	c->conn = conn;
	conn->refs++;
	if (ns && *ns)
		dict_set(&c->metadata, namespace_header, ns);
	if (lease)
		dict_set(&c->metadata, lease_header, lease);
	return c;
}

struct ctrd *ctrd_unopened(struct loop *loop, const char *address, const char *ns)
{
	static const char scheme[] = "unix://"; /* as other clients of containerd write an address */
	struct ctrd_line *line = mem_new(struct ctrd_line);
	struct ctrd_conn *conn = mem_new(struct ctrd_conn);

	if (!strncmp(address, scheme, sizeof scheme - 1))
		address += sizeof scheme - 1;
	*line = (struct ctrd_line){ grpc_unopened(loop), 1 };
	*conn = (struct ctrd_conn){ .loop = loop, .line = line, .address = mem_strdup(address), .patience_ms = PATIENCE_MS };
	return scope_new(conn, ns, NULL);
}

int ctrd_open(struct loop *loop, const char *address, const char *ns, struct ctrd **ret, struct err *err)
{
	_cleanup_(ctrd_freep) struct ctrd *c = ctrd_unopened(loop, address, ns);
	int r = ctrd_reopen(c, err);

	if (r >= 0)
		*ret = TAKE_PTR(c);
	return r;
}

struct ctrd *ctrd_in(const struct ctrd *c, const char *ns) { return scope_new(c->conn, ns, NULL); }

struct ctrd *ctrd_under(const struct ctrd *c, const char *lease) { return scope_new(c->conn, ctrd_namespace(c), lease); }

int ctrd_reopen(struct ctrd *c, struct err *err)
{
	struct ctrd_line *fresh;
	int r;

	if (ctrd_alive(c))
		return 0;
	r = line_open(c->conn->loop, c->conn->address, &fresh, err);
	if (r < 0)
		return r;
	ctrd_line_unref(c->conn->line);
	c->conn->line = fresh;
	return 0;
}

static void conn_unref(struct ctrd_conn *conn)
{
	if (--conn->refs)
		return;
	ctrd_line_unref(conn->line);
	free(conn->address);
	free(conn);
}

void ctrd_free(struct ctrd *c)
{
	if (!c)
		return;
	conn_unref(c->conn);
	dict_done(&c->metadata);
	free(c);
}

const char *ctrd_address(const struct ctrd *c) { return c->conn->address; }
struct loop *ctrd_loop(const struct ctrd *c) { return c->conn->loop; }
bool ctrd_alive(const struct ctrd *c) { return grpc_alive(c->conn->line->grpc); }
pid_t ctrd_peer(const struct ctrd *c) { return grpc_peer(c->conn->line->grpc); }
const char *ctrd_lease(const struct ctrd *c) { return dict_get(&c->metadata, lease_header); }

const char *ctrd_namespace(const struct ctrd *c)
{
	const char *ns = dict_get(&c->metadata, namespace_header);

	return ns ? ns : "";
}

void ctrd_set_patience(struct ctrd *c, int64_t ms) { c->conn->patience_ms = ms; }
