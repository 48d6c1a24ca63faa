#include "ctrd.h"
#include "ctrd-struct.h"
#include "mem.h"
#include <string.h>

enum { PATIENCE_MS = 60000 };

static const char namespace_header[] = "containerd-namespace", lease_header[] = "containerd-lease";

int ctrd_open(struct loop *loop, const char *address, const char *ns, struct ctrd **ret, struct err *err)
{
	static const char scheme[] = "unix://"; /* as other clients of containerd write an address */
	_cleanup_(ctrd_freep) struct ctrd *c = mem_new(struct ctrd);
	int r;

	if (!strncmp(address, scheme, sizeof scheme - 1))
		address += sizeof scheme - 1;
	c->loop = loop;
	c->patience_ms = PATIENCE_MS;
	c->address = mem_strdup(address);
	ctrd_set_namespace(c, ns);
	r = grpc_open(loop, address, &c->grpc, err);
	if (r < 0)
		return err_wrap(err, r, "containerd at %s", address);
	*ret = TAKE_PTR(c);
	return 0;
}

void ctrd_free(struct ctrd *c)
{
	if (!c)
		return;
	grpc_free(c->grpc);
	dict_done(&c->metadata);
	free(c->address);
	free(c);
}

const char *ctrd_address(const struct ctrd *c) { return c->address; }
struct loop *ctrd_loop(const struct ctrd *c) { return c->loop; }
bool ctrd_alive(const struct ctrd *c) { return grpc_alive(c->grpc); }
const char *ctrd_lease(const struct ctrd *c) { return dict_get(&c->metadata, lease_header); }

const char *ctrd_namespace(const struct ctrd *c)
{
	const char *ns = dict_get(&c->metadata, namespace_header);

	return ns ? ns : "";
}

void ctrd_set_lease(struct ctrd *c, const char *id)
{
	_cleanup_free_ char *own = mem_strdup(id); /* may be our own value */

	dict_set(&c->metadata, lease_header, own);
}

void ctrd_set_namespace(struct ctrd *c, const char *ns)
{
	_cleanup_free_ char *own = ns && *ns ? mem_strdup(ns) : NULL;

	dict_set(&c->metadata, namespace_header, own);
}

void ctrd_set_patience(struct ctrd *c, int64_t ms) { c->patience_ms = ms; }
