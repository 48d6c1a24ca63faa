#include "image.h"
#include "mem.h"
#include "ref.h"
#include "resolve.h"
#include <string.h>

void image_done(struct image *i)
{
	free(i->name);
	free(i->digest);
	free(i->manifest);
	free(i->config_digest);
	free(i->chain_id);
	free(i->layers);
	image_config_done(&i->config);
	dict_done(&i->labels);
	*i = (struct image){ 0 };
}

/* A record, then what it leads to. */
struct image_look {
	char *name;
	struct ctrd_call *get; /* NULL once the record is here */
	struct ctrd_image record;
	struct resolving resolving;
};

struct image_look *image_look_begin(struct ctrd *c, const char *name, const struct ctx *ctx)
{
	struct image_look *l = mem_new(struct image_look);

	l->name = mem_strdup(name);
	l->get = images_get_begin(c, name, ctx);
	return l;
}

void image_look_free(struct image_look *l)
{
	if (!l)
		return;
	free(l->name);
	ctrd_call_free(l->get);
	resolving_done(&l->resolving);
	ctrd_image_done(&l->record);
	free(l);
}

bool image_look_ready(const struct image_look *l) { return l->get ? ctrd_call_ready(l->get) : resolving_ready(&l->resolving); }

int image_check_name(const char *name, const char *digest, struct err *err)
{
	const char *at = strchr(name, '@');

	if (!at || strcmp(at + 1, digest) == 0)
		return 0;
	return err_hint(err, err_set(err, ERR_PRECONDITION, "image %s: what has this name is %s", ref_familiar(name), digest),
			"its name says another digest than it has, do not trust it; davit image rm takes the name away");
}

static int check_unpacked(const struct resolved *r, const char *snapshotter, struct err *err)
{
	if (r->chain && r->unpacked)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "not unpacked by snapshotter %s", snapshotter);
}

static int image_fill(const struct ctrd_image *record, const char *snapshotter, struct resolved *found, struct image *i,
		      struct err *err)
{
	int r = check_unpacked(found, snapshotter, err);

	if (r == 0)
		r = image_config_parse(buf_str(&found->raw), found->raw.len, &i->config, err);
	if (r < 0)
		return r;
	i->name = mem_strdup(record->name);
	i->digest = mem_strdup(record->target.digest);
	i->manifest = TAKE_PTR(found->manifest);
	i->config_digest = TAKE_PTR(found->config);
	i->chain_id = TAKE_PTR(found->chain);
	i->layers = TAKE_PTR(found->layers);
	dict_add(&i->labels, &record->labels);
	return 0;
}

static int look_record(struct image_look *l, const struct ctx *ctx, struct err *err)
{
	int r = images_get_end(TAKE_PTR(l->get), ctx, &l->record, err);

	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		(void)err_set(err, ERR_NOT_FOUND, "image %s: not found", ref_familiar(l->name));
		return err_hint(err, r, "davit pull %s", ref_familiar(l->name));
	}
	return r < 0 ? err_wrap(err, r, "image %s", ref_familiar(l->name))
		     : image_check_name(l->name, l->record.target.digest, err);
}

int image_look_go_on(struct image_look *l, struct ctrd *c, const char *platform, const char *snapshotter, const struct ctx *ctx,
		     struct image *ret, struct err *err)
{
	_cleanup_(resolved_done) struct resolved found = { 0 };
	_cleanup_(image_done) struct image i = { 0 };
	const bool first = l->get != NULL;
	struct platform want;
	int r = first ? look_record(l, ctx, err) : 0;

	if (r < 0)
		return r;
	r = platform_parse(platform, &want, err);
	if (r == 0 && first) {
		image_resolve_begin(c, &l->record, &want, snapshotter, ctx, &l->resolving);
		return 1;
	}
	if (r == 0)
		r = image_resolve_go_on(c, &want, snapshotter, ctx, &l->resolving, &found, err);
	if (r == 0)
		r = image_fill(&l->record, snapshotter, &found, &i, err);
	if (r < 0)
		(void)err_wrap(err, r, "image %s", ref_familiar(l->name));
	if (r == -ERR_NOT_FOUND)
		(void)err_hint(err, r, "davit pull %s", ref_familiar(l->name));
	if (r == 0)
		*ret = TAKE_STRUCT(i);
	return r;
}
