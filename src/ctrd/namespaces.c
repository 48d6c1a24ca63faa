#include "namespaces.h"
#include "call.h"
#include "mem.h"
#include "namespaces.pb-c.h"

#define SERVICE "/containerd.services.namespaces.v1.Namespaces/"
static const struct method get = { SERVICE "Get", &namespaces__get_response__descriptor, "namespace" },
			   list = { SERVICE "List", &namespaces__list_response__descriptor, NULL },
			   create = { SERVICE "Create", NULL, "namespace" }, delete = { SERVICE "Delete", NULL, "namespace" };

void ctrd_namespaces_done(struct ctrd_namespaces *ns)
{
	for (size_t i = 0; i < ns->n; i++) {
		free(ns->v[i].name);
		dict_done(&ns->v[i].labels);
	}
	free(ns->v);
	*ns = (struct ctrd_namespaces){ 0 };
}

struct ctrd_call *namespaces_get_begin(struct ctrd *c, const char *name, const struct ctx *ctx)
{
	Namespaces__GetRequest req = NAMESPACES__GET_REQUEST__INIT;

	req.name = borrow(name);
	return call_begin(c, &get, name, &req.base, ctx);
}

int namespaces_get_end(struct ctrd_call *call, const struct ctx *ctx, struct dict *ret_labels, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	const Namespaces__GetResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	if (m->namespace_)
		r = entries_unpack(m->namespace_->labels, m->namespace_->n_labels, &labels, err);
	if (r < 0)
		return r;
	*ret_labels = TAKE_STRUCT(labels);
	return 0;
}

int namespaces_get(struct ctrd *c, const char *name, const struct ctx *ctx, struct dict *ret_labels, struct err *err)
{
	return namespaces_get_end(namespaces_get_begin(c, name, ctx), ctx, ret_labels, err);
}

int namespaces_list(struct ctrd *c, const struct ctx *ctx, struct ctrd_namespaces *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	Namespaces__ListRequest req = NAMESPACES__LIST_REQUEST__INIT;
	const Namespaces__ListResponse *m;
	int r = call_end(call_begin(c, &list, NULL, &req.base, ctx), ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	all.v = mem_array(struct ctrd_namespace, m->n_namespaces);
	all.n = m->n_namespaces;
	for (size_t i = 0; i < all.n; i++) {
		const Namespaces__Namespace *ns = m->namespaces[i];

		all.v[i].name = mem_strdup(ns->name);
		r = entries_unpack(ns->labels, ns->n_labels, &all.v[i].labels, err);
		if (r < 0)
			return err_wrap(err, r, "namespace %s", ns->name);
	}
	*ret = TAKE_STRUCT(all);
	return 0;
}

int namespaces_create(struct ctrd *c, const char *name, const struct dict *labels, const struct ctx *ctx, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	Namespaces__Namespace ns = NAMESPACES__NAMESPACE__INIT;
	Namespaces__CreateRequest req = NAMESPACES__CREATE_REQUEST__INIT;

	ns.name = borrow(name);
	ns.labels = entries_pack(&a, labels, &ns.n_labels);
	req.namespace_ = &ns;
	return call_end_empty(call_begin(c, &create, name, &req.base, ctx), ctx, err);
}

int namespaces_delete(struct ctrd *c, const char *name, const struct ctx *ctx, struct err *err)
{
	Namespaces__DeleteRequest req = NAMESPACES__DELETE_REQUEST__INIT;

	req.name = borrow(name);
	return call_end_absent(call_begin(c, &delete, name, &req.base, ctx), ctx, err);
}
