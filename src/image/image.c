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

struct ctrd_call *image_get_begin(struct ctrd *c, const char *name, const struct ctx *ctx)
{
	return images_get_begin(c, name, ctx);
}

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

static int image_fill(struct ctrd *c, const struct ctrd_image *record, const char *platform, const char *snapshotter,
		      const struct ctx *ctx, struct image *i, struct err *err)
{
	_cleanup_(resolved_done) struct resolved found = { 0 };
	struct platform want;
	int r = platform_parse(platform, &want, err);

	if (r == 0)
		r = image_resolve(c, record, &want, snapshotter, ctx, &found, err);
	if (r == 0)
		r = check_unpacked(&found, snapshotter, err);
	if (r == 0)
		r = image_config_parse(buf_str(&found.raw), found.raw.len, &i->config, err);
	if (r < 0)
		return r;
	i->name = mem_strdup(record->name);
	i->digest = mem_strdup(record->target.digest);
	i->manifest = TAKE_PTR(found.manifest);
	i->config_digest = TAKE_PTR(found.config);
	i->chain_id = TAKE_PTR(found.chain);
	i->layers = TAKE_PTR(found.layers);
	dict_add(&i->labels, &record->labels);
	return 0;
}

int image_get_end(struct ctrd *c, struct ctrd_call *call, const char *name, const char *platform, const char *snapshotter,
		  const struct ctx *ctx, struct image *ret, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 };
	_cleanup_(image_done) struct image i = { 0 };
	struct err why = ERR_INIT;
	int r = images_get_end(call, ctx, &record, &why);

	if (r == -ERR_NOT_FOUND) {
		(void)err_set(err, ERR_NOT_FOUND, "image %s: not found", ref_familiar(name));
		return err_hint(err, r, "davit pull %s", ref_familiar(name));
	}
	if (r == 0)
		r = image_check_name(name, record.target.digest, &why);
	else
		(void)err_wrap(&why, r, "image %s", ref_familiar(name));
	if (r == 0) {
		r = image_fill(c, &record, platform, snapshotter, ctx, &i, &why);
		if (r < 0)
			(void)err_wrap(&why, r, "image %s", ref_familiar(name));
	}
	if (r < 0) {
		if (r == -ERR_NOT_FOUND)
			(void)err_hint(&why, r, "davit pull %s", ref_familiar(name));
		if (err)
			*err = why;
		return r;
	}
	*ret = TAKE_STRUCT(i);
	return 0;
}
