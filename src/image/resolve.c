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

static int read_both(struct ctrd *c, const char *snapshotter, const struct ctx *ctx, struct resolved *r, struct err *err)
{
	_cleanup_(ctrd_call_freep) struct ctrd_call *read = content_read_begin(c, r->config, ctx), *stat = NULL;
	int e;

	if (*r->chain)
		stat = snapshots_stat_begin(c, snapshotter, r->chain, ctx);
	e = content_read_end(TAKE_PTR(read), ctx, MANIFEST_MAX, &r->raw, err);
	if (e < 0 || !stat) {
		r->unpacked = true;
		return e;
	}
	return stat_end(TAKE_PTR(stat), ctx, r, err);
}

int image_manifest(struct ctrd *c, const char *target, const struct platform *want, const struct ctx *ctx, struct manifest *ret,
		   char **ret_digest, struct err *err)
{
	_cleanup_free_ char *digest = mem_strdup(target);

	for (int depth = 0; depth < MANIFEST_DEPTH; depth++) {
		_cleanup_(manifest_done) struct manifest m = { 0 };
		_cleanup_buf_ struct buf data = { 0 };
		int r = content_read(c, digest, MANIFEST_MAX, ctx, &data, err);

		if (r == 0)
			r = manifest_parse(buf_str(&data), data.len, &m, err);
		if (r == 0 && !m.index) {
			*ret = TAKE_STRUCT(m);
			*ret_digest = TAKE_PTR(digest);
			return 0;
		}
		if (r == 0)
			r = manifest_choose(&m, want, err);
		if (r < 0)
			return r;
		free(digest);
		digest = mem_strdup(m.children[r].digest);
	}
	return err_set(err, ERR_INVALID, "%s: more than %d indexes inside each other", target, MANIFEST_DEPTH);
}

/* The configuration with its labels side by side, then the snapshot that a label of it names. */
static int read_labelled(struct ctrd *c, const char *snapshotter, const struct ctx *ctx, struct resolved *r, struct err *err)
{
	_cleanup_(ctrd_call_freep) struct ctrd_call *read = content_read_begin(c, r->config, ctx),
						    *info = content_info_begin(c, r->config, ctx);
	_cleanup_(ctrd_content_done) struct ctrd_content content = { 0 };
	_cleanup_free_ char *key = mem_printf("containerd.io/gc.ref.snapshot.%s", snapshotter);
	const char *chain;
	int e = content_read_end(TAKE_PTR(read), ctx, MANIFEST_MAX, &r->raw, err);

	if (e == 0)
		e = content_info_end(TAKE_PTR(info), ctx, &content, err);
	if (e < 0)
		return e;
	chain = dict_get(&content.labels, key);
	if (!chain || !digest_valid(chain))
		return 0;
	r->chain = mem_strdup(chain);
	return stat_end(snapshots_stat_begin(c, snapshotter, chain, ctx), ctx, r, err);
}

int image_resolve(struct ctrd *c, const struct ctrd_image *i, const struct platform *want, const char *snapshotter,
		  const struct ctx *ctx, struct resolved *ret, struct err *err)
{
	_cleanup_(resolved_done) struct resolved r = { 0 };
	_cleanup_(manifest_done) struct manifest m = { 0 };
	int e;

	if (short_way(i, want, &r)) {
		e = read_both(c, snapshotter, ctx, &r, err);
	} else {
		e = image_manifest(c, i->target.digest, want, ctx, &m, &r.manifest, err);
		if (e == 0) {
			r.config = mem_strdup(m.config.digest);
			e = read_labelled(c, snapshotter, ctx, &r, err);
		}
		if (e == 0 && !m.n && !r.chain) {
			r.chain = mem_strdup("");
			r.unpacked = true;
		}
	}
	if (e == 0)
		*ret = TAKE_STRUCT(r);
	return e;
}
