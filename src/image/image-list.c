#include "content.h"
#include "digest.h"
#include "image-whole.h"
#include "image.h"
#include "mem.h"
#include <string.h>

enum { SHORT_ID = 12 };

void image_rows_done(struct image_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		free(rows->v[i].name);
		free(rows->v[i].digest);
		free(rows->v[i].short_id);
		free(rows->v[i].platform);
	}
	free(rows->v);
	*rows = (struct image_rows){ 0 };
}

static int64_t size_of(const struct manifest *m)
{
	int64_t size = m->config.size;

	for (size_t i = 0; i < m->n; i++)
		if (__builtin_add_overflow(size, m->children[i].size, &size))
			return INT64_MAX;
	return size;
}

static char *platform_of(const struct resolved *r)
{
	_cleanup_(image_config_done) struct image_config config = { 0 };
	struct platform p;
	char text[PLATFORM_TEXT];

	if (image_config_parse(buf_str(&r->raw), r->raw.len, &config, NULL) < 0)
		return NULL;
	platform_set(&p, config.os, config.architecture, config.variant);
	return mem_strdup(platform_text(&p, text));
}

/* An image whose content is missing or damaged is listed with what its record says. */
static void look_inside(struct ctrd *c, const struct ctrd_image *record, const char *snapshotter, const struct ctx *ctx,
			struct image_row *row)
{
	_cleanup_(resolved_done) struct resolved found = { 0 };
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_free_ char *digest = NULL;
	struct platform host;
	struct err err = ERR_INIT;

	platform_host(&host);
	if (image_resolve(c, record, &host, snapshotter, ctx, &found, &err) < 0)
		return;
	row->unpacked = found.unpacked;
	row->platform = platform_of(&found);
	if (image_manifest(c, found.manifest, &host, ctx, &m, &digest, &err) == 0)
		row->size = size_of(&m);
}

int image_list(struct ctrd *c, const char *snapshotter, const struct ctx *ctx, struct image_rows *ret, struct err *err)
{
	_cleanup_(ctrd_images_done) struct ctrd_images images = { 0 };
	int r = images_list(c, NULL, ctx, &images, err);

	if (r < 0)
		return r;
	ret->v = mem_array(struct image_row, images.n + 1);
	for (size_t i = 0; i < images.n; i++) {
		struct image_row *row = &ret->v[ret->n++];

		row->name = mem_strdup(images.v[i].name);
		row->digest = mem_strdup(images.v[i].target.digest);
		row->short_id = mem_printf("%.*s", SHORT_ID, digest_digits(row->digest));
		row->created_at = images.v[i].created_at;
		look_inside(c, &images.v[i], snapshotter, ctx, row);
	}
	return 0;
}

static json *layers_json(const struct manifest *m)
{
	json *list = json_new_array();

	for (size_t i = 0; i < m->n; i++) {
		json *o = json_new_object();

		json_put_str(o, "digest", m->children[i].digest);
		json_put_str(o, "mediaType", m->children[i].media_type);
		json_put_int(o, "size", m->children[i].size);
		json_append(list, o);
	}
	return list;
}

int image_inspect(struct ctrd *c, const char *what, const char *platform, const char *snapshotter, const struct ctx *ctx,
		  json **ret, struct err *err)
{
	_cleanup_(image_whole_done) struct image_whole w = { 0 };
	_cleanup_free_ char *of = NULL;
	json *o;
	int r = image_whole_get(c, what, platform, snapshotter, ctx, &w, err);

	if (r < 0)
		return r;
	of = platform_of(&w.found);
	o = json_new_object();
	json_put_str(o, "name", w.record.name);
	json_put_str(o, "digest", w.record.target.digest);
	json_put_str(o, "mediaType", w.record.target.media_type);
	json_put_dict(o, "labels", &w.record.labels);
	json_put_str(o, "manifest", w.found.manifest);
	json_put_str(o, "configDigest", w.found.config);
	json_put_str(o, "platform", of);
	json_put_int(o, "size", size_of(&w.manifest));
	json_put_bool(o, "unpacked", w.found.unpacked);
	json_put_str(o, "snapshot", w.found.chain);
	json_put(o, "layers", layers_json(&w.manifest));
	json_put(o, "config", TAKE_PTR(w.config));
	*ret = o;
	return 0;
}
