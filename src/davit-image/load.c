#include "load.h"
#include "image-archive.h"
#include "blob.h"
#include "mem.h"
#include "image-record.h"
#include "ref.h"
#include <string.h>

enum { IMAGES_MAX = 1024 };

struct load {
	struct session *s;
	struct input in;
	struct archive_files files;
	json *images;
};

static void load_done(struct load *l)
{
	input_done(&l->in);
	archive_files_done(&l->files);
}

/* An image that its archive gives no name gets one that says where it came from. */
static char *nameless(const char *tag, const char *digest)
{
	return tag ? mem_printf("localhost/loaded:%s", tag) : mem_printf("localhost/loaded:%.12s", digest + 7);
}

/* The name in an index's annotations: containerd's and Docker's full one, else the specification's, which is often only
 * a tag. */
static int name_of(const struct ctrd_descriptor *d, char **ret, struct err *err)
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

static bool suits(const struct session *s, const struct manifest *index, size_t i)
{
	return !*index->platforms[i].arch || platform_match(&s->platform, &index->platforms[i]) >= 0;
}

static int load_layout(struct load *l, struct err *err)
{
	_cleanup_(manifest_done) struct manifest index = { 0 };
	struct platform *p = &l->s->platform;
	char text[PLATFORM_TEXT];
	size_t before = json_len(l->images);
	int r = manifest_parse(buf_str(&l->files.index), l->files.index.len, &index, err);

	if (r < 0)
		return err_wrap(err, r, "%s: index.json", l->in.name);
	if (!index.index)
		return err_set(err, ERR_INVALID, "%s: index.json is no index", l->in.name);
	for (size_t i = 0; i < index.n; i++) {
		_cleanup_free_ char *name = NULL;

		if (!suits(l->s, &index, i))
			continue;
		r = name_of(&index.children[i], &name, err);
		if (r == 0)
			r = image_record_put(l->s, name, &index.children[i], l->images, err);
		if (r < 0)
			return err_wrap(err, r, "%s", l->in.name);
	}
	if (json_len(l->images) == before)
		return err_set(err, ERR_NOT_FOUND, "%s: no image for platform %s", l->in.name, platform_text(p, text));
	return 0;
}

static json *descriptor(const char *type, const struct archive_file *f)
{
	json *o = json_new_object();

	json_put_str(o, "mediaType", type);
	json_put_int(o, "size", f->size);
	json_put_str(o, "digest", f->digest);
	return o;
}

static int add_layers(const struct load *l, json *paths, json *layers, struct err *err)
{
	if (json_len(paths) > MANIFEST_CHILDREN)
		return err_set(err, ERR_INVALID, "%s: an image of %zu layers, at most %d are taken", l->in.name, json_len(paths),
			       MANIFEST_CHILDREN);
	for (size_t i = 0; i < json_len(paths); i++) {
		const char *path = json_text(json_at(paths, i));
		const struct archive_file *f = path ? archive_find(&l->files, path) : NULL;
		_cleanup_free_ char *type = NULL;

		if (!f || !f->digest)
			return err_set(err, ERR_INVALID, "%s: layer %s is missing", l->in.name, path ? path : "without a path");
		type = mem_printf("%s%s%s", MEDIA_DOCKER_LAYER, *f->suffix ? "." : "", f->suffix);
		json_append(layers, descriptor(type, f));
	}
	return 0;
}

/* Docker's archives have no manifest: the one a registry would have is made. */
static int make_manifest(const struct load *l, json *image, struct ctrd_descriptor *ret, struct err *err)
{
	const char *path = json_get_str(image, "Config");
	const struct archive_file *config = path ? archive_find(&l->files, path) : NULL;
	_cleanup_json_ json *m = json_new_object();
	_cleanup_buf_ struct buf text = { 0 };
	json *layers = json_new_array();
	int r = ctx_check(&l->s->ctx, err);

	json_put_int(m, "schemaVersion", 2);
	json_put_str(m, "mediaType", MEDIA_DOCKER_MANIFEST);
	json_put(m, "layers", layers);
	if (r < 0)
		return r;
	if (!config || !config->digest)
		return err_set(err, ERR_INVALID, "%s: configuration %s is missing", l->in.name, path ? path : "without a path");
	json_put(m, "config", descriptor(MEDIA_DOCKER_CONFIG, config));
	r = add_layers(l, json_get_array(image, "Layers"), layers, err);
	if (r < 0)
		return r;
	json_write(m, &text);
	return blob_make(l->s, "manifest", MEDIA_DOCKER_MANIFEST, &text, NULL, ret, err);
}

static int load_image(struct load *l, json *image, struct err *err)
{
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor target = { 0 };
	_cleanup_strv_ struct strv names = { 0 };
	int r = make_manifest(l, image, &target, err);

	if (r < 0)
		return r;
	json_get_strv(image, "RepoTags", &names);
	if (names.n > IMAGES_MAX)
		return err_set(err, ERR_INVALID, "%s: an image of %zu names, at most %d are taken", l->in.name, names.n,
			       IMAGES_MAX);
	if (!names.n)
		strv_own(&names, nameless(NULL, target.digest));
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(ref_done) struct ref ref = { 0 };

		r = ref_parse(names.v[i], &ref, err);
		if (r == 0)
			r = image_record_put(l->s, ref.name, &target, l->images, err);
		if (r < 0)
			return err_wrap(err, r, "%s", l->in.name);
	}
	return 0;
}

static int load_docker(struct load *l, struct err *err)
{
	_cleanup_json_ json *list = NULL;
	int r = json_parse(buf_str(&l->files.manifest), l->files.manifest.len, &list, err);

	if (r < 0)
		return err_wrap(err, r, "%s: manifest.json", l->in.name);
	if (!json_object_is_type(list, json_type_array) || !json_len(list) || json_len(list) > IMAGES_MAX)
		return err_set(err, ERR_INVALID, "%s: manifest.json is no list of 1 to %d images", l->in.name, IMAGES_MAX);
	for (size_t i = 0; r == 0 && i < json_len(list); i++)
		r = load_image(l, json_at(list, i), err);
	return r;
}

int load_images(struct session *s, const char *file, json *images, struct err *err)
{
	_cleanup_(load_done) struct load l = { .s = s, .in.fd = -1, .images = images };
	int r = input_open(&l.in, file, &s->ctx, err);

	if (r == 0)
		r = archive_scan(s, &l.in, &l.files, err);
	if (r < 0)
		return r;
	if (l.files.layout && l.files.index.len)
		return load_layout(&l, err);
	if (l.files.manifest.len)
		return load_docker(&l, err);
	return err_hint(err, err_set(err, ERR_INVALID, "%s is no image archive (it has neither index.json nor manifest.json)",
				     l.in.name),
			"a root file system becomes an image by: davit image import FILE NAME");
}
