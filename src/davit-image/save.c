/* First all is looked up, so that the contents files stand in front; then each blob is streamed, once, and checked: what is
 * damaged in the store is not handed on. An index keeps its digest: it is saved whole, and of what it lists the platform's
 * image, as containerd's own export does. */
#include "save.h"
#include "blob.h"
#include "content.h"
#include "digest.h"
#include "image.h"
#include "image-record.h"
#include "mem.h"
#include "ref.h"
#include "resolve.h"
#include "sha.h"
#include <archive_entry.h>
#include <string.h>

struct saved_blob {
	struct ctrd_descriptor d;
	bool layer;
};

struct save {
	struct session *s;
	struct output *out;
	struct archive *tar;
	struct saved_blob *v; /* each blob once, in the order of the archive */
	size_t n, cap;
	json *index, *manifests; /* entries of index.json and manifest.json */
	struct strv given;       /* names, and digests of what was given without one, that are in it */
};

static void save_done(struct save *w)
{
	if (w->tar)
		(void)archive_write_free(w->tar);
	for (size_t i = 0; i < w->n; i++)
		ctrd_descriptor_done(&w->v[i].d);
	free(w->v);
	strv_done(&w->given);
	json_freep(&w->index);
	json_freep(&w->manifests);
}

static void add_blob(struct save *w, const struct ctrd_descriptor *d, bool layer)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i].d.digest, d->digest) == 0)
			return;
	w->v = mem_grow(w->v, &w->cap, w->n + 1, sizeof *w->v);
	w->v[w->n] = (struct saved_blob){ .layer = layer };
	ctrd_descriptor_copy(&w->v[w->n++].d, d);
	if (layer)
		progress_add(w->s->progress, d->digest, d->size);
}

/* From @target down to the platform's manifest. */
static int add_documents(struct save *w, const struct ctrd_descriptor *target, struct manifest *ret, struct err *err)
{
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor d = { 0 };

	ctrd_descriptor_copy(&d, target);
	for (int depth = 0; depth < MANIFEST_DEPTH; depth++) {
		_cleanup_(manifest_done) struct manifest m = { 0 };
		_cleanup_buf_ struct buf data = { 0 };
		int r = blob_get(w->s, d.digest, &data, err);

		if (r == 0)
			r = manifest_parse(buf_str(&data), data.len, &m, err);
		if (r == 0)
			r = manifest_check_image(&m, err);
		if (r < 0)
			return r;
		d.size = (int64_t)data.len; /* a record's may say nothing */
		add_blob(w, &d, false);
		if (!m.index) {
			*ret = TAKE_STRUCT(m);
			return 0;
		}
		r = manifest_choose(&m, &w->s->platform, err);
		if (r < 0)
			return r;
		ctrd_descriptor_done(&d);
		ctrd_descriptor_copy(&d, &m.children[r]);
	}
	return err_set(err, ERR_INVALID, "%s: more than %d indexes inside each other", target->digest, MANIFEST_DEPTH);
}

static int save_check_platform(struct save *w, const struct manifest *m, struct err *err)
{
	_cleanup_(image_config_done) struct image_config config = { 0 };
	_cleanup_buf_ struct buf data = { 0 };
	int r = blob_get(w->s, m->config.digest, &data, err);

	if (r == 0)
		r = image_config_parse(buf_str(&data), data.len, &config, err);
	return r < 0 ? r : image_record_check_platform(w->s, &config, err);
}

/* What is not here is found before a byte is written. */
static int save_check_layers(struct save *w, const struct manifest *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++) {
		_cleanup_(ctrd_content_done) struct ctrd_content content = { 0 };
		int r = content_info(w->s->ctrd, m->children[i].digest, &w->s->ctx, &content, err);

		if (r == 0 && content.size != m->children[i].size)
			r = err_set(err, ERR_DATA_LOSS, "it has %lld bytes instead of %lld", (long long)content.size,
				    (long long)m->children[i].size);
		if (r < 0)
			return err_wrap(err, r, "layer %s", m->children[i].digest);
	}
	return 0;
}

/* "docker.io/library/redis:7" with the annotations that containerd and everybody else look at. */
static void add_to_index(struct save *w, const struct ctrd_descriptor *target, const struct ref *ref)
{
	json *o = json_new_object(), *notes = json_new_object();

	json_put_str(o, "mediaType", target->media_type);
	json_put_str(o, "digest", target->digest);
	json_put_int(o, "size", target->size);
	if (ref) {
		json_put_str(notes, "io.containerd.image.name", ref->name);
		json_put_str(notes, "org.opencontainers.image.ref.name", ref->tag);
	}
	json_put(o, "annotations", notes);
	json_append(w->index, o);
}

static char *blob_path(const char *digest) { return mem_printf("blobs/sha256/%s", digest_digits(digest)); }

/* Docker's entry of this configuration: made when it is new. */
static json *docker_entry(struct save *w, const struct manifest *m)
{
	_cleanup_free_ char *config = blob_path(m->config.digest);
	json *o, *layers;

	for (size_t i = 0; i < json_len(w->manifests); i++)
		if (strcmp(json_get_str(json_at(w->manifests, i), "Config"), config) == 0)
			return json_at(w->manifests, i);
	o = json_new_object();
	layers = json_new_array();
	json_put_str(o, "Config", config);
	json_put(o, "RepoTags", json_new_array());
	json_put(o, "Layers", layers);
	for (size_t i = 0; i < m->n; i++) {
		_cleanup_free_ char *path = blob_path(m->children[i].digest);

		json_append(layers, json_new_str(path));
	}
	json_append(w->manifests, o);
	return o;
}

static int add_image(struct save *w, const char *what, json *images, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 };
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_(ref_done) struct ref ref = { 0 };
	char text[PLATFORM_TEXT];
	json *entry, *result;
	bool named;
	int r = image_find(w->s->ctrd, what, &w->s->ctx, &record, err);

	if (r < 0) /* names it already */
		return r;
	if (r == 0)
		r = add_documents(w, &record.target, &m, err);
	if (r == 0)
		r = save_check_platform(w, &m, err);
	if (r == 0)
		r = save_check_layers(w, &m, err);
	if (r == -ERR_NOT_FOUND && record.name)
		(void)err_hint(err, r, "it is not all here for %s: davit pull, or --platform for another one",
			       platform_text(&w->s->platform, text));
	if (r < 0)
		return err_wrap(err, r, "image %s", what);
	add_blob(w, &m.config, false);
	for (size_t i = 0; i < m.n; i++)
		add_blob(w, &m.children[i], true);
	named = !image_is_id(what) && ref_parse(what, &ref, NULL) == 0 && (ref.digest || strcmp(ref.name, record.name) == 0);
	if (strv_has(&w->given, named ? ref.name : record.target.digest)) /* once more, or in other words */
		return 0;
	strv_push(&w->given, named ? ref.name : record.target.digest);
	add_to_index(w, &record.target, named ? &ref : NULL);
	entry = docker_entry(w, &m);
	if (named && ref.tag && !ref.digest)
		json_append(json_get_array(entry, "RepoTags"), json_new_str(ref_familiar(ref.name)));
	result = json_new_object();
	json_put_str(result, "name", record.name);
	json_put_str(result, "digest", record.target.digest);
	json_put_str(result, "platform", platform_text(&w->s->platform, text));
	json_append(images, result);
	return 0;
}

/* Times are those of no file: the same image gives the same archive. */
static int begin_entry(struct save *w, const char *path, int64_t size, struct err *err)
{
	struct archive_entry *e = archive_entry_new();
	int r;

	if (!e)
		abort(); /* memory */
	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, size < 0 ? AE_IFDIR : AE_IFREG);
	archive_entry_set_perm(e, size < 0 ? 0755 : 0644);
	archive_entry_set_size(e, size < 0 ? 0 : size);
	archive_entry_set_mtime(e, 0, 0);
	r = archive_write_header(w->tar, e);
	archive_entry_free(e);
	return output_check(w->out, w->tar, r, err);
}

static int add_data(struct save *w, const void *p, size_t n, struct err *err)
{
	la_ssize_t r = archive_write_data(w->tar, p, n);

	return output_check(w->out, w->tar, r == (la_ssize_t)n ? ARCHIVE_OK : ARCHIVE_FATAL, err);
}

static int write_json(struct save *w, const char *path, json *j, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	int r;

	json_write(j, &text);
	r = begin_entry(w, path, (int64_t)text.len, err);
	return r < 0 ? r : add_data(w, text.data, text.len, err);
}

static int write_contents(struct save *w, struct err *err)
{
	_cleanup_json_ json *layout = json_new_object(), *index = json_new_object();
	int r;

	json_put_str(layout, "imageLayoutVersion", "1.0.0");
	json_put_int(index, "schemaVersion", 2);
	json_put_str(index, "mediaType", MEDIA_OCI_INDEX);
	json_put(index, "manifests", TAKE_PTR(w->index));
	r = write_json(w, "oci-layout", layout, err);
	if (r == 0)
		r = write_json(w, "index.json", index, err);
	if (r == 0)
		r = write_json(w, "manifest.json", w->manifests, err);
	if (r == 0)
		r = begin_entry(w, "blobs/", -1, err);
	return r < 0 ? r : begin_entry(w, "blobs/sha256/", -1, err);
}

struct copying {
	struct save *w;
	const struct saved_blob *b;
	struct sha sha;
	int64_t at;
};

static int copy_piece(void *arg, const void *p, size_t n, struct err *err)
{
	struct copying *c = arg;

	if ((int64_t)n > c->b->d.size - c->at)
		return err_set(err, ERR_DATA_LOSS, "longer than its %lld bytes", (long long)c->b->d.size);
	sha_add(&c->sha, p, n);
	c->at += (int64_t)n;
	if (c->b->layer)
		progress_at(c->w->s->progress, c->b->d.digest, c->at);
	return add_data(c->w, p, n, err);
}

static int write_blob(struct save *w, const struct saved_blob *b, struct err *err)
{
	struct copying c = { .w = w, .b = b };
	_cleanup_free_ char *path = blob_path(b->d.digest);
	char digest[DIGEST_TEXT];
	int r = begin_entry(w, path, b->d.size, err);

	if (r < 0)
		return r;
	sha_init(&c.sha);
	if (b->layer)
		progress_state(w->s->progress, b->d.digest, PROGRESS_FETCHING);
	r = content_stream(w->s->ctrd, b->d.digest, &w->s->ctx, copy_piece, &c, err);
	sha_end(&c.sha, digest);
	sha_done(&c.sha);
	if (r == 0 && strcmp(digest, b->d.digest) != 0)
		r = err_hint(err, err_set(err, ERR_DATA_LOSS, "%s: it is damaged in containerd's store", b->d.digest),
			     "remove the image and fetch it again");
	if (r == 0 && b->layer)
		progress_state(w->s->progress, b->d.digest, PROGRESS_DONE);
	return r;
}

int save_images(struct session *s, const struct strv *names, struct output *out, json *images, struct err *err)
{
	_cleanup_(save_done) struct save w = { .s = s, .out = out, .index = json_new_array(), .manifests = json_new_array() };
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = add_image(&w, names->v[i], images, err);
	if (r == 0)
		r = output_tar(out, &w.tar, err);
	if (r == 0)
		r = write_contents(&w, err);
	for (size_t i = 0; r == 0 && i < w.n; i++)
		r = write_blob(&w, &w.v[i], err);
	if (r == 0)
		r = output_check(out, w.tar, archive_write_close(w.tar), err);
	return r;
}
