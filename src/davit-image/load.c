#include "load.h"
#include "image-archive.h"
#include "blob.h"
#include "digest.h"
#include "image.h"
#include "mem.h"
#include "image-record.h"
#include "ref.h"
#include <string.h>

enum { IMAGES_MAX = 1024 };

struct load {
	struct session *s;
	struct input in;
	struct archive_files files;
	const char *only; /* NULL: all */
	json *images;
};

static bool load_wants(const struct load *l, const char *name) { return !l->only || !strcmp(l->only, name); }

static void load_done(struct load *l)
{
	archive_files_done(&l->files);
	input_done(&l->in);
}

/* An image that its archive gives no name gets one that says where it came from. */
static char *nameless(const char *tag, const char *digest)
{
	return tag ? mem_printf("localhost/loaded:%s", tag) : mem_printf("localhost/loaded:%.12s", digest + 7);
}

/* The name in an index's annotations: containerd's and Docker's full one, else the specification's, which is often only
 * a tag. */
static int load_name_of(const struct ctrd_descriptor *d, char **ret, struct err *err)
{
	const char *full = dict_get(&d->annotations, "io.containerd.image.name");
	const char *name = full ? full : dict_get(&d->annotations, "org.opencontainers.image.ref.name");
	_cleanup_free_ char *given = NULL;
	_cleanup_(ref_done) struct ref ref = { 0 };
	int r;

	if (!name || !*name)
		given = nameless(NULL, d->digest);
	else
		given = strpbrk(name, ":/@") ? mem_strdup(name) : nameless(name, d->digest);
	r = ref_parse(given, &ref, err);
	if (r == 0)
		*ret = TAKE_PTR(ref.name);
	return r;
}

static bool load_suits(const struct session *s, const struct manifest *index, size_t i)
{
	return !*index->platforms[i].arch || platform_match(&s->platform, &index->platforms[i]) >= 0;
}

/* A manifest or an index, with what keeps its children; *ret_child is the one of an index that suits. */
static int store_document(struct load *l, const struct ctrd_descriptor *d, const struct buf *data, struct manifest *m,
			  int *ret_child, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	int r = manifest_parse(buf_str(data), data->len, m, err), only = -1;

	if (r == 0 && d->size != (int64_t)data->len)
		r = err_set(err, ERR_DATA_LOSS, "it has %zu bytes instead of %lld", data->len, (long long)d->size);
	if (r == 0)
		r = manifest_check_image(m, err);
	if (r == 0 && m->index)
		only = r = manifest_choose(m, &l->s->platform, err);
	if (r < 0)
		return r;
	manifest_gc_labels(m, only, &labels);
	*ret_child = only;
	return blob_put(l->s, m->index ? "index" : "manifest", d, data->data, data->len, &labels, err);
}

/* Looked at before anything large is stored. */
static int check_config(const struct load *l, const struct buf *data, size_t layers, struct err *err)
{
	_cleanup_(image_config_done) struct image_config config = { 0 };
	int r = image_config_parse(buf_str(data), data->len, &config, err);

	if (r == 0 && config.diff_ids.n != layers)
		r = err_set(err, ERR_INVALID, "%zu layer digests for %zu layers", config.diff_ids.n, layers);
	return r < 0 ? r : image_record_check_platform(l->s, &config, err);
}

static int store_blobs(struct load *l, const struct manifest *m, struct err *err)
{
	struct archive_file *config = archive_find_blob(&l->files, m->config.digest);
	_cleanup_buf_ struct buf data = { 0 };
	int r = config ? archive_get(&l->files, config, MANIFEST_MAX, &data, err) : 0;

	if (r == 0 && config)
		r = check_config(l, &data, m->n, err);
	if (r < 0)
		return err_wrap(err, r, "configuration %s", m->config.digest);
	if (config)
		r = blob_put(l->s, "config", &m->config, data.data, data.len, NULL, err);
	for (size_t i = 0; r == 0 && i < m->n; i++) {
		struct archive_file *layer = archive_find_blob(&l->files, m->children[i].digest);

		r = layer ? archive_store(l->s, &l->files, layer, err) : 0;
	}
	return r;
}

/* What @target leads to, as far as it is in the archive: what is not may be in the store, which is seen when it is unpacked. */
static int store_tree(struct load *l, const struct ctrd_descriptor *target, struct err *err)
{
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor d = { 0 };

	ctrd_descriptor_copy(&d, target);
	for (int depth = 0; depth < MANIFEST_DEPTH; depth++) {
		struct archive_file *file = archive_find_blob(&l->files, d.digest);
		_cleanup_(manifest_done) struct manifest m = { 0 };
		_cleanup_buf_ struct buf data = { 0 };
		int r = file ? archive_get(&l->files, file, MANIFEST_MAX, &data, err) : 0, child = -1;

		if (!file || r < 0)
			return r;
		r = store_document(l, &d, &data, &m, &child, err);
		if (r < 0)
			return err_wrap(err, r, "%s", d.digest);
		if (child < 0)
			return store_blobs(l, &m, err);
		ctrd_descriptor_done(&d);
		ctrd_descriptor_copy(&d, &m.children[child]);
	}
	return err_set(err, ERR_INVALID, "%s: more than %d indexes inside each other", target->digest, MANIFEST_DEPTH);
}

static int load_entry(struct load *l, const struct ctrd_descriptor *target, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	int r = load_name_of(target, &name, err);

	if (r == 0 && !load_wants(l, name))
		return 0;
	if (r == 0)
		r = image_check_name(name, target->digest, err);
	if (r == 0)
		r = store_tree(l, target, err);
	return r < 0 ? r : image_record_put(l->s, name, target, l->images, err);
}

static int load_layout(struct load *l, const struct buf *text, struct err *err)
{
	_cleanup_(manifest_done) struct manifest index = { 0 };
	struct platform *p = &l->s->platform;
	char want[PLATFORM_TEXT];
	size_t before = json_len(l->images);
	int r = manifest_parse(buf_str(text), text->len, &index, err);

	if (r < 0)
		return err_wrap(err, r, "%s: index.json", l->in.name);
	if (!index.index)
		return err_set(err, ERR_INVALID, "%s: index.json is no index", l->in.name);
	for (size_t i = 0; i < index.n; i++) {
		r = load_suits(l->s, &index, i) ? load_entry(l, &index.children[i], err) : 0;
		if (r < 0)
			return err_wrap(err, r, "%s", l->in.name);
	}
	if (json_len(l->images) == before && !l->only)
		return err_set(err, ERR_NOT_FOUND, "%s: no image for platform %s", l->in.name, platform_text(p, want));
	return 0;
}

static json *descriptor_of(const char *type, const char *digest, int64_t size)
{
	json *o = json_new_object();

	json_put_str(o, "mediaType", type);
	json_put_int(o, "size", size);
	json_put_str(o, "digest", digest);
	return o;
}

/* The files of all layers, before one is stored. */
static int find_layers(struct load *l, json *paths, struct archive_file **ret, struct err *err)
{
	for (size_t i = 0; i < json_len(paths); i++) {
		const char *path = json_text(json_at(paths, i));

		ret[i] = path ? archive_find(&l->files, path) : NULL;
		if (!ret[i])
			return err_set(err, ERR_INVALID, "layer %s is missing", path ? path : "without a path");
	}
	return 0;
}

static int add_layers(struct load *l, json *paths, json *layers, struct err *err)
{
	_cleanup_free_ struct archive_file **files = mem_array(struct archive_file *, json_len(paths) + 1);
	int r = find_layers(l, paths, files, err);

	for (size_t i = 0; r == 0 && i < json_len(paths); i++) {
		_cleanup_free_ char *type = NULL;

		progress_say(l->s->progress, "%s: layer %zu of %zu", l->in.name, i + 1, json_len(paths));
		r = archive_store(l->s, &l->files, files[i], err);
		if (r < 0)
			break;
		type = mem_printf("%s%s%s", MEDIA_DOCKER_LAYER, *files[i]->suffix ? "." : "", files[i]->suffix);
		json_append(layers, descriptor_of(type, files[i]->digest, files[i]->size));
	}
	return r;
}

static int add_config(struct load *l, json *image, size_t layers, json *m, struct err *err)
{
	const char *path = json_get_str(image, "Config");
	const struct archive_file *file = path ? archive_find(&l->files, path) : NULL;
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor config = { 0 };
	_cleanup_buf_ struct buf data = { 0 };
	int r;

	if (!file)
		return err_set(err, ERR_INVALID, "configuration %s is missing", path ? path : "without a path");
	r = archive_get(&l->files, file, MANIFEST_MAX, &data, err);
	if (r == 0)
		r = check_config(l, &data, layers, err);
	if (r < 0)
		return err_wrap(err, r, "configuration %s", path);
	r = blob_make(l->s, "config", MEDIA_DOCKER_CONFIG, &data, NULL, &config, err);
	if (r == 0)
		json_put(m, "config", descriptor_of(MEDIA_DOCKER_CONFIG, config.digest, config.size));
	return r;
}

/* Docker's archives have no manifest: the one a registry would have is made. */
static int make_manifest(struct load *l, json *image, struct ctrd_descriptor *ret, struct err *err)
{
	_cleanup_json_ json *m = json_new_object();
	_cleanup_buf_ struct buf text = { 0 };
	json *layers = json_new_array(), *paths = json_get_array(image, "Layers");
	int r = ctx_check(&l->s->ctx, err);

	json_put_int(m, "schemaVersion", 2);
	json_put_str(m, "mediaType", MEDIA_DOCKER_MANIFEST);
	json_put(m, "layers", layers);
	if (r < 0)
		return r;
	if (json_len(paths) > MANIFEST_CHILDREN)
		return err_set(err, ERR_INVALID, "an image of %zu layers, at most %d are taken", json_len(paths),
			       MANIFEST_CHILDREN);
	r = add_config(l, image, json_len(paths), m, err);
	if (r == 0)
		r = add_layers(l, paths, layers, err);
	if (r < 0)
		return r;
	json_write(m, &text);
	return blob_make(l->s, "manifest", MEDIA_DOCKER_MANIFEST, &text, NULL, ret, err);
}

/* In full, and none with a digest: what digest there will be, nobody knows who gives the name. */
static int read_names(const struct load *l, json *image, struct strv *ret, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 };

	json_get_strv(image, "RepoTags", &names);
	if (names.n > IMAGES_MAX)
		return err_set(err, ERR_INVALID, "an image of %zu names, at most %d are taken", names.n, IMAGES_MAX);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(ref_done) struct ref ref = { 0 };
		int r = ref_parse(names.v[i], &ref, err);

		if (r == 0 && ref.digest)
			r = err_set(err, ERR_INVALID, "image \"%.300s\": a tag is no digest", names.v[i]);
		if (r < 0)
			return r;
		if (load_wants(l, ref.name))
			strv_push(ret, ref.name);
	}
	return 0;
}

static int load_image(struct load *l, json *image, struct err *err)
{
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor target = { 0 };
	_cleanup_strv_ struct strv names = { 0 };
	int r = read_names(l, image, &names, err);

	if (r == 0 && !names.n && l->only)
		return 0;
	if (r == 0)
		r = make_manifest(l, image, &target, err);
	if (r == 0 && !names.n)
		strv_own(&names, mem_printf("localhost/loaded:%.12s", digest_digits(target.digest)));
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = image_record_put(l->s, names.v[i], &target, l->images, err);
	return r < 0 ? err_wrap(err, r, "%s", l->in.name) : 0;
}

static int load_docker(struct load *l, const struct buf *text, struct err *err)
{
	_cleanup_json_ json *list = NULL;
	int r = json_parse(buf_str(text), text->len, &list, err);

	if (r < 0)
		return err_wrap(err, r, "%s: manifest.json", l->in.name);
	if (!json_object_is_type(list, json_type_array) || !json_len(list) || json_len(list) > IMAGES_MAX)
		return err_set(err, ERR_INVALID, "%s: manifest.json is no list of 1 to %d images", l->in.name, IMAGES_MAX);
	for (size_t i = 0; r == 0 && i < json_len(list); i++)
		r = load_image(l, json_at(list, i), err);
	return r;
}

static int load_check_found(const struct load *l, struct err *err)
{
	return !l->only || json_len(l->images)
		       ? 0
		       : err_set(err, ERR_NOT_FOUND, "%s: no image of the name %s is in it", l->in.name, ref_familiar(l->only));
}

int load_images(struct session *s, const char *file, const char *only, json *images, struct err *err)
{
	_cleanup_(load_done) struct load l = { .s = s, .in.fd = -1, .files.spool.fd = -1, .only = only, .images = images };
	_cleanup_buf_ struct buf text = { 0 };
	const struct archive_file *contents;
	bool layout;
	int r = input_open(&l.in, file, &s->ctx, err);

	if (r == 0)
		r = archive_list(&l.in, &l.files, err);
	if (r < 0)
		return r;
	contents = archive_find(&l.files, "oci-layout") ? archive_find(&l.files, "index.json") : NULL;
	layout = contents;
	if (!contents)
		contents = archive_find(&l.files, "manifest.json");
	if (!contents)
		return err_hint(err,
				err_set(err, ERR_INVALID, "%s is no image archive (it has neither index.json nor manifest.json)",
					l.in.name),
				"a root file system becomes an image by: davit image import FILE NAME");
	r = archive_get(&l.files, contents, ARCHIVE_JSON_MAX, &text, err);
	if (r < 0)
		return r;
	r = layout ? load_layout(&l, &text, err) : load_docker(&l, &text, err);
	return r < 0 ? r : load_check_found(&l, err);
}
