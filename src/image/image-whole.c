#include "image-whole.h"
#include "image.h"
#include "ref.h"

void image_whole_done(struct image_whole *w)
{
	ctrd_image_done(&w->record);
	resolved_done(&w->found);
	manifest_done(&w->manifest);
	json_freep(&w->config);
	*w = (struct image_whole){ 0 };
}

static int look_behind(struct ctrd *c, struct image_whole *w, const struct platform *want, const char *snapshotter,
		       const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *digest = NULL;
	int r = image_resolve(c, &w->record, want, snapshotter, ctx, &w->found, err);

	if (r == 0)
		r = image_manifest(c, w->found.manifest, want, ctx, &w->manifest, &digest, err);
	return r < 0 ? r : json_parse(buf_str(&w->found.raw), w->found.raw.len, &w->config, err);
}

int image_whole_get(struct ctrd *c, const char *what, const char *platform, const char *snapshotter, const struct ctx *ctx,
		    struct image_whole *ret, struct err *err)
{
	_cleanup_(image_whole_done) struct image_whole w = { 0 };
	struct platform want;
	int r = platform_parse(platform, &want, err);

	if (r == 0)
		r = image_find(c, what, ctx, &w.record, err);
	if (r < 0)
		return r;
	r = look_behind(c, &w, &want, snapshotter, ctx, err);
	if (r < 0)
		return err_wrap(err, r, "image %s", ref_familiar(w.record.name));
	*ret = w;
	w = (struct image_whole){ 0 };
	return 0;
}
