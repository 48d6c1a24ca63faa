#include "pull.h"
#include "blob.h"
#include "fetch.h"
#include "mem.h"
#include "image-record.h"
#include "registry.h"
#include "sha.h"
#include <string.h>

struct pull {
	struct session *s;
	struct registry g;
	struct manifest manifest;
	struct image_config config;
	struct ctrd_descriptor target;
};

static void pull_done(struct pull *p)
{
	registry_done(&p->g);
	manifest_done(&p->manifest);
	image_config_done(&p->config);
	ctrd_descriptor_done(&p->target);
}

/* A document that containerd has already is not asked for again: its digest says that it is the same. */
static int get(struct pull *p, const struct ctrd_descriptor *d, bool manifest, struct buf *data, struct err *err)
{
	int r = d->size <= MANIFEST_MAX ? blob_get(p->s, d->digest, data, err) : -ERR_NOT_FOUND;

	if (r == 0)
		return 0;
	err_clear(err);
	buf_reset(data);
	return manifest ? registry_manifest(&p->g, d->digest, data, err) : registry_blob(&p->g, d->digest, d->size, data, err);
}

static int parse_sent(const struct pull *p, const struct buf *data, struct manifest *ret, struct err *err)
{
	int r = manifest_parse(buf_str(data), data->len, ret, err);

	return r < 0 ? err_hint(err, r, "is %s an image registry? a proxy may have answered in its place", p->g.ref->host) : 0;
}

/* Store a document with what keeps its children: 1 for a manifest, 0 for an index, whose chosen child is @next then. */
static int keep(struct pull *p, const struct ctrd_descriptor *d, const struct buf *data, struct ctrd_descriptor *next,
		struct err *err)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	int r = parse_sent(p, data, &m, err), only = -1;

	if (r == 0)
		r = manifest_check_image(&m, err);
	if (r == 0 && m.index)
		only = r = manifest_choose(&m, &p->s->platform, err);
	if (r < 0)
		return r;
	manifest_gc_labels(&m, only, &labels);
	fetch_source_label(p->g.ref, &labels);
	r = blob_put(p->s, m.index ? "index" : "manifest", d, data->data, data->len, &labels, err);
	if (r < 0)
		return r;
	if (!m.index) {
		p->manifest = TAKE_STRUCT(m);
		return 1;
	}
	ctrd_descriptor_done(next);
	ctrd_descriptor_copy(next, &m.children[only]);
	return 0;
}

/* What the reference points to: read from the registry always, since a tag may have moved. */
static int resolve(struct pull *p, struct buf *data, struct err *err)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	const struct ref *ref = p->g.ref;
	char digest[DIGEST_TEXT];
	int r = registry_manifest(&p->g, ref->digest ? ref->digest : ref->tag, data, err);

	if (r == 0)
		r = parse_sent(p, data, &m, err);
	if (r < 0)
		return r;
	p->target.digest = mem_strdup(sha_of(data->data, data->len, digest));
	p->target.media_type = mem_strdup(m.media_type);
	p->target.size = (int64_t)data->len;
	return 0;
}

static int pull_descend(struct pull *p, struct err *err)
{
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor d = { 0 };
	_cleanup_buf_ struct buf data = { 0 };
	int r = resolve(p, &data, err);

	if (r < 0)
		return r;
	ctrd_descriptor_copy(&d, &p->target);
	for (int depth = 0; depth < MANIFEST_DEPTH; depth++) {
		r = keep(p, &d, &data, &d, err);
		if (r != 0)
			return r < 0 ? r : 0;
		buf_reset(&data);
		r = get(p, &d, true, &data, err);
		if (r < 0)
			return r;
		if ((int64_t)data.len != d.size)
			return err_set(err, ERR_DATA_LOSS, "%s has %zu bytes instead of %lld", d.digest, data.len,
				       (long long)d.size);
	}
	return err_set(err, ERR_INVALID, "more than %d indexes inside each other", MANIFEST_DEPTH);
}

static int get_config(struct pull *p, struct err *err)
{
	_cleanup_buf_ struct buf data = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	const struct ctrd_descriptor *d = &p->manifest.config;
	int r = get(p, d, false, &data, err);

	if (r == 0 && (int64_t)data.len != d->size)
		r = err_set(err, ERR_DATA_LOSS, "it has %zu bytes instead of %lld", data.len, (long long)d->size);
	if (r == 0)
		r = image_config_parse(buf_str(&data), data.len, &p->config, err);
	if (r < 0)
		return err_wrap(err, r, "configuration %s", d->digest);
	r = image_record_check_platform(p->s, &p->config, err);
	if (r < 0)
		return r;
	fetch_source_label(p->g.ref, &labels);
	return blob_put(p->s, "config", d, data.data, data.len, &labels, err);
}

static int get_layers(struct pull *p, struct err *err)
{
	_cleanup_(unpack_freep) struct unpack *u = NULL;
	int r = unpack_new(p->s, &p->manifest, &p->config.diff_ids, &u, err);

	return r < 0 ? r : fetch_layers(&p->g, &p->manifest, u, err);
}

int pull_image(struct session *s, const char *name, const struct login *login, const struct registry_way *way, json *images,
	       struct err *err)
{
	_cleanup_(ref_done) struct ref ref = { 0 };
	_cleanup_(pull_done) struct pull p = { .s = s };
	int r = ref_parse(name, &ref, err);

	if (r < 0)
		return r;
	r = registry_open(&p.g, s, &ref, login, way, err);
	if (r == 0) {
		progress_say(s->progress, "%s: pulling from %s", ref_familiar(ref.name), p.g.hosts.v[0].name);
		r = pull_descend(&p, err);
	}
	if (r == 0)
		r = get_config(&p, err);
	if (r == 0)
		r = get_layers(&p, err);
	if (r < 0)
		return err_wrap(err, r, "image %s", ref_familiar(ref.name));
	return image_record_put(s, ref.name, &p.target, images, err);
}
