#include "containers.h"
#include "call.h"
#include "mem.h"
#include "containers.pb-c.h"
#include <string.h>

#define SERVICE "/containerd.services.containers.v1.Containers/"
static const struct method create = { SERVICE "Create", NULL, "container" },
			   get = { SERVICE "Get", &containers__get_response__descriptor, "container" },
			   list = { SERVICE "ListStream", &containers__get_response__descriptor, NULL },
			   update = { SERVICE "Update", NULL, "container" }, delete = { SERVICE "Delete", NULL, "container" };

void ctrd_container_done(struct ctrd_container *c)
{
	free(c->id);
	free(c->image);
	free(c->runtime);
	free(c->snapshotter);
	free(c->snapshot_key);
	ctrd_any_done(&c->runtime_options);
	dict_done(&c->labels);
	ctrd_any_done(&c->spec);
	for (size_t i = 0; i < c->n_extensions; i++) {
		free(c->extensions[i].name);
		ctrd_any_done(&c->extensions[i].any);
	}
	free(c->extensions);
	*c = (struct ctrd_container){ 0 };
}

void ctrd_containers_done(struct ctrd_containers *all)
{
	for (size_t i = 0; i < all->n; i++)
		ctrd_container_done(&all->v[i]);
	free(all->v);
	*all = (struct ctrd_containers){ 0 };
}

static struct ctrd_any *extension(const struct ctrd_container *c, const char *name)
{
	for (size_t i = 0; i < c->n_extensions; i++)
		if (!strcmp(c->extensions[i].name, name))
			return &c->extensions[i].any;
	return NULL;
}

const struct ctrd_any *ctrd_container_extension(const struct ctrd_container *c, const char *name) { return extension(c, name); }

void ctrd_container_extend(struct ctrd_container *c, const char *name, const char *type_url, const void *value, size_t n)
{
	struct ctrd_any any = { .type_url = mem_strdup(type_url) }, *old = extension(c, name);

	buf_add(&any.value, value, n);
	if (old) {
		ctrd_any_done(old);
		*old = any;
		return;
	}
	c->extensions = mem_resize(c->extensions, (c->n_extensions + 1) * sizeof *c->extensions);
	c->extensions[c->n_extensions++] = (struct ctrd_extension){ mem_strdup(name), any };
}

static Containers__Extension **extensions_pack(struct arena *a, const struct ctrd_container *c)
{
	Containers__Extension **v = arena_array(a, Containers__Extension *, c->n_extensions);

	for (size_t i = 0; i < c->n_extensions; i++) {
		v[i] = arena_array(a, Containers__Extension, 1);
		containers__extension__init(v[i]);
		v[i]->key = c->extensions[i].name;
		v[i]->value = any_pack(a, &c->extensions[i].any);
	}
	return v;
}

static Containers__Container *container_pack(struct arena *a, const struct ctrd_container *c)
{
	Containers__Container *m = arena_array(a, Containers__Container, 1);

	containers__container__init(m);
	m->id = c->id;
	m->labels = entries_pack(a, &c->labels, &m->n_labels);
	m->image = c->image;
	m->runtime = arena_array(a, Containers__Runtime, 1);
	containers__runtime__init(m->runtime);
	m->runtime->name = c->runtime;
	m->runtime->options = any_pack(a, &c->runtime_options);
	m->spec = any_pack(a, &c->spec);
	m->snapshotter = c->snapshotter;
	m->snapshot_key = c->snapshot_key;
	m->n_extensions = c->n_extensions;
	m->extensions = extensions_pack(a, c);
	return m;
}

/* A map on the wire may name a key twice: the last one counts. */
static void extensions_unpack(const Containers__Container *m, struct ctrd_container *ret)
{
	for (size_t i = 0; i < m->n_extensions; i++) {
		_cleanup_(ctrd_any_done) struct ctrd_any any = { 0 };

		any_unpack(m->extensions[i]->value, &any);
		ctrd_container_extend(ret, m->extensions[i]->key, any.type_url, any.value.data, any.value.len);
	}
}

enum { EXTENSIONS_MAX = 256 };

static int container_unpack_lean(const Containers__Container *m, struct ctrd_container *ret, struct err *err)
{
	int r;

	if (!m)
		return err_set(err, ERR_DATA_LOSS, "containerd sent no container");
	if (m->n_extensions > EXTENSIONS_MAX)
		return err_set(err, ERR_EXHAUSTED, "container %s: %zu extensions, at most %d are taken", m->id, m->n_extensions,
			       EXTENSIONS_MAX);
	ret->id = mem_strdup(m->id);
	ret->image = text_unpack(m->image);
	ret->runtime = mem_strdup(m->runtime ? m->runtime->name : "");
	if (m->runtime)
		any_unpack(m->runtime->options, &ret->runtime_options);
	ret->snapshotter = text_unpack(m->snapshotter);
	ret->snapshot_key = text_unpack(m->snapshot_key);
	ret->created_at = time_unpack(m->created_at);
	ret->updated_at = time_unpack(m->updated_at);
	r = entries_unpack(m->labels, m->n_labels, &ret->labels, err);
	return r < 0 ? err_wrap(err, r, "container %s", m->id) : 0;
}

static int container_unpack(const Containers__Container *m, struct ctrd_container *ret, struct err *err)
{
	int r = container_unpack_lean(m, ret, err);

	if (r < 0)
		return r;
	any_unpack(m->spec, &ret->spec);
	extensions_unpack(m, ret);
	return 0;
}

struct ctrd_call *containers_create_begin(struct ctrd *c, const struct ctrd_container *container, const struct ctx *ctx)
{
	_cleanup_arena_ struct arena a = { 0 };
	Containers__CreateRequest req = CONTAINERS__CREATE_REQUEST__INIT;

	req.container = container_pack(&a, container);
	return call_begin(c, &create, container->id, &req.base, ctx);
}

int containers_create_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end_empty(call, ctx, err); }

int containers_create(struct ctrd *c, const struct ctrd_container *container, const struct ctx *ctx, struct err *err)
{
	return containers_create_end(containers_create_begin(c, container, ctx), ctx, err);
}

struct ctrd_call *containers_get_begin(struct ctrd *c, const char *id, const struct ctx *ctx)
{
	Containers__GetRequest req = CONTAINERS__GET_REQUEST__INIT;

	req.id = borrow(id);
	return call_begin(c, &get, id, &req.base, ctx);
}

int containers_get_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_container *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_(ctrd_container_done) struct ctrd_container container = { 0 };
	int r = call_end(call, ctx, &reply, err);

	if (r == 0)
		r = container_unpack(((const Containers__GetResponse *)(const void *)reply.msg)->container, &container, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(container);
	return 0;
}

int containers_get(struct ctrd *c, const char *id, const struct ctx *ctx, struct ctrd_container *ret, struct err *err)
{
	return containers_get_end(containers_get_begin(c, id, ctx), ctx, ret, err);
}

struct container_list {
	struct ctrd_containers all;
	size_t cap;
	struct weight weight;
	bool lean;
	void (*trim)(struct ctrd_container *); /* may be NULL */
};

/* What is kept of it. */
static size_t container_weight(const Containers__Container *m)
{
	size_t n = sizeof(struct ctrd_container);

	for (size_t i = 0; m && i < m->n_labels; i++)
		n += strlen(m->labels[i]->key) + strlen(m->labels[i]->value);
	return n;
}

static int list_add(struct container_list *l, const struct reply *reply, struct err *err)
{
	const Containers__GetResponse *m = (const void *)reply->msg;
	struct ctrd_container *c;
	int r = weight_add(&l->weight, l->lean ? container_weight(m->container) : reply->arena.used, err);

	if (r < 0)
		return r;
	l->all.v = mem_grow(l->all.v, &l->cap, l->all.n + 1, sizeof *l->all.v);
	c = &l->all.v[l->all.n++];
	*c = (struct ctrd_container){ 0 };
	r = l->lean ? container_unpack_lean(m->container, c, err) : container_unpack(m->container, c, err);
	if (r >= 0 && l->trim)
		l->trim(c);
	return r;
}

struct ctrd_call *containers_list_begin(struct ctrd *c, const char *filter, const struct ctx *ctx)
{
	Containers__ListRequest req = CONTAINERS__LIST_REQUEST__INIT;

	req.n_filters = filter ? 1 : 0;
	req.filters = (char *[]){ borrow(filter) };
	return call_begin(c, &list, NULL, &req.base, ctx);
}

static int list_all(struct ctrd_call *begun, struct container_list l, const struct ctx *ctx, struct ctrd_containers *ret,
		    struct err *err)
{
	_cleanup_(ctrd_call_freep) struct ctrd_call *call = begun;
	_cleanup_reply_ struct reply reply = { 0 };
	int r;

	while ((r = call_next(call, ctx, &reply, err)) > 0) {
		r = list_add(&l, &reply, err);
		if (r < 0)
			break;
	}
	if (r < 0)
		ctrd_containers_done(&l.all);
	else
		*ret = l.all;
	return r;
}

int containers_list_end(struct ctrd_call *begun, const struct ctx *ctx, struct ctrd_containers *ret, struct err *err)
{
	return list_all(begun, (struct container_list){ 0 }, ctx, ret, err);
}

int containers_list_end_trimmed(struct ctrd_call *begun, void (*trim)(struct ctrd_container *), const struct ctx *ctx,
				struct ctrd_containers *ret, struct err *err)
{
	return list_all(begun, (struct container_list){ .trim = trim }, ctx, ret, err);
}

int containers_list(struct ctrd *c, const char *filter, const struct ctx *ctx, struct ctrd_containers *ret, struct err *err)
{
	return containers_list_end(containers_list_begin(c, filter, ctx), ctx, ret, err);
}

int containers_list_lean(struct ctrd *c, const char *filter, const struct ctx *ctx, struct ctrd_containers *ret, struct err *err)
{
	return list_all(containers_list_begin(c, filter, ctx), (struct container_list){ .lean = true }, ctx, ret, err);
}

struct ctrd_call *containers_set_labels_begin(struct ctrd *c, const char *id, const struct dict *labels, const struct ctx *ctx)
{
	_cleanup_arena_ struct arena a = { 0 };
	Containers__Container container = CONTAINERS__CONTAINER__INIT;
	Containers__UpdateRequest req = CONTAINERS__UPDATE_REQUEST__INIT;

	if (!labels->n) /* an empty mask would replace the whole record */
		return call_nothing(c);
	container.id = borrow(id);
	container.labels = entries_pack(&a, labels, &container.n_labels);
	req.container = &container;
	req.update_mask = labels_mask(&a, labels);
	return call_begin(c, &update, id, &req.base, ctx);
}

int containers_set_labels_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err)
{
	return call_end_empty(call, ctx, err);
}

int containers_set_labels(struct ctrd *c, const char *id, const struct dict *labels, const struct ctx *ctx, struct err *err)
{
	return containers_set_labels_end(containers_set_labels_begin(c, id, labels, ctx), ctx, err);
}

int containers_change(struct ctrd *c, const char *id, const struct container_change *what, const struct ctx *ctx, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_strv_ struct strv paths = { 0 };
	Containers__Container container = CONTAINERS__CONTAINER__INIT;
	Containers__UpdateRequest req = CONTAINERS__UPDATE_REQUEST__INIT;
	Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
	const struct ctrd_container extended = { .extensions = (struct ctrd_extension *)(uintptr_t)what->extension,
						 .n_extensions = 1 };

	container.id = borrow(id);
	for (size_t i = 0; what->labels && i < what->labels->n; i++)
		strv_pushf(&paths, "labels.%s", what->labels->v[i].key);
	if (what->labels)
		container.labels = entries_pack(&a, what->labels, &container.n_labels);
	if (what->spec) {
		strv_push(&paths, "spec");
		container.spec = any_pack(&a, what->spec);
	}
	if (what->extension) {
		strv_pushf(&paths, "extensions.%s", what->extension->name);
		container.n_extensions = 1;
		container.extensions = extensions_pack(&a, &extended);
	}
	if (!paths.n) /* an empty mask would replace the whole record */
		return 0;
	mask.n_paths = paths.n;
	mask.paths = paths.v;
	req.container = &container;
	req.update_mask = &mask;
	return call_end_empty(call_begin(c, &update, id, &req.base, ctx), ctx, err);
}

int containers_set_spec(struct ctrd *c, const char *id, const struct ctrd_any *spec, const struct ctx *ctx, struct err *err)
{
	return containers_change(c, id, &(struct container_change){ .spec = spec }, ctx, err);
}

struct ctrd_call *containers_delete_begin(struct ctrd *c, const char *id, const struct ctx *ctx)
{
	Containers__DeleteRequest req = CONTAINERS__DELETE_REQUEST__INIT;

	req.id = borrow(id);
	return call_begin(c, &delete, id, &req.base, ctx);
}

int containers_delete_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err)
{
	return call_end_absent(call, ctx, err);
}

int containers_delete(struct ctrd *c, const char *id, const struct ctx *ctx, struct err *err)
{
	return containers_delete_end(containers_delete_begin(c, id, ctx), ctx, err);
}
