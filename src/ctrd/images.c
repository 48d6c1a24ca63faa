#include "images.h"
#include "call.h"
#include "mem.h"
#include "images.pb-c.h"

#define SERVICE "/containerd.services.images.v1.Images/"
static const struct method get = { SERVICE "Get", &images__get_response__descriptor, "image" },
			   list = { SERVICE "List", &images__list_response__descriptor, NULL },
			   create = { SERVICE "Create", NULL, "image" }, update = { SERVICE "Update", NULL, "image" },
			   delete = { SERVICE "Delete", NULL, "image" };

void ctrd_image_done(struct ctrd_image *i)
{
	free(i->name);
	dict_done(&i->labels);
	ctrd_descriptor_done(&i->target);
	*i = (struct ctrd_image){ 0 };
}

void ctrd_images_done(struct ctrd_images *all)
{
	for (size_t i = 0; i < all->n; i++)
		ctrd_image_done(&all->v[i]);
	free(all->v);
	*all = (struct ctrd_images){ 0 };
}

static Images__Image *image_pack(struct arena *a, const struct ctrd_image *image)
{
	Images__Image *m = arena_array(a, Images__Image, 1);

	images__image__init(m);
	m->name = image->name;
	m->labels = entries_pack(a, &image->labels, &m->n_labels);
	m->target = descriptor_pack(a, &image->target);
	return m;
}

static int image_unpack(const Images__Image *m, struct ctrd_image *ret, struct err *err)
{
	int r;

	if (!m)
		return err_set(err, ERR_DATA_LOSS, "containerd sent no image");
	ret->name = mem_strdup(m->name);
	ret->created_at = time_unpack(m->created_at);
	ret->updated_at = time_unpack(m->updated_at);
	r = entries_unpack(m->labels, m->n_labels, &ret->labels, err);
	if (r == 0)
		r = descriptor_unpack(m->target, &ret->target, err);
	return r < 0 ? err_wrap(err, r, "image %s", m->name) : 0;
}

struct ctrd_call *images_get_begin(struct ctrd *c, const char *name, const struct ctx *ctx)
{
	Images__GetRequest req = IMAGES__GET_REQUEST__INIT;

	req.name = borrow(name);
	return call_begin(c, &get, name, &req.base, ctx);
}

int images_get_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_image *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_(ctrd_image_done) struct ctrd_image image = { 0 };
	int r = call_end(call, ctx, &reply, err);

	if (r == 0)
		r = image_unpack(((const Images__GetResponse *)(const void *)reply.msg)->image, &image, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(image);
	return 0;
}

int images_get(struct ctrd *c, const char *name, const struct ctx *ctx, struct ctrd_image *ret, struct err *err)
{
	return images_get_end(images_get_begin(c, name, ctx), ctx, ret, err);
}

int images_list(struct ctrd *c, const char *filter, const struct ctx *ctx, struct ctrd_images *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_(ctrd_images_done) struct ctrd_images all = { 0 };
	Images__ListRequest req = IMAGES__LIST_REQUEST__INIT;
	const Images__ListResponse *m;
	int r;

	req.n_filters = filter ? 1 : 0;
	req.filters = (char *[]){ borrow(filter) };
	r = call_end(call_begin(c, &list, NULL, &req.base, ctx), ctx, &reply, err);
	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	all.v = mem_array(struct ctrd_image, m->n_images);
	all.n = m->n_images;
	for (size_t i = 0; i < all.n; i++) {
		r = image_unpack(m->images[i], &all.v[i], err);
		if (r < 0)
			return r;
	}
	*ret = TAKE_STRUCT(all);
	return 0;
}

int images_create(struct ctrd *c, const struct ctrd_image *image, const struct ctx *ctx, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	Images__CreateRequest req = IMAGES__CREATE_REQUEST__INIT;

	req.image = image_pack(&a, image);
	return call_end_empty(call_begin(c, &create, image->name, &req.base, ctx), ctx, err);
}

int images_update(struct ctrd *c, const struct ctrd_image *image, const struct ctx *ctx, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	Images__UpdateRequest req = IMAGES__UPDATE_REQUEST__INIT; /* without a mask everything is replaced */

	req.image = image_pack(&a, image);
	return call_end_empty(call_begin(c, &update, image->name, &req.base, ctx), ctx, err);
}

int images_put(struct ctrd *c, const struct ctrd_image *image, const struct ctx *ctx, struct err *err)
{
	struct err why;
	int r;

	/* Somebody may delete the name between the two calls, and make it again, but not for ever. */
	for (int tries = 0; tries < 10; tries++) {
		why = (struct err)ERR_INIT;
		r = images_create(c, image, ctx, &why);
		if (r != -ERR_EXISTS)
			break;
		why = (struct err)ERR_INIT;
		r = images_update(c, image, ctx, &why);
		if (r != -ERR_NOT_FOUND)
			break;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

int images_delete(struct ctrd *c, const char *name, bool sync, const struct ctx *ctx, struct err *err)
{
	Images__DeleteRequest req = IMAGES__DELETE_REQUEST__INIT;

	req.name = borrow(name);
	req.sync = sync;
	return call_end_empty(call_begin(c, &delete, name, &req.base, ctx), ctx, err);
}
