/* All is made under the session's lease: the view of the base, the layer, the configuration. Killed midway they go with it. */
#include "commit.h"
#include "blob.h"
#include "clock.h"
#include "content.h"
#include "diff.h"
#include "freeze-note.h"
#include "image-change.h"
#include "image-record.h"
#include "images.h"
#include "mem.h"
#include "name.h"
#include "ref.h"
#include "snapshots.h"
#include "tasks.h"
#include "unpack.h"
#include <string.h>
#include <strings.h>

#define UNCOMPRESSED "containerd.io/uncompressed"
enum { VIEW_MS = 10000, THAW_MS = 30000 };

struct commit {
	struct session *s;
	const struct commit_spec *spec;
	struct image_tree base;
	json *config; /* of the new image */
	char *chain;  /* the base's topmost snapshot; "" */
	struct ctrd_descriptor layer;
	char *diff_id;
};

static void commit_done(struct commit *c)
{
	image_tree_done(&c->base);
	if (c->config)
		(void)json_object_put(c->config);
	ctrd_descriptor_done(&c->layer);
	free(c->chain);
	free(c->diff_id);
}

/* The image and its configuration as text, which has more than we read of it. */
static int read_base(struct commit *c, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image image = { 0 };
	_cleanup_(unpack_freep) struct unpack *u = NULL;
	_cleanup_buf_ struct buf data = { 0 };
	int r = images_get(c->s->plain, c->spec->base, &c->s->ctx, &image, err);

	if (r >= 0)
		r = image_tree_read(c->s, image.target.digest, &c->base, err);
	if (r >= 0)
		r = blob_get(c->s, c->base.manifest.config.digest, &data, err);
	if (r >= 0)
		r = json_parse(buf_str(&data), data.len, &c->config, err);
	if (r >= 0)
		r = unpack_new(c->s, &c->base.manifest, &c->base.config.diff_ids, &u, err);
	if (r >= 0)
		r = unpack_finish(u, err);
	if (r < 0)
		return err_wrap(err, r, "image %s", ref_familiar(c->spec->base));
	c->chain = mem_strdup(unpack_chain_id(u));
	return 0;
}

/* The name of the base may have passed to another image since the job was made. */
static int commit_check_parent(struct commit *c, struct err *err)
{
	_cleanup_free_ char *parent = NULL;
	int r = snapshots_parent(c->s->ctrd, c->s->snapshotter, c->spec->key, &c->s->ctx, &parent, err);

	if (r < 0 || !strcmp(parent, c->chain))
		return r;
	return err_hint(
		err,
		err_set(err, ERR_PRECONDITION, "image %s is another one than the job was made from", ref_familiar(c->spec->base)),
		"davit export JOB | davit image import - NAME makes an image of one layer");
}

/* What the job has mounted is not mounted a second time to be written to: an overlay of the same layers without the upper folder
 * as such, and a file as a disk whose journal nobody touches. */
static void read_only(struct ctrd_mount *m)
{
	const bool loop = strv_has(&m->options, "loop");
	_cleanup_strv_ struct strv kept = { 0 };
	const char *upper = NULL, *lower = NULL;

	for (size_t i = 0; i < m->options.n; i++) {
		const char *o = m->options.v[i];

		if (!strncmp(o, "upperdir=", 9))
			upper = o + 9;
		else if (!strncmp(o, "lowerdir=", 9))
			lower = o + 9;
		else if (strncmp(o, "workdir=", 8) != 0 && strcmp(o, "rw") != 0)
			strv_push(&kept, o);
	}
	if (!loop && (strcmp(m->type, "overlay") != 0 || !upper || !lower))
		return;
	if (!loop)
		strv_pushf(&kept, "lowerdir=%s:%s", upper, lower);
	strv_push(&kept, "ro");
	strv_done(&m->options);
	m->options = TAKE_STRUCT(kept);
}

static bool is_noting(const struct commit *c) { return c->spec->freeze_pid > 0; }

/* It has ended, or somebody else has frozen it: containerd's shims have no error code for that. */
static bool needs_no_freeze(struct commit *c)
{
	struct ctrd_process p = { 0 };
	const int r = tasks_get(c->s->plain, c->spec->freeze, NULL, &c->s->ctx, &p, NULL);
	const bool so = r == -ERR_NOT_FOUND || (r >= 0 && (p.status == CTRD_PAUSED || p.status == CTRD_STOPPED));

	ctrd_process_done(&p);
	return so;
}

/* It may have been started again since davit looked. */
static pid_t first_process(struct commit *c)
{
	struct ctrd_process p = { 0 };
	const int r = tasks_get(c->s->plain, c->spec->freeze, NULL, &c->s->ctx, &p, NULL);
	const pid_t pid = r >= 0 && p.pid > 0 ? p.pid : c->spec->freeze_pid;

	ctrd_process_done(&p);
	return pid;
}

/* 1: it is we who froze it. The note is there before, and stays where nobody knows how that went. */
static int commit_freeze(struct commit *c, struct err *err)
{
	const char *id = c->spec->freeze;
	int r = !id ? 0 : is_noting(c) ? freeze_note(FREEZE_FD, id, first_process(c)) : 0;

	if (r < 0)
		return err_sys(err, -r, "note of the freeze");
	if (id)
		r = tasks_pause(c->s->plain, id, &c->s->ctx, err);
	if (r >= 0)
		return id != NULL;
	if (r != -ERR_NOT_FOUND && r != -ERR_PRECONDITION && (r != -ERR_UNKNOWN || !needs_no_freeze(c)))
		return r;
	err_clear(err);
	if (is_noting(c))
		freeze_forget(FREEZE_FD);
	return 0;
}

/* Not where a person has thawed it, or made the freeze theirs. */
static int commit_thaw(struct commit *c, struct err *err)
{
	const struct ctx cleanup = ctx_within(NULL, THAW_MS);
	int r = 0;

	if (!is_noting(c))
		return tasks_resume(c->s->plain, c->spec->freeze, &cleanup, err);
	(void)freeze_hold(FREEZE_FD, true);
	if (freeze_is_noted(FREEZE_FD))
		r = tasks_resume(c->s->plain, c->spec->freeze, &cleanup, err);
	if (r >= 0)
		freeze_forget(FREEZE_FD);
	freeze_let_go(FREEZE_FD);
	return r;
}

/* Here, so that it goes on whoever dies: davit, which waits for us, or we, whom davit waits for. */
static int make_diff(struct commit *c, const struct ctrd_mounts *left, const struct ctrd_mounts *right, struct err *err)
{
	struct session *s = c->s;
	int r = commit_freeze(c, err);
	const bool frozen = r > 0;

	progress_say(s->progress, "packing what has changed");
	if (r >= 0)
		r = diff_make(s->ctrd, left, right, MEDIA_OCI_LAYER "+gzip", &s->ctx, &c->layer, err);
	if (frozen && commit_thaw(c, r < 0 ? NULL : err) < 0 && r >= 0)
		r = -(int)err->code;
	return r;
}

static int make_layer(struct commit *c, struct err *err)
{
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts left = { 0 }, right = { 0 };
	_cleanup_(ctrd_content_done) struct ctrd_content info = { 0 };
	const struct ctx cleanup = ctx_within(NULL, VIEW_MS);
	struct session *s = c->s;
	char digits[17];
	_cleanup_free_ char *view = NULL;
	int r;

	name_random(digits, 16);
	view = mem_printf("davit-commit-%s", digits);
	r = *c->chain ? snapshots_view(s->ctrd, s->snapshotter, view, c->chain, NULL, &s->ctx, &left, err) : 0;
	if (r >= 0)
		r = snapshots_mounts(s->ctrd, s->snapshotter, c->spec->key, &s->ctx, &right, err);
	for (size_t i = 0; r >= 0 && i < right.n; i++)
		read_only(&right.v[i]);
	if (r >= 0)
		r = make_diff(c, &left, &right, err);
	if (*c->chain)
		(void)snapshots_remove(s->ctrd, s->snapshotter, view, &cleanup, NULL);
	if (r >= 0)
		r = content_info(s->ctrd, c->layer.digest, &s->ctx, &info, err);
	if (r < 0)
		return r;
	if (!dict_get(&info.labels, UNCOMPRESSED))
		return err_set(err, ERR_INTERNAL, "layer %s: containerd does not say its uncompressed digest", c->layer.digest);
	c->diff_id = mem_strdup(dict_get(&info.labels, UNCOMPRESSED));
	return 0;
}

static bool changes(const struct strv *list, const char *word)
{
	const size_t n = strlen(word);

	for (size_t i = 0; i < list->n; i++)
		if (strcspn(list->v[i], " \t") == n && strncasecmp(list->v[i], word, n) == 0)
			return true;
	return false;
}

/* Everything a user gave is looked at before anything is made. */
static int change_config(struct commit *c, struct err *err)
{
	json *config = json_get_object(c->config, "config");
	int r = 0;

	if (!config)
		json_put(c->config, "config", config = json_new_object());
	if (changes(&c->spec->change, "ENTRYPOINT") && !changes(&c->spec->change, "CMD"))
		json_object_object_del(config, "Cmd"); /* as with Docker: it was another program's */
	for (size_t i = 0; r >= 0 && i < c->spec->change.n; i++)
		r = image_change(config, c->spec->change.v[i], err);
	if (c->spec->author)
		json_put_str(c->config, "author", c->spec->author);
	return r;
}

static void add_history(struct commit *c)
{
	json *history = json_get_array(c->config, "history"), *rootfs = json_get_object(c->config, "rootfs"), *ids, *made;
	char at[CLOCK_TEXT];

	(void)clock_rfc3339(clock_wall(), at);
	json_put_str(c->config, "created", at);
	made = json_new_object();
	json_put_str(made, "created", at);
	json_put_str(made, "created_by", "davit commit");
	if (c->spec->author)
		json_put_str(made, "author", c->spec->author);
	if (c->spec->message)
		json_put_str(made, "comment", c->spec->message);
	if (!history)
		json_put(c->config, "history", history = json_new_array());
	json_append(history, made);
	if (!rootfs) {
		json_put(c->config, "rootfs", rootfs = json_new_object());
		json_put_str(rootfs, "type", "layers");
	}
	ids = json_get_array(rootfs, "diff_ids");
	if (!ids)
		json_put(rootfs, "diff_ids", ids = json_new_array());
	json_append(ids, json_new_str(c->diff_id));
}

static json *commit_descriptor(const struct ctrd_descriptor *d)
{
	json *o = json_new_object();

	json_put_str(o, "mediaType", d->media_type);
	json_put_str(o, "digest", d->digest);
	json_put_int(o, "size", d->size);
	return o;
}

static int commit_put(struct commit *c, struct ctrd_descriptor *ret, struct err *err)
{
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor config = { 0 };
	_cleanup_buf_ struct buf text = { 0 }, manifest = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	_cleanup_json_ json *m = json_new_object();
	const struct manifest *base = &c->base.manifest;
	json *layers = json_new_array();
	int r;

	json_write(c->config, &text);
	r = blob_make(c->s, "config", MEDIA_OCI_CONFIG, &text, NULL, &config, err);
	json_put_int(m, "schemaVersion", 2);
	json_put_str(m, "mediaType", MEDIA_OCI_MANIFEST);
	json_put(m, "layers", layers);
	for (size_t i = 0; i <= base->n; i++) {
		const struct ctrd_descriptor *d = i < base->n ? &base->children[i] : &c->layer;
		_cleanup_free_ char *key = mem_printf("containerd.io/gc.ref.content.l.%zu", i);

		json_append(layers, commit_descriptor(d));
		dict_set(&labels, key, d->digest);
	}
	if (r < 0)
		return r;
	json_put(m, "config", commit_descriptor(&config));
	json_write(m, &manifest);
	dict_set(&labels, "containerd.io/gc.ref.content.config", config.digest);
	return blob_make(c->s, "manifest", MEDIA_OCI_MANIFEST, &manifest, &labels, ret, err);
}

int commit_image(struct session *s, const struct commit_spec *spec, json *images, struct err *err)
{
	_cleanup_(commit_done) struct commit c = { .s = s, .spec = spec };
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor manifest = { 0 };
	_cleanup_(ref_done) struct ref ref = { 0 };
	int r = ref_parse(spec->name, &ref, err);

	if (r == 0 && ref.digest)
		r = err_set(err, ERR_INVALID, "image \"%s\": a new image's name has no digest", spec->name);
	if (r >= 0)
		r = read_base(&c, err);
	if (r >= 0)
		r = change_config(&c, err);
	if (r >= 0)
		r = commit_check_parent(&c, err);
	if (r >= 0)
		r = make_layer(&c, err);
	if (r < 0)
		return r;
	add_history(&c);
	r = commit_put(&c, &manifest, err);
	return r < 0 ? r : image_record_put(s, ref.name, &manifest, images, err);
}
