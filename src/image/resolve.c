/* Two ways lead to the configuration. davit-image leaves the short one in a label of the record (platform_label()): then
 * one wait, for the configuration and the snapshot side by side, is all. Images that others have made are walked: target,
 * manifest, configuration with its labels, snapshot. */
#include "resolve.h"
#include "content.h"
#include "digest.h"
#include "image.h"
#include "mem.h"
#include "snapshots.h"
#include <string.h>

void resolved_done(struct resolved *r)
{
	free(r->manifest);
	free(r->config);
	free(r->chain);
	free(r->layers);
	buf_done(&r->raw);
	*r = (struct resolved){ 0 };
}

/* "TARGET MANIFEST CONFIG [CHAIN]" of the record's label. */
static bool short_way(const struct ctrd_image *i, const struct platform *want, struct resolved *ret)
{
	_cleanup_strv_ struct strv words = { 0 };
	char key[PLATFORM_TEXT];
	const char *label = dict_get(&i->labels, platform_label(want, key));

	if (!label)
		return false;
	strv_split(&words, label, " ");
	if (words.n < 3 || words.n > 4 || strcmp(words.v[0], i->target.digest) != 0)
		return false;
	for (size_t n = 0; n < words.n; n++)
		if (!digest_valid(words.v[n]))
			return false;
	ret->manifest = mem_strdup(words.v[1]);
	ret->config = mem_strdup(words.v[2]);
	ret->chain = mem_strdup(words.n == 4 ? words.v[3] : "");
	return true;
}

static int stat_end(struct ctrd_call *call, const struct ctx *ctx, struct resolved *to, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	int r = snapshots_stat_end(call, ctx, &labels, err);

	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		to->unpacked = false;
		return 0;
	}
	if (r < 0)
		return r;
	to->unpacked = true;
	to->layers = mem_strdup(dict_get(&labels, IMAGE_LAYERS));
	return 0;
}

/* Reads one on the way to the manifest; 1: *digest is now that of the next. */
static int manifest_step(const struct buf *data, const struct platform *want, char **digest, struct manifest *ret, struct err *err)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	int r = manifest_parse(buf_str(data), data->len, &m, err);

	if (r == 0 && !m.index) {
		*ret = TAKE_STRUCT(m);
		return 0;
	}
	if (r == 0)
		r = manifest_choose(&m, want, err);
	if (r < 0)
		return r;
	free(*digest);
	*digest = mem_strdup(m.children[r].digest);
	return 1;
}

static int too_deep(const char *target, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s: more than %d indexes inside each other", target, MANIFEST_DEPTH);
}

int image_manifest(struct ctrd *c, const char *target, const struct platform *want, const struct ctx *ctx, struct manifest *ret,
		   char **ret_digest, struct err *err)
{
	_cleanup_free_ char *digest = mem_strdup(target);
	int r = 1;

	for (int depth = 0; r > 0 && depth < MANIFEST_DEPTH; depth++) {
		_cleanup_buf_ struct buf data = { 0 };

		r = content_read(c, digest, MANIFEST_MAX, ctx, &data, err);
		if (r == 0)
			r = manifest_step(&data, want, &digest, ret, err);
	}
	if (r == 0)
		*ret_digest = TAKE_PTR(digest);
	return r > 0 ? too_deep(target, err) : r;
}

void resolving_done(struct resolving *r)
{
	ctrd_call_free(r->manifest);
	ctrd_call_free(r->config);
	ctrd_call_free(r->info);
	ctrd_call_free(r->snapshot);
	resolved_done(&r->found);
	free(r->digest);
	*r = (struct resolving){ 0 };
}

static bool is_ready(const struct ctrd_call *call) { return !call || ctrd_call_ready(call); }

bool resolving_ready(const struct resolving *r)
{
	return is_ready(r->manifest) && is_ready(r->config) && is_ready(r->info) && is_ready(r->snapshot);
}

void image_resolve_begin(struct ctrd *c, const struct ctrd_image *i, const struct platform *want, const char *snapshotter,
			 const struct ctx *ctx, struct resolving *r)
{
	if (!short_way(i, want, &r->found)) {
		r->digest = mem_strdup(i->target.digest);
		r->manifest = content_read_begin(c, r->digest, ctx);
		return;
	}
	r->config = content_read_begin(c, r->found.config, ctx);
	if (*r->found.chain)
		r->snapshot = snapshots_stat_begin(c, snapshotter, r->found.chain, ctx);
}

/* Then the configuration with its labels side by side. */
static int manifest_end(struct ctrd *c, const struct platform *want, const struct ctx *ctx, struct resolving *r, struct err *err)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_buf_ struct buf data = { 0 };
	int e = content_read_end(TAKE_PTR(r->manifest), ctx, MANIFEST_MAX, &data, err);

	if (e == 0)
		e = manifest_step(&data, want, &r->digest, &m, err);
	if (e > 0 && ++r->depth == MANIFEST_DEPTH)
		return too_deep(r->digest, err);
	if (e > 0)
		r->manifest = content_read_begin(c, r->digest, ctx);
	if (e != 0)
		return e;
	r->found.manifest = TAKE_PTR(r->digest);
	r->found.config = mem_strdup(m.config.digest);
	r->no_layers = !m.n;
	r->config = content_read_begin(c, r->found.config, ctx);
	r->info = content_info_begin(c, r->found.config, ctx);
	return 1;
}

/* Then the snapshot that a label of it names, where that was not known before. */
static int config_end(struct ctrd *c, const char *snapshotter, const struct ctx *ctx, struct resolving *r, struct err *err)
{
	_cleanup_(ctrd_content_done) struct ctrd_content content = { 0 };
	_cleanup_free_ char *key = mem_printf("containerd.io/gc.ref.snapshot.%s", snapshotter);
	const char *chain;
	int e = content_read_end(TAKE_PTR(r->config), ctx, MANIFEST_MAX, &r->found.raw, err);

	if (e == 0 && r->info)
		e = content_info_end(TAKE_PTR(r->info), ctx, &content, err);
	if (e < 0)
		return e;
	chain = dict_get(&content.labels, key);
	if (!r->found.chain && chain && digest_valid(chain)) {
		r->found.chain = mem_strdup(chain);
		r->snapshot = snapshots_stat_begin(c, snapshotter, chain, ctx);
		return 1;
	}
	if (!r->found.chain && r->no_layers)
		r->found.chain = mem_strdup("");
	r->found.unpacked = r->found.chain && !*r->found.chain;
	return 0;
}

int image_resolve_go_on(struct ctrd *c, const struct platform *want, const char *snapshotter, const struct ctx *ctx,
			struct resolving *r, struct resolved *ret, struct err *err)
{
	int e = r->manifest ? manifest_end(c, want, ctx, r, err) : r->config ? config_end(c, snapshotter, ctx, r, err) : 0;

	if (e == 0 && r->snapshot)
		e = stat_end(TAKE_PTR(r->snapshot), ctx, &r->found, err);
	if (e == 0)
		*ret = TAKE_STRUCT(r->found);
	return e;
}

int image_resolve(struct ctrd *c, const struct ctrd_image *i, const struct platform *want, const char *snapshotter,
		  const struct ctx *ctx, struct resolved *ret, struct err *err)
{
	_cleanup_(resolving_done) struct resolving r = { 0 };
	int e;

	image_resolve_begin(c, i, want, snapshotter, ctx, &r);
	do
		e = image_resolve_go_on(c, want, snapshotter, ctx, &r, ret, err);
	while (e > 0);
	return e;
}
