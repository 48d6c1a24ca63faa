#include "image-record.h"
#include "blob.h"
#include "content.h"
#include "image.h"
#include "images.h"
#include "mem.h"
#include "ref.h"
#include "unpack.h"
#include <string.h>

enum { CALL_MS = 60000 };

void image_tree_done(struct image_tree *t)
{
	manifest_done(&t->manifest);
	image_config_done(&t->config);
	free(t->digest);
	*t = (struct image_tree){ 0 };
}

static int label_children(struct session *s, const char *digest, const struct manifest *m, int only, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	struct ctx ctx = ctx_within(&s->ctx, CALL_MS);

	manifest_gc_labels(m, only, &labels);
	return content_set_labels(s->ctrd, digest, &labels, &ctx, err);
}

/* One document of the way down: 1 when *@digest was a manifest, 0 when it was an index and *@digest is now its child. */
static int descend_to_manifest(struct session *s, char **digest, struct manifest *m, struct err *err)
{
	_cleanup_buf_ struct buf data = { 0 };
	int r = blob_get(s, *digest, &data, err), only = -1;

	if (r == 0)
		r = manifest_parse(buf_str(&data), data.len, m, err);
	if (r < 0)
		return err_wrap(err, r, "%s", *digest);
	r = manifest_check_image(m, err);
	if (r < 0)
		return r;
	if (m->index)
		only = manifest_choose(m, &s->platform, err);
	r = m->index && only < 0 ? only : label_children(s, *digest, m, only, err);
	if (r < 0 || !m->index)
		return r < 0 ? r : 1;
	free(*digest);
	*digest = mem_strdup(m->children[only].digest);
	manifest_done(m);
	return 0;
}

static int read_stored_config(struct session *s, const struct ctrd_descriptor *d, struct image_config *ret, struct err *err)
{
	_cleanup_buf_ struct buf data = { 0 };
	int r = blob_get(s, d->digest, &data, err);

	if (r == 0)
		r = image_config_parse(buf_str(&data), data.len, ret, err);
	return r < 0 ? err_wrap(err, r, "configuration %s", d->digest) : 0;
}

int image_tree_read(struct session *s, const char *target, struct image_tree *ret, struct err *err)
{
	_cleanup_(image_tree_done) struct image_tree t = { .digest = mem_strdup(target) };
	int r = 0;

	for (int depth = 0; r == 0 && depth < MANIFEST_DEPTH; depth++)
		r = descend_to_manifest(s, &t.digest, &t.manifest, err);
	if (r == 0)
		return err_set(err, ERR_INVALID, "%s: more than %d indexes inside each other", target, MANIFEST_DEPTH);
	if (r == 1)
		r = read_stored_config(s, &t.manifest.config, &t.config, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(t);
	return 0;
}

int image_record_check_platform(const struct session *s, const struct image_config *config, struct err *err)
{
	struct platform have;
	char text[PLATFORM_TEXT];

	platform_set(&have, config->os, config->architecture, config->variant);
	if (!s->platform_asked || !*have.arch || platform_match(&s->platform, &have) >= 0)
		return 0;
	(void)err_set(err, ERR_NOT_FOUND, "no image for platform %s", platform_text(&s->platform, text));
	return err_hint(err, -ERR_NOT_FOUND, "there is: %s; --platform takes one", platform_text(&have, text));
}

/* Unpacks, and makes the configuration hold the topmost snapshot. */
static int make_snapshots(struct session *s, const struct image_tree *t, char **ret_chain, struct err *err)
{
	_cleanup_(unpack_freep) struct unpack *u = NULL;
	_cleanup_dict_ struct dict label = { 0 };
	_cleanup_free_ char *key = mem_printf("containerd.io/gc.ref.snapshot.%s", s->snapshotter);
	struct ctx ctx = ctx_within(&s->ctx, CALL_MS);
	int r = unpack_new(s, &t->manifest, &t->config.diff_ids, &u, err);

	for (size_t i = 0; i < t->manifest.n; i++)
		progress_add(s->progress, t->manifest.children[i].digest, t->manifest.children[i].size);
	if (r == 0)
		r = unpack_finish(u, err);
	if (r < 0)
		return r;
	*ret_chain = mem_strdup(unpack_chain_id(u));
	if (!**ret_chain)
		return 0;
	dict_set(&label, key, *ret_chain);
	return content_set_labels(s->ctrd, t->manifest.config.digest, &label, &ctx, err);
}

static void add_result(const struct session *s, const struct ctrd_image *i, json *images)
{
	json *o = json_new_object();
	char text[PLATFORM_TEXT];

	json_put_str(o, "name", i->name);
	json_put_str(o, "digest", i->target.digest);
	json_put_str(o, "platform", platform_text(&s->platform, text));
	json_append(images, o);
}

/* Labels that others set stay; ours that lead from another target go. */
static void keep_labels(struct dict *to, const struct dict *from, const char *target)
{
	size_t n = strlen(target);

	for (size_t i = 0; i < from->n; i++)
		if (strncmp(from->v[i].key, PLATFORM_LABELS, strlen(PLATFORM_LABELS)) != 0 ||
		    strncmp(from->v[i].value, target, n) == 0)
			dict_set(to, from->v[i].key, from->v[i].value);
}

/* @i has a target; its labels are added to. */
static int finish(struct session *s, struct ctrd_image *i, json *images, struct err *err)
{
	_cleanup_(image_tree_done) struct image_tree t = { 0 };
	_cleanup_free_ char *chain = NULL;
	struct ctx ctx = ctx_within(&s->ctx, CALL_MS);
	char key[PLATFORM_TEXT];
	int r = image_tree_read(s, i->target.digest, &t, err);

	if (r == 0)
		r = image_record_check_platform(s, &t.config, err);
	if (r == 0)
		r = make_snapshots(s, &t, &chain, err);
	if (r < 0)
		return r;
	dict_setf(&i->labels, platform_label(&s->platform, key), "%s %s %s %s", i->target.digest, t.digest,
		  t.manifest.config.digest, chain);
	r = images_put(s->ctrd, i, &ctx, err);
	if (r == 0)
		add_result(s, i, images);
	return r;
}

/* One that was there before was made by somebody else. */
static void add_marks(const struct session *s, struct dict *labels)
{
	for (size_t i = 0; s->mark && i < s->mark->n; i++) {
		const char *value = strchr(s->mark->v[i], '=');
		_cleanup_free_ char *key = mem_strndup(s->mark->v[i], strcspn(s->mark->v[i], "="));

		dict_set(labels, key, value ? value + 1 : "");
	}
}

int image_record_put(struct session *s, const char *name, const struct ctrd_descriptor *target, json *images, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image image = { .name = mem_strdup(name) }, old = { 0 };
	struct ctx ctx = ctx_within(&s->ctx, CALL_MS);
	int r = image_check_name(name, target->digest, err);

	if (r < 0)
		return r;
	r = images_get(s->ctrd, name, &ctx, &old, err);
	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		add_marks(s, &image.labels);
	} else if (r < 0) {
		return r;
	}
	keep_labels(&image.labels, &old.labels, target->digest);
	ctrd_descriptor_copy(&image.target, target);
	r = finish(s, &image, images, err);
	return r < 0 ? err_wrap(err, r, "image %s", ref_familiar(name)) : 0;
}

int image_record_unpack(struct session *s, const char *name, json *images, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image image = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	struct ctx ctx = ctx_within(&s->ctx, CALL_MS);
	int r = images_get(s->ctrd, name, &ctx, &image, err);

	if (r == -ERR_NOT_FOUND)
		return err_hint(err, r, "davit pull %s", ref_familiar(name));
	if (r == 0)
		r = image_check_name(name, image.target.digest, err);
	if (r < 0)
		return r;
	labels = image.labels;
	image.labels = (struct dict){ 0 };
	keep_labels(&image.labels, &labels, image.target.digest);
	r = finish(s, &image, images, err);
	if (r == -ERR_NOT_FOUND)
		(void)err_hint(err, r, "davit pull %s", ref_familiar(name));
	return r < 0 ? err_wrap(err, r, "image %s", ref_familiar(name)) : 0;
}
