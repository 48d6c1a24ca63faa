/* Namespaces, leases, images and containers: records that are made, listed, changed and deleted. */
#include "serve.h"
#include "mem.h"
#include "containers.pb-c.h"
#include "images.pb-c.h"
#include "leases.pb-c.h"
#include "namespaces.pb-c.h"
#include <string.h>

static void take_labels(struct record *r, Types__Entry *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (*v[i]->value)
			dict_set(&r->labels, v[i]->key, v[i]->value);
}

static void delete_record(struct served *s, enum kind kind, const char *key)
{
	struct record *r = served_find(s, kind, key);

	if (!r)
		return;
	record_free(r);
	served_empty(s);
}

/* Namespaces are records of the namespace "". */

static void namespace_create(struct served *s, const ProtobufCMessage *msg)
{
	const Namespaces__CreateRequest *req = (const void *)msg;
	struct record *r;

	free(s->ns);
	s->ns = mem_strdup("");
	r = served_add(s, NAMESPACE, req->namespace_ ? req->namespace_->name : "");
	if (!r)
		return;
	take_labels(r, req->namespace_->labels, req->namespace_->n_labels);
	served_empty(s);
}

static void namespace_get(struct served *s, const ProtobufCMessage *msg)
{
	const Namespaces__GetRequest *req = (const void *)msg;
	struct record *r = store_find(&s->fake->store, NAMESPACE, "", req->name);
	_cleanup_arena_ struct arena a = { 0 };
	Namespaces__Namespace ns = NAMESPACES__NAMESPACE__INIT;
	Namespaces__GetResponse reply = NAMESPACES__GET_RESPONSE__INIT;

	ns.name = req->name;
	ns.labels = entries_pack(&a, r ? &r->labels : NULL, &ns.n_labels);
	reply.namespace_ = &ns;
	served_reply(s, &reply.base);
}

/* Those that were made and those that something stands in. */
static void namespace_list(struct served *s, const ProtobufCMessage *msg)
{
	Namespaces__ListResponse reply = NAMESPACES__LIST_RESPONSE__INIT;
	_cleanup_arena_ struct arena a = { 0 };
	struct strv names = { 0 };

	(void)msg;
	list_for_each(it, &s->fake->store.records) {
		const struct record *r = container_of(it, struct record, node);
		const char *name = r->kind == NAMESPACE ? r->key : r->ns;

		if (!strv_has(&names, name))
			strv_push(&names, name);
	}
	reply.n_namespaces = names.n;
	reply.namespaces = arena_array(&a, Namespaces__Namespace *, names.n);
	for (size_t i = 0; i < names.n; i++) {
		struct record *r = store_find(&s->fake->store, NAMESPACE, "", names.v[i]);
		Namespaces__Namespace *ns = arena_array(&a, Namespaces__Namespace, 1);

		namespaces__namespace__init(ns);
		ns->name = names.v[i];
		ns->labels = entries_pack(&a, r ? &r->labels : NULL, &ns->n_labels);
		reply.namespaces[i] = ns;
	}
	served_reply(s, &reply.base);
	strv_done(&names);
}

static void namespace_delete(struct served *s, const ProtobufCMessage *msg)
{
	const Namespaces__DeleteRequest *req = (const void *)msg;

	list_for_each(it, &s->fake->store.records)
		if (!strcmp(container_of(it, struct record, node)->ns, req->name)) {
			served_fail(s, ERR_PRECONDITION, "namespace \"%s\" must be empty: failed precondition", req->name);
			return;
		}
	free(s->ns);
	s->ns = mem_strdup("");
	delete_record(s, NAMESPACE, req->name);
}

static void lease_create(struct served *s, const ProtobufCMessage *msg)
{
	const Leases__CreateRequest *req = (const void *)msg;
	_cleanup_arena_ struct arena a = { 0 };
	Leases__Lease lease = LEASES__LEASE__INIT;
	Leases__CreateResponse reply = LEASES__CREATE_RESPONSE__INIT;
	struct record *r = served_add(s, LEASE, req->id);

	if (!r)
		return;
	take_labels(r, req->labels, req->n_labels);
	lease.id = req->id;
	lease.created_at = time_pack(&a, r->created);
	reply.lease = &lease;
	served_reply(s, &reply.base);
}

static void lease_delete(struct served *s, const ProtobufCMessage *msg)
{
	delete_record(s, LEASE, ((const Leases__DeleteRequest *)(const void *)msg)->id);
}

static void lease_list(struct served *s, const ProtobufCMessage *msg)
{
	const Leases__ListRequest *req = (const void *)msg;
	_cleanup_arena_ struct arena a = { 0 };
	Leases__ListResponse reply = LEASES__LIST_RESPONSE__INIT;
	_cleanup_free_ Leases__Lease **v = NULL;
	size_t cap = 0;

	list_for_each(it, &s->fake->store.records) {
		struct record *r = container_of(it, struct record, node);
		Leases__Lease *lease;

		if (r->kind != LEASE || strcmp(r->ns, s->ns) || !filters_match(req->filters, req->n_filters, record_field, r))
			continue;
		lease = arena_array(&a, Leases__Lease, 1);
		leases__lease__init(lease);
		lease->id = r->key;
		lease->created_at = time_pack(&a, r->created);
		lease->labels = entries_pack(&a, &r->labels, &lease->n_labels);
		v = mem_grow(v, &cap, reply.n_leases + 1, sizeof(Leases__Lease *));
		v[reply.n_leases++] = lease;
	}
	reply.leases = v;
	served_reply(s, &reply.base);
}

static void lease_resource(struct served *s, const ProtobufCMessage *msg)
{
	const Leases__AddResourceRequest *req = (const void *)msg;

	if (!served_find(s, LEASE, req->id) || !req->resource)
		return;
	free(s->lease);
	s->lease = mem_strdup(req->id);
	lease_add(s, req->resource->type, req->resource->id);
	served_empty(s);
}

/* Images: the labels stand in the record, the rest is packed as it came. */

static void image_keep(struct record *r, const Images__Image *image)
{
	Images__Image rest = *image;

	dict_done(&r->labels);
	take_labels(r, image->labels, image->n_labels);
	rest.n_labels = 0;
	rest.created_at = rest.updated_at = NULL;
	buf_reset(&r->body);
	pb_pack(&rest.base, &r->body);
}

static Images__Image *image_of(struct record *r, struct arena *a)
{
	const ProtobufCMessage *msg = NULL;
	Images__Image *image;

	if (pb_unpack(&images__image__descriptor, r->body.data, r->body.len, a, &msg, NULL) < 0)
		abort();
	image = (Images__Image *)(uintptr_t)msg;
	image->labels = entries_pack(a, &r->labels, &image->n_labels);
	image->created_at = image->updated_at = time_pack(a, r->created);
	return image;
}

static void image_create(struct served *s, const ProtobufCMessage *msg)
{
	const Images__CreateRequest *req = (const void *)msg;
	struct record *r = served_add(s, IMAGE, req->image ? req->image->name : "");

	if (!r)
		return;
	image_keep(r, req->image);
	served_reply(s, &req->base); /* the answer has the image in the same field */
}

static void image_update(struct served *s, const ProtobufCMessage *msg)
{
	const Images__UpdateRequest *req = (const void *)msg;
	struct record *r = served_find(s, IMAGE, req->image ? req->image->name : "");

	if (!r)
		return;
	image_keep(r, req->image); /* masks are not used for images */
	served_empty(s);
}

static void image_get(struct served *s, const ProtobufCMessage *msg)
{
	struct record *r = served_find(s, IMAGE, ((const Images__GetRequest *)(const void *)msg)->name);
	_cleanup_arena_ struct arena a = { 0 };
	Images__GetResponse reply = IMAGES__GET_RESPONSE__INIT;

	if (!r)
		return;
	reply.image = image_of(r, &a);
	served_reply(s, &reply.base);
}

static void image_list(struct served *s, const ProtobufCMessage *msg)
{
	const Images__ListRequest *req = (const void *)msg;
	_cleanup_arena_ struct arena a = { 0 };
	Images__ListResponse reply = IMAGES__LIST_RESPONSE__INIT;
	_cleanup_free_ Images__Image **v = NULL;
	size_t cap = 0;

	list_for_each(it, &s->fake->store.records) {
		struct record *r = container_of(it, struct record, node);

		if (r->kind != IMAGE || strcmp(r->ns, s->ns) || !filters_match(req->filters, req->n_filters, record_field, r))
			continue;
		v = mem_grow(v, &cap, reply.n_images + 1, sizeof(Images__Image *));
		v[reply.n_images++] = image_of(r, &a);
	}
	reply.images = v;
	served_reply(s, &reply.base);
}

static void image_delete(struct served *s, const ProtobufCMessage *msg)
{
	delete_record(s, IMAGE, ((const Images__DeleteRequest *)(const void *)msg)->name);
}

/* Containers, kept in the same way. */

static void container_keep(struct record *r, const Containers__Container *c)
{
	Containers__Container rest = *c;

	rest.n_labels = 0;
	rest.created_at = rest.updated_at = NULL;
	buf_reset(&r->body);
	pb_pack(&rest.base, &r->body);
}

static Containers__Container *container_of_record(struct record *r, struct arena *a)
{
	const ProtobufCMessage *msg = NULL;
	Containers__Container *c;

	if (pb_unpack(&containers__container__descriptor, r->body.data, r->body.len, a, &msg, NULL) < 0)
		abort();
	c = (Containers__Container *)(uintptr_t)msg;
	c->labels = entries_pack(a, &r->labels, &c->n_labels);
	c->created_at = c->updated_at = time_pack(a, r->created);
	return c;
}

static void container_create(struct served *s, const ProtobufCMessage *msg)
{
	const Containers__CreateRequest *req = (const void *)msg;
	const Containers__Container *c = req->container;
	struct record *r;

	if (!c || !c->runtime || !*c->runtime->name || !c->spec || (*c->snapshot_key && !*c->snapshotter)) {
		served_fail(s, ERR_INVALID, "container.Runtime.Name, Spec and Snapshotter must be set: invalid argument");
		return;
	}
	r = served_add(s, CONTAINER, c->id);
	if (!r)
		return;
	take_labels(r, c->labels, c->n_labels);
	container_keep(r, c);
	served_reply(s, &req->base);
}

static void container_get(struct served *s, const ProtobufCMessage *msg)
{
	struct record *r = served_find(s, CONTAINER, ((const Containers__GetRequest *)(const void *)msg)->id);
	_cleanup_arena_ struct arena a = { 0 };
	Containers__GetResponse reply = CONTAINERS__GET_RESPONSE__INIT;

	if (!r)
		return;
	reply.container = container_of_record(r, &a);
	served_reply(s, &reply.base);
}

static void container_list(struct served *s, const ProtobufCMessage *msg)
{
	const Containers__ListRequest *req = (const void *)msg;

	list_for_each(it, &s->fake->store.records) {
		struct record *r = container_of(it, struct record, node);
		_cleanup_arena_ struct arena a = { 0 };
		Containers__GetResponse reply = CONTAINERS__GET_RESPONSE__INIT;

		if (r->kind != CONTAINER || strcmp(r->ns, s->ns) || !filters_match(req->filters, req->n_filters, record_field, r))
			continue;
		reply.container = container_of_record(r, &a);
		served_send(s, &reply.base);
	}
	served_finish(s);
}

static void container_update(struct served *s, const ProtobufCMessage *msg)
{
	const Containers__UpdateRequest *req = (const void *)msg;
	struct record *r = served_find(s, CONTAINER, req->container ? req->container->id : "");
	_cleanup_dict_ struct dict labels = { 0 };
	_cleanup_arena_ struct arena a = { 0 };
	Containers__Container *c;

	if (!r)
		return;
	c = container_of_record(r, &a);
	(void)entries_unpack(req->container->labels, req->container->n_labels, &labels, NULL);
	for (size_t i = 0; req->update_mask && i < req->update_mask->n_paths; i++) {
		const char *path = req->update_mask->paths[i];

		if (update_labels(r, path, &labels))
			continue;
		if (!strncmp(path, "extensions.", 11) && c->n_extensions == 1) { /* davit has one */
			c->extensions = req->container->extensions;
			continue;
		}
		if (strcmp(path, "spec")) {
			served_fail(s, ERR_INVALID, "cannot update \"%s\" field: invalid argument", path);
			return;
		}
		c->spec = req->container->spec;
	}
	if (!req->update_mask || !req->update_mask->n_paths) {
		(void)update_labels(r, "labels", &labels);
		*c = *req->container;
	}
	container_keep(r, c);
	served_empty(s);
}

static void container_delete(struct served *s, const ProtobufCMessage *msg)
{
	delete_record(s, CONTAINER, ((const Containers__DeleteRequest *)(const void *)msg)->id);
}

#define NS "/containerd.services.namespaces.v1.Namespaces/"
#define LS "/containerd.services.leases.v1.Leases/"
#define IM "/containerd.services.images.v1.Images/"
#define CO "/containerd.services.containers.v1.Containers/"
const struct service_method object_methods[] = {
	{ NS "Create", &namespaces__create_request__descriptor, namespace_create },
	{ NS "Get", &namespaces__get_request__descriptor, namespace_get },
	{ NS "List", &namespaces__list_request__descriptor, namespace_list },
	{ NS "Delete", &namespaces__delete_request__descriptor, namespace_delete },
	{ LS "Create", &leases__create_request__descriptor, lease_create },
	{ LS "Delete", &leases__delete_request__descriptor, lease_delete },
	{ LS "List", &leases__list_request__descriptor, lease_list },
	{ LS "AddResource", &leases__add_resource_request__descriptor, lease_resource },
	{ IM "Create", &images__create_request__descriptor, image_create },
	{ IM "Get", &images__get_request__descriptor, image_get },
	{ IM "List", &images__list_request__descriptor, image_list },
	{ IM "Update", &images__update_request__descriptor, image_update },
	{ IM "Delete", &images__delete_request__descriptor, image_delete },
	{ CO "Create", &containers__create_request__descriptor, container_create },
	{ CO "Get", &containers__get_request__descriptor, container_get },
	{ CO "ListStream", &containers__list_request__descriptor, container_list },
	{ CO "Update", &containers__update_request__descriptor, container_update },
	{ CO "Delete", &containers__delete_request__descriptor, container_delete },
	{ 0 },
};
