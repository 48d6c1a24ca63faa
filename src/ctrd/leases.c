#include "leases.h"
#include "call.h"
#include "mem.h"
#include "leases.pb-c.h"

#define SERVICE "/containerd.services.leases.v1.Leases/"
static const struct method create = { SERVICE "Create", NULL, "lease" }, delete = { SERVICE "Delete", NULL, "lease" },
			   list = { SERVICE "List", &leases__list_response__descriptor, NULL },
			   add_resource = { SERVICE "AddResource", NULL, "lease" };

void ctrd_leases_done(struct ctrd_leases *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].id);
		dict_done(&l->v[i].labels);
	}
	free(l->v);
	*l = (struct ctrd_leases){ 0 };
}

struct ctrd_call *leases_create_begin(struct ctrd *c, const char *id, const struct dict *labels, const struct ctx *ctx)
{
	_cleanup_arena_ struct arena a = { 0 };
	Leases__CreateRequest req = LEASES__CREATE_REQUEST__INIT;

	req.id = borrow(id);
	req.labels = entries_pack(&a, labels, &req.n_labels);
	return call_begin(c, &create, id, &req.base, ctx);
}

int leases_create_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end_empty(call, ctx, err); }

int leases_create(struct ctrd *c, const char *id, const struct dict *labels, const struct ctx *ctx, struct err *err)
{
	return leases_create_end(leases_create_begin(c, id, labels, ctx), ctx, err);
}

struct ctrd_call *leases_delete_begin(struct ctrd *c, const char *id, bool sync, const struct ctx *ctx)
{
	Leases__DeleteRequest req = LEASES__DELETE_REQUEST__INIT;

	req.id = borrow(id);
	req.sync = sync;
	return call_begin(c, &delete, id, &req.base, ctx);
}

int leases_delete_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end_absent(call, ctx, err); }

int leases_delete(struct ctrd *c, const char *id, bool sync, const struct ctx *ctx, struct err *err)
{
	return leases_delete_end(leases_delete_begin(c, id, sync, ctx), ctx, err);
}

int leases_list(struct ctrd *c, const char *filter, const struct ctx *ctx, struct ctrd_leases *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_(ctrd_leases_done) struct ctrd_leases all = { 0 };
	Leases__ListRequest req = LEASES__LIST_REQUEST__INIT;
	const Leases__ListResponse *m;
	int r;

	req.n_filters = filter ? 1 : 0;
	req.filters = (char *[]){ borrow(filter) };
	r = call_end(call_begin(c, &list, NULL, &req.base, ctx), ctx, &reply, err);
	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	all.v = mem_array(struct ctrd_lease, m->n_leases);
	all.n = m->n_leases;
	for (size_t i = 0; i < all.n; i++) {
		const Leases__Lease *lease = m->leases[i];

		all.v[i].id = mem_strdup(lease->id);
		all.v[i].created_at = time_unpack(lease->created_at);
		r = entries_unpack(lease->labels, lease->n_labels, &all.v[i].labels, err);
		if (r < 0)
			return err_wrap(err, r, "lease %s", lease->id);
	}
	*ret = TAKE_STRUCT(all);
	return 0;
}

int leases_add_resource(struct ctrd *c, const char *lease, const char *id, const char *type, const struct ctx *ctx, struct err *err)
{
	Leases__Resource resource = LEASES__RESOURCE__INIT;
	Leases__AddResourceRequest req = LEASES__ADD_RESOURCE_REQUEST__INIT;

	resource.id = borrow(id);
	resource.type = borrow(type);
	req.id = borrow(lease);
	req.resource = &resource;
	return call_end_empty(call_begin(c, &add_resource, lease, &req.base, ctx), ctx, err);
}
