/* First all that is to be sent is looked up here, so that an image of which a part is missing sends nothing; then the blobs go,
 * then the manifests, each behind what it names, and the one that gets the tag is the last: nobody sees half an image. */
#include "push.h"
#include "blob.h"
#include "content.h"
#include "fetch.h"
#include "image.h"
#include "manifest.h"
#include "mem.h"
#include "resolve.h"
#include "send.h"
#include <string.h>

struct document {
	struct ctrd_descriptor d;
	struct buf data;
};

struct push {
	struct session *s;
	struct registry g;
	struct ref ref; /* of the target */
	size_t host;
	struct document *docs; /* in the order in which they go */
	size_t n_docs, docs_cap;
	struct send_blob *blobs;
	size_t n_blobs, blobs_cap;
};

static void push_reset(struct push *p)
{
	for (size_t i = 0; i < p->n_docs; i++) {
		ctrd_descriptor_done(&p->docs[i].d);
		buf_done(&p->docs[i].data);
	}
	for (size_t i = 0; i < p->n_blobs; i++) {
		ctrd_descriptor_done(&p->blobs[i].d);
		free(p->blobs[i].from);
	}
	p->n_docs = p->n_blobs = 0;
}

static void push_done(struct push *p)
{
	push_reset(p);
	free(p->docs);
	free(p->blobs);
	registry_done(&p->g);
	ref_done(&p->ref);
}

static void add_scope(struct push *p, const char *path, const char *actions)
{
	_cleanup_free_ char *scope = mem_printf("repository:%s:%s", path, actions);

	if (!strv_has(&p->g.scopes, scope))
		strv_push(&p->g.scopes, scope);
}

/* Another repository of the registry that had the blob when it came from there or went there. */
static char *known_source(const struct push *p, const struct dict *labels)
{
	_cleanup_free_ char *key = mem_printf("containerd.io/distribution.source.%s", p->ref.host);
	_cleanup_strv_ struct strv list = { 0 };
	const char *known = dict_get(labels, key);

	strv_split(&list, known ? known : "", ",");
	for (size_t i = 0; i < list.n; i++)
		if (strcmp(list.v[i], p->ref.path) != 0 &&
		    strspn(list.v[i], "abcdefghijklmnopqrstuvwxyz0123456789._-/") == strlen(list.v[i]))
			return mem_strdup(list.v[i]);
	return NULL;
}

/* Layers whose makers let nobody else serve them may be missing: their manifest says where they are. */
static bool may_be_missing(const struct ctrd_descriptor *d)
{
	return strstr(d->media_type, ".foreign.") || strstr(d->media_type, ".nondistributable.");
}

static int push_add_blob(struct push *p, const struct ctrd_descriptor *d, struct err *err)
{
	_cleanup_(ctrd_content_done) struct ctrd_content content = { 0 };
	int r;

	for (size_t i = 0; i < p->n_blobs; i++)
		if (strcmp(p->blobs[i].d.digest, d->digest) == 0)
			return 0;
	r = content_info(p->s->ctrd, d->digest, &p->s->ctx, &content, err);
	if (r == -ERR_NOT_FOUND && may_be_missing(d))
		return err_clear(err), 0;
	if (r == 0 && content.size != d->size)
		r = err_set(err, ERR_DATA_LOSS, "%s has %lld bytes instead of %lld", d->digest, (long long)content.size,
			    (long long)d->size);
	if (r < 0)
		return r;
	p->blobs = mem_grow(p->blobs, &p->blobs_cap, p->n_blobs + 1, sizeof *p->blobs);
	p->blobs[p->n_blobs] = (struct send_blob){ .from = known_source(p, &content.labels) };
	ctrd_descriptor_copy(&p->blobs[p->n_blobs++].d, d);
	return 0;
}

static void add_document(struct push *p, const struct ctrd_descriptor *d, const struct manifest *m, struct buf *data)
{
	struct document *doc;

	for (size_t i = 0; i < p->n_docs; i++)
		if (strcmp(p->docs[i].d.digest, d->digest) == 0)
			return;
	p->docs = mem_grow(p->docs, &p->docs_cap, p->n_docs + 1, sizeof *p->docs);
	doc = &p->docs[p->n_docs++];
	*doc = (struct document){ .data = TAKE_STRUCT(*data) };
	doc->d = (struct ctrd_descriptor){ .digest = mem_strdup(d->digest),
					   .media_type = mem_strdup(m->media_type),
					   .size = (int64_t)doc->data.len };
}

static int read_document(struct push *p, const char *digest, struct manifest *ret, struct buf *data, struct err *err)
{
	int r = blob_get(p->s, digest, data, err);

	return r < 0 ? r : manifest_parse(buf_str(data), data->len, ret, err);
}

static int missing(const struct manifest *index, size_t i, int r, struct err *err)
{
	char text[PLATFORM_TEXT];

	if (r != -ERR_NOT_FOUND || !*index->platforms[i].arch)
		return r;
	return err_wrap(err, r, "%s of it is not here", platform_text(&index->platforms[i], text));
}

/* A document and all below it. */
static int collect_all(struct push *p, const struct ctrd_descriptor *d, int depth, struct err *err)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_buf_ struct buf data = { 0 };
	int r = read_document(p, d->digest, &m, &data, err);

	if (r == 0 && m.index && depth == MANIFEST_DEPTH)
		r = err_set(err, ERR_INVALID, "more than %d indexes inside each other", MANIFEST_DEPTH);
	if (r == 0 && !m.index && m.config.digest)
		r = push_add_blob(p, &m.config, err);
	for (size_t i = 0; r == 0 && i < m.n; i++)
		r = m.index ? missing(&m, i, collect_all(p, &m.children[i], depth + 1, err), err)
			    : push_add_blob(p, &m.children[i], err);
	if (r == 0)
		add_document(p, d, &m, &data);
	return r;
}

/* The one platform's manifest alone: 1 when it stands in an index. */
static int collect_platform(struct push *p, const struct ctrd_descriptor *target, struct err *err)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_free_ char *digest = NULL;
	int r;

	push_reset(p);
	r = image_manifest(p->s->ctrd, target->digest, &p->s->platform, &p->s->ctx, &m, &digest, err);
	if (r == 0)
		r = collect_all(p, &(struct ctrd_descriptor){ .digest = digest }, 0, err);
	return r < 0 ? r : strcmp(digest, target->digest) != 0;
}

static int push_collect(struct push *p, const struct push_spec *spec, const struct ctrd_descriptor *target, struct err *err)
{
	char text[PLATFORM_TEXT];
	int r = p->s->platform_asked && !spec->all_platforms ? collect_platform(p, target, err) : collect_all(p, target, 0, err);

	if (r == -ERR_NOT_FOUND && spec->all_platforms)
		return err_hint(err, r, "davit pull --platform fetches it; without --all-platforms what is here is pushed");
	if (r == -ERR_NOT_FOUND && !p->s->platform_asked) {
		err_clear(err);
		r = collect_platform(p, target, err);
	}
	if (r == -ERR_NOT_FOUND)
		return err_hint(err, r, "it is not all here for %s: davit pull, or --platform for another one",
				platform_text(&p->s->platform, text));
	return r;
}

static int send_documents(struct push *p, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_docs; i++) {
		const struct document *doc = &p->docs[i];
		bool last = i + 1 == p->n_docs;

		r = send_manifest(&p->g, p->host, last ? p->ref.tag : doc->d.digest, &doc->d, &doc->data, err);
		if (r == 0)
			r = fetch_note_source(p->s, &p->ref, doc->d.digest, err);
	}
	return r;
}

static int push_target(const struct push_spec *spec, const struct ctrd_image *record, struct ref *ret, struct err *err)
{
	const char *name = spec->target ? spec->target : record->name;
	int r;

	if (!spec->target && image_is_id(spec->image) && !image_is_named(record->name))
		return err_hint(err, err_set(err, ERR_INVALID, "image %s has no name to push it to", spec->image),
				"davit image push %s HOST/NAME:TAG", spec->image);
	r = ref_parse(name, ret, err);
	if (r == 0 && (ret->digest || !ret->tag)) /* what a digest names is there, or it is something else */
		return err_hint(err,
				err_set(err, ERR_INVALID, "image %s: a push goes to a tag, not to a digest", ref_familiar(name)),
				"davit image push %s HOST/NAME:TAG", spec->image);
	return r;
}

static json *push_result(const struct push *p, bool one)
{
	const struct document *last = &p->docs[p->n_docs - 1];
	json *o = json_new_object();
	char text[PLATFORM_TEXT];

	json_put_str(o, "name", p->ref.name);
	json_put_str(o, "digest", last->d.digest);
	json_put_int(o, "size", last->d.size);
	if (one)
		json_put_str(o, "platform", platform_text(&p->s->platform, text));
	return o;
}

/* What is named is what is asked for, not what a registry has made of a name. */
static int push_all(struct push *p, const struct push_spec *spec, const struct ctrd_descriptor *target, json *images,
		    struct err *err)
{
	int r = push_collect(p, spec, target, err), one = r;

	if (r < 0)
		return r;
	r = registry_open(&p->g, p->s, &p->ref, spec->login, &spec->way, err);
	if (r == 0)
		r = registry_pushes(&p->g, &p->host, err);
	if (r < 0)
		return r;
	add_scope(p, p->ref.path, "pull,push");
	for (size_t i = 0; i < p->n_blobs; i++)
		if (p->blobs[i].from)
			add_scope(p, p->blobs[i].from, "pull");
	progress_say(p->s->progress, "%s: pushing to %s", ref_familiar(p->ref.name), p->g.hosts.v[p->host].name);
	r = send_blobs(&p->g, p->host, p->blobs, p->n_blobs, err);
	if (r == 0)
		r = send_documents(p, err);
	if (r == 0)
		json_append(images, push_result(p, one));
	return r;
}

int push_image(struct session *s, const struct push_spec *spec, json *images, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 };
	_cleanup_(push_done) struct push p = { .s = s };
	int r = image_find(s->ctrd, spec->image, &s->ctx, &record, err);

	if (r == 0)
		r = push_target(spec, &record, &p.ref, err);
	if (r < 0)
		return r;
	r = push_all(&p, spec, &record.target, images, err);
	return r < 0 ? err_wrap(err, r, "image %s", ref_familiar(p.ref.name)) : 0;
}
