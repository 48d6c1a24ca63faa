/* The file is stored as it is when containerd can unpack it (plain, gzip, zstd), else decompressed (xz, bzip2). In one
 * pass its bytes go three ways: as stored to containerd, decompressed to SHA-256 (the diffID), and as a tar through
 * libarchive, which finds damage before anything is made of it. */
#include "import.h"
#include "blob.h"
#include "clock.h"
#include "content.h"
#include "input.h"
#include "mem.h"
#include "name.h"
#include "image-record.h"
#include "ref.h"
#include "sha.h"
#include <archive_entry.h>
#include <string.h>

struct layer {
	struct session *s;
	struct input in;
	struct archive *plain; /* the decompressed stream */
	struct archive *tar;   /* its reader */
	struct content_writer *writer;
	struct sha diff;
	int64_t stored; /* bytes written */
	bool as_is;     /* the input's own bytes are stored */
	const char *media_type;
	size_t entries;
	bool image_archive; /* it has the files of an image archive */
	char *ref;
};

static void layer_done(struct layer *l)
{
	struct ctx ctx = ctx_within(NULL, 5000);

	if (l->tar)
		(void)archive_read_free(l->tar);
	if (l->plain)
		(void)archive_read_free(l->plain);
	input_done(&l->in);
	content_writer_free(l->writer);
	if (l->ref) /* still ours: not committed */
		(void)content_abort(l->s->ctrd, l->ref, &ctx, NULL);
	free(l->ref);
	sha_done(&l->diff);
}

static int store(void *arg, const void *p, size_t n, struct err *err)
{
	struct layer *l = arg;

	l->stored += (int64_t)n;
	return content_writer_write(l->writer, p, n, &l->s->ctx, err);
}

/* libarchive's inner reader asks for the next piece of the decompressed stream. */
static la_ssize_t on_plain(struct archive *tar, void *arg, const void **ret)
{
	struct layer *l = arg;
	la_int64_t offset;
	size_t n = 0;
	int r;

	do
		r = archive_read_data_block(l->plain, ret, &n, &offset);
	while ((r == ARCHIVE_OK || r == ARCHIVE_WARN) && n == 0); /* 0 bytes would be the end */
	if (r == ARCHIVE_EOF)
		return 0;
	if (r < ARCHIVE_WARN) {
		if (!l->in.err.code)
			(void)input_archive_error(&l->in, l->plain, &l->in.err);
		archive_set_error(tar, EIO, "read");
		return -1;
	}
	sha_add(&l->diff, *ret, n);
	if (!l->as_is && store(l, *ret, n, &l->in.err) < 0)
		return -1;
	return (la_ssize_t)n;
}

static int sniff(struct layer *l, struct err *err)
{
	const char *head;
	ssize_t n = input_peek(&l->in, 6, &head, err);

	if (n < 0)
		return (int)n;
	if (n == 0)
		return err_set(err, ERR_INVALID, "%s is empty", l->in.name);
	l->as_is = true;
	if (n >= 4 && memcmp(head, "\x1f\x8b", 2) == 0)
		l->media_type = MEDIA_OCI_LAYER "+gzip";
	else if (n >= 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0)
		l->media_type = MEDIA_OCI_LAYER "+zstd";
	else
		l->as_is = false;
	if (!l->as_is)
		l->media_type = MEDIA_OCI_LAYER;
	l->in.tee = l->as_is ? store : NULL;
	l->in.tee_arg = l;
	return 0;
}

static int open_streams(struct layer *l, const char *file, struct err *err)
{
	struct archive_entry *entry;
	char digits[17];
	int64_t at;
	int r = input_open(&l->in, file, &l->s->ctx, err);

	if (r == 0)
		r = sniff(l, err);
	if (r < 0)
		return r;
	name_random(digits, 16);
	l->ref = mem_printf("import-%s", digits);
	r = content_writer_open(l->s->ctrd, l->ref, 0, NULL, &l->s->ctx, &l->writer, &at, err);
	if (r == 0)
		r = input_decompress(&l->in, &l->plain, err);
	if (r < 0)
		return r;
	if (archive_read_next_header(l->plain, &entry) != ARCHIVE_OK)
		return input_archive_error(&l->in, l->plain, err);
	l->tar = archive_read_new();
	(void)archive_read_support_format_tar(l->tar);
	sha_init(&l->diff);
	if (archive_read_open(l->tar, l, NULL, on_plain, NULL) != ARCHIVE_OK)
		return input_archive_error(&l->in, l->tar, err);
	return 0;
}

static int look_at_entry(struct layer *l, struct archive_entry *entry, struct err *err)
{
	const char *path = archive_entry_pathname(entry);

	if (!path)
		return 0; /* a name in no character set we know: containerd decides */
	for (const char *p = path; p && *p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2]))
			return err_set(err, ERR_INVALID, "%s: entry \"%.200s\" leads out of the root", l->in.name, path);
	if (strncmp(path, "./", 2) == 0)
		path += 2;
	if (strcmp(path, "manifest.json") == 0 || strcmp(path, "oci-layout") == 0)
		l->image_archive = true;
	l->entries++;
	return 0;
}

static int walk(struct layer *l, struct err *err)
{
	struct archive_entry *entry;
	int r;

	while ((r = archive_read_next_header(l->tar, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		int bad = look_at_entry(l, entry, err);

		if (bad < 0)
			return bad;
	}
	r = r == ARCHIVE_EOF ? input_ended(&l->in, err) : input_archive_error(&l->in, l->tar, err);
	if (r < 0)
		return r;
	if (l->image_archive)
		return err_hint(err, err_set(err, ERR_INVALID, "%s is an image archive, not a root file system", l->in.name),
				"davit image load -i FILE");
	if (!l->entries)
		return err_set(err, ERR_INVALID, "%s: the archive is empty", l->in.name);
	return 0;
}

/* What stands behind the tar's end belongs to the layer's bytes too. */
static int drain_layer(struct layer *l, struct err *err)
{
	const void *p;
	la_ssize_t n;

	do
		n = on_plain(l->tar, l, &p);
	while (n > 0);
	return n < 0 ? input_archive_error(&l->in, l->tar, err) : input_ended(&l->in, err);
}

static int store_layer(struct session *s, const char *file, struct ctrd_descriptor *ret, char diff_id[DIGEST_TEXT], struct err *err)
{
	_cleanup_(layer_done) struct layer l = { .s = s, .in.fd = -1 };
	_cleanup_dict_ struct dict labels = { 0 };
	int r = open_streams(&l, file, err);

	if (r == 0)
		r = walk(&l, err);
	if (r == 0)
		r = drain_layer(&l, err);
	if (r < 0)
		return r;
	sha_end(&l.diff, diff_id);
	dict_set(&labels, "containerd.io/uncompressed", diff_id);
	r = content_writer_commit(l.writer, l.stored, NULL, &labels, &s->ctx, &ret->digest, err);
	if (r < 0)
		return r;
	free(TAKE_PTR(l.ref));
	ret->size = l.stored;
	ret->media_type = mem_strdup(l.media_type);
	return 0;
}

int import_words(const char *text, struct strv *ret, struct err *err)
{
	_cleanup_json_ json *list = NULL;
	int r;

	if (*text != '[') {
		strv_split(ret, text, " \t");
		return 0;
	}
	r = json_parse(text, strlen(text), &list, err);
	if (r < 0)
		return err_wrap(err, r, "command %.80s", text);
	for (size_t i = 0; i < json_len(list); i++) {
		if (!json_text(json_at(list, i)))
			return err_set(err, ERR_INVALID, "command %.80s: word %zu is no string", text, i + 1);
		strv_push(ret, json_text(json_at(list, i)));
	}
	return 0;
}

/* "8080" is 8080/tcp. */
static int add_exposed_ports(const struct strv *ports, json *config, struct err *err)
{
	json *o = ports->n ? json_new_object() : NULL;

	if (o)
		json_put(config, "ExposedPorts", o);
	for (size_t i = 0; i < ports->n; i++) {
		const char *p = ports->v[i];
		size_t n = strspn(p, "0123456789");
		_cleanup_free_ char *key = mem_printf("%s%s", p, p[n] ? "" : "/tcp");

		if (!n || n > 5 || strtol(p, NULL, 10) > 65535 || strtol(p, NULL, 10) < 1 ||
		    (p[n] && strcmp(p + n, "/tcp") != 0 && strcmp(p + n, "/udp") != 0 && strcmp(p + n, "/sctp") != 0))
			return err_hint(err, err_set(err, ERR_INVALID, "port \"%.40s\": not a port", p), "such as 8080 or 53/udp");
		json_put(o, key, json_new_object());
	}
	return 0;
}

static int add_labels(const struct strv *labels, json *config)
{
	_cleanup_dict_ struct dict d = { 0 };

	for (size_t i = 0; i < labels->n; i++) {
		const char *eq = strchr(labels->v[i], '=');
		_cleanup_free_ char *key = eq ? mem_strndup(labels->v[i], (size_t)(eq - labels->v[i])) : mem_strdup(labels->v[i]);

		dict_set(&d, key, eq ? eq + 1 : "");
	}
	if (d.n)
		json_put_dict(config, "Labels", &d);
	return 0;
}

static int make_config_process(const struct import_spec *spec, json *config, struct err *err)
{
	static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	_cleanup_strv_ struct strv env = { 0 }, cmd = { 0 }, entry = { 0 };
	int r = 0;

	if (!strv_env(&spec->env, "PATH"))
		strv_push(&env, path);
	for (size_t i = 0; i < spec->env.n; i++) {
		if (!strchr(spec->env.v[i], '=') || *spec->env.v[i] == '=')
			return err_set(err, ERR_INVALID, "environment \"%.80s\": not of the form NAME=VALUE", spec->env.v[i]);
		strv_setenv(&env, spec->env.v[i]);
	}
	for (size_t i = 0; r == 0 && i < spec->cmd.n; i++)
		r = import_words(spec->cmd.v[i], &cmd, err);
	for (size_t i = 0; r == 0 && i < spec->entrypoint.n; i++)
		r = import_words(spec->entrypoint.v[i], &entry, err);
	if (r < 0)
		return r;
	if (spec->workdir && *spec->workdir != '/')
		return err_set(err, ERR_INVALID, "working directory \"%.80s\": not an absolute path", spec->workdir);
	json_put_strv(config, "Env", &env);
	if (cmd.n)
		json_put_strv(config, "Cmd", &cmd);
	if (entry.n)
		json_put_strv(config, "Entrypoint", &entry);
	json_put_str(config, "WorkingDir", spec->workdir);
	json_put_str(config, "User", spec->user);
	return 0;
}

/* SOURCE_DATE_EPOCH makes the image reproducible. */
static const char *created(char out[CLOCK_TEXT])
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	size_t n = epoch ? strspn(epoch, "0123456789") : 0;

	if (n && n <= 10 && !epoch[n])
		return clock_rfc3339(strtoll(epoch, NULL, 10) * NSEC_PER_SEC, out);
	return clock_rfc3339(clock_wall(), out);
}

/* Everything a user gave is looked at before the file is read. */
static int make_config(const struct session *s, const struct import_spec *spec, json **ret, struct err *err)
{
	_cleanup_json_ json *root = json_new_object();
	json *config = json_new_object(), *history = json_new_array(), *made = json_new_object();
	char at[CLOCK_TEXT];
	int r;

	json_put_str(root, "created", created(at));
	json_put_str(root, "architecture", s->platform.arch);
	if (*s->platform.variant)
		json_put_str(root, "variant", s->platform.variant);
	json_put_str(root, "os", s->platform.os);
	json_put(root, "config", config);
	json_put_str(made, "created", at);
	json_put_str(made, "created_by", "davit image import");
	json_append(history, made);
	json_put(root, "history", history);
	r = make_config_process(spec, config, err);
	if (r == 0)
		r = add_exposed_ports(&spec->expose, config, err);
	if (r == 0)
		r = add_labels(&spec->label, config);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(root);
	return 0;
}

static json *descriptor_json(const struct ctrd_descriptor *d)
{
	json *o = json_new_object();

	json_put_str(o, "mediaType", d->media_type);
	json_put_str(o, "digest", d->digest);
	json_put_int(o, "size", d->size);
	return o;
}

static int put_config(struct session *s, json *config, const char *diff_id, struct ctrd_descriptor *ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	json *rootfs = json_new_object(), *ids = json_new_array();

	json_append(ids, json_new_str(diff_id));
	json_put_str(rootfs, "type", "layers");
	json_put(rootfs, "diff_ids", ids);
	json_put(config, "rootfs", rootfs);
	json_write(config, &text);
	return blob_make(s, "config", MEDIA_OCI_CONFIG, &text, NULL, ret, err);
}

static int put_manifest(struct session *s, const struct ctrd_descriptor *config, const struct ctrd_descriptor *layer,
			struct ctrd_descriptor *ret, struct err *err)
{
	_cleanup_json_ json *m = json_new_object();
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	json *layers = json_new_array();

	json_append(layers, descriptor_json(layer));
	json_put_int(m, "schemaVersion", 2);
	json_put_str(m, "mediaType", MEDIA_OCI_MANIFEST);
	json_put(m, "config", descriptor_json(config));
	json_put(m, "layers", layers);
	json_write(m, &text);
	dict_set(&labels, "containerd.io/gc.ref.content.config", config->digest);
	dict_set(&labels, "containerd.io/gc.ref.content.l.0", layer->digest);
	return blob_make(s, "manifest", MEDIA_OCI_MANIFEST, &text, &labels, ret, err);
}

int import_image(struct session *s, const struct import_spec *spec, json *images, struct err *err)
{
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor layer = { 0 }, config = { 0 }, manifest = { 0 };
	_cleanup_(ref_done) struct ref ref = { 0 };
	_cleanup_json_ json *j = NULL;
	char diff_id[DIGEST_TEXT];
	int r = ref_parse(spec->name, &ref, err);

	if (r == 0 && ref.digest)
		r = err_set(err, ERR_INVALID, "image \"%s\": a new image's name has no digest", spec->name);
	if (r == 0)
		r = make_config(s, spec, &j, err);
	if (r == 0)
		r = store_layer(s, spec->file, &layer, diff_id, err);
	if (r == 0)
		r = put_config(s, j, diff_id, &config, err);
	if (r == 0)
		r = put_manifest(s, &config, &layer, &manifest, err);
	return r < 0 ? r : image_record_put(s, ref.name, &manifest, images, err);
}
