#include "content.h"
#include "digest.h"
#include "image.h"
#include "mem.h"
#include "ref.h"
#include "resolve.h"
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

static int inspect_record(struct ctrd *c, const struct ctrd_image *record, const struct platform *want, const char *snapshotter,
			  const struct ctx *ctx, json *o, struct err *err)
{
	_cleanup_(resolved_done) struct resolved found = { 0 };
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_free_ char *digest = NULL, *platform = NULL;
	json *config = NULL;
	int r = image_resolve(c, record, want, snapshotter, ctx, &found, err);

	if (r == 0)
		r = image_manifest(c, found.manifest, want, ctx, &m, &digest, err);
	if (r == 0)
		r = json_parse(buf_str(&found.raw), found.raw.len, &config, err);
	if (r < 0)
		return r;
	platform = platform_of(&found);
	json_put_str(o, "manifest", found.manifest);
	json_put_str(o, "configDigest", found.config);
	json_put_str(o, "platform", platform);
	json_put_int(o, "size", size_of(&m));
	json_put_bool(o, "unpacked", found.unpacked);
	json_put_str(o, "snapshot", found.chain);
	json_put(o, "layers", layers_json(&m));
	json_put(o, "config", config);
	return 0;
}

int image_inspect(struct ctrd *c, const char *what, const char *platform, const char *snapshotter, const struct ctx *ctx,
		  json **ret, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 };
	_cleanup_json_ json *o = json_new_object();
	struct platform want;
	int r = platform_parse(platform, &want, err);

	if (r == 0)
		r = image_find(c, what, ctx, &record, err);
	if (r < 0)
		return r;
	json_put_str(o, "name", record.name);
	json_put_str(o, "digest", record.target.digest);
	json_put_str(o, "mediaType", record.target.media_type);
	json_put_dict(o, "labels", &record.labels);
	r = inspect_record(c, &record, &want, snapshotter, ctx, o, err);
	if (r < 0)
		return err_wrap(err, r, "image %s", ref_familiar(record.name));
	*ret = TAKE_PTR(o);
	return 0;
}
