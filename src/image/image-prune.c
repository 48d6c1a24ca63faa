/* Which images nobody needs. What an image is goes by its target: a job that was made from one name of it keeps every name. */
#include "containers.h"
#include "image.h"
#include "mem.h"
#include "ref.h"
#include "resolve.h"
#include <string.h>

struct prune {
	struct ctrd *c;
	const struct image_prune *what;
	const char *snapshotter;
	struct ctrd_images images;
	struct strv used; /* targets of images that a container was made from */
};

static void prune_done(struct prune *p)
{
	ctrd_images_done(&p->images);
	strv_done(&p->used);
}

bool image_is_named(const char *name)
{
	_cleanup_(ref_done) struct ref ref = { 0 };

	return !image_is_id(name) && ref_parse(name, &ref, NULL) == 0 && ref.tag && strcmp(ref.name, name) == 0 &&
	       !(strcmp(ref.host, "localhost") == 0 && strcmp(ref.path, "loaded") == 0);
}

static bool is_dangling(const struct prune *p, const struct ctrd_image *image)
{
	for (size_t i = 0; i < p->images.n; i++)
		if (strcmp(p->images.v[i].target.digest, image->target.digest) == 0 && image_is_named(p->images.v[i].name))
			return false;
	return true;
}

static int find_used(struct prune *p, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_containers_done) struct ctrd_containers users = { 0 };
	int r = containers_list(p->c, NULL, ctx, &users, err);

	for (size_t u = 0; r == 0 && u < users.n; u++)
		for (size_t i = 0; i < p->images.n; i++)
			if (users.v[u].image && strcmp(users.v[u].image, p->images.v[i].name) == 0)
				strv_push(&p->used, p->images.v[i].target.digest);
	return r;
}

static bool has_label(const struct dict *labels, const char *wanted)
{
	_cleanup_free_ char *key = mem_strndup(wanted, strcspn(wanted, "="));
	const char *has = dict_get(labels, key), *value = strchr(wanted, '=');

	return has && (!value || strcmp(has, value + 1) == 0);
}

static bool labels_suit(const struct image_prune *what, const struct dict *labels)
{
	for (size_t i = 0; i < what->labels.n; i++)
		if (!has_label(labels, what->labels.v[i]))
			return false;
	for (size_t i = 0; i < what->no_labels.n; i++)
		if (has_label(labels, what->no_labels.v[i]))
			return false;
	return true;
}

/* An image whose configuration cannot be read has no labels. */
static bool filters_suit(struct prune *p, const struct ctrd_image *image, const struct ctx *ctx)
{
	_cleanup_(image_config_done) struct image_config config = { 0 };
	_cleanup_(resolved_done) struct resolved found = { 0 };
	struct platform host;

	if (p->what->until && image->created_at >= p->what->until)
		return false;
	if (!p->what->labels.n && !p->what->no_labels.n)
		return true;
	platform_host(&host);
	if (image_resolve(p->c, image, &host, p->snapshotter, ctx, &found, NULL) == 0)
		(void)image_config_parse(buf_str(&found.raw), found.raw.len, &config, NULL);
	return labels_suit(p->what, &config.labels);
}

static bool image_is_prey(struct prune *p, const struct ctrd_image *image, const struct ctx *ctx)
{
	return !strv_has(&p->used, image->target.digest) && (p->what->all || is_dangling(p, image)) && filters_suit(p, image, ctx);
}

int image_prune(struct ctrd *c, const struct image_prune *what, const char *snapshotter, const struct ctx *ctx,
		struct strv *removed, struct err *err)
{
	_cleanup_(prune_done) struct prune p = { .c = c, .what = what, .snapshotter = snapshotter };
	_cleanup_strv_ struct strv prey = { 0 };
	int r = images_list(c, NULL, ctx, &p.images, err);

	if (r == 0) /* after the images: who starts a job from one meanwhile is seen */
		r = find_used(&p, ctx, err);
	for (size_t i = 0; r == 0 && i < p.images.n; i++) {
		if (image_is_prey(&p, &p.images.v[i], ctx))
			strv_push(&prey, p.images.v[i].name);
		r = ctx_check(ctx, err);
	}
	for (size_t i = 0; r == 0 && i < prey.n; i++) {
		if (!what->dry_run)
			r = images_delete(c, prey.v[i], i + 1 == prey.n, ctx, err);
		if (r == -ERR_NOT_FOUND) {
			err_clear(err);
			r = 0;
		} else if (r == 0) {
			strv_push(removed, prey.v[i]);
		}
	}
	return r;
}
