#include "manifest.h"
#include "digest.h"
#include "json.h"
#include "mem.h"
#include <string.h>

void manifest_done(struct manifest *m)
{
	free(m->artifact);
	ctrd_descriptor_done(&m->config);
	for (size_t i = 0; i < m->n; i++)
		ctrd_descriptor_done(&m->children[i]);
	free(m->children);
	free(m->platforms);
	*m = (struct manifest){ 0 };
}

static int descriptor_parse(json *j, const char *what, struct ctrd_descriptor *ret, struct err *err)
{
	const char *digest = json_get_str(j, "digest"), *type = json_get_str(j, "mediaType");
	int64_t size = json_get_int(j, "size", -1);
	json *annotations = json_get_object(j, "annotations");

	if (!digest_valid(digest))
		return err_set(err, ERR_INVALID, "manifest: %s has no sha256 digest (\"%.80s\")", what, digest ? digest : "");
	if (size < 0)
		return err_set(err, ERR_INVALID, "manifest: %s %s has no size", what, digest);
	if (!type || !*type || strlen(type) > 255)
		return err_set(err, ERR_INVALID, "manifest: %s %s has no media type", what, digest);
	if (annotations && json_object_object_length(annotations) > MANIFEST_ANNOTATIONS)
		return err_set(err, ERR_INVALID, "manifest: %s %s has more than %d annotations", what, digest,
			       MANIFEST_ANNOTATIONS);
	ret->digest = mem_strdup(digest);
	ret->media_type = mem_strdup(type);
	ret->size = size;
	json_get_dict(j, "annotations", &ret->annotations);
	return 0;
}

static int children_parse(json *list, const char *what, struct manifest *m, struct err *err)
{
	size_t n = json_len(list);

	if (n > MANIFEST_CHILDREN)
		return err_set(err, ERR_INVALID, "manifest: %zu entries of kind %s are more than %d", n, what, MANIFEST_CHILDREN);
	m->children = mem_array(struct ctrd_descriptor, n + 1);
	m->platforms = m->index ? mem_array(struct platform, n + 1) : NULL;
	for (size_t i = 0; i < n; i++) {
		json *child = json_at(list, i), *p = json_get_object(child, "platform");
		int r = descriptor_parse(child, what, &m->children[m->n++], err);

		if (r < 0)
			return r;
		if (p && m->index)
			platform_set(&m->platforms[i], json_get_str(p, "os"), json_get_str(p, "architecture"),
				     json_get_str(p, "variant"));
	}
	return 0;
}

/* A document that can be read as both kinds is refused, as is one whose own media type says otherwise: two readers could
 * take it for different images. */
static int kind_parse(json *j, struct manifest *m, struct err *err)
{
	static const struct {
		const char *type;
		bool index;
	} types[] = {
		{ MEDIA_OCI_INDEX, true },
		{ MEDIA_DOCKER_LIST, true },
		{ MEDIA_OCI_MANIFEST, false },
		{ MEDIA_DOCKER_MANIFEST, false },
	};
	const char *said = json_get_str(j, "mediaType");
	bool list = json_get(j, "manifests") != NULL, leaf = json_get(j, "layers") || json_get(j, "config");

	if (json_get_int(j, "schemaVersion", 0) == 1)
		return err_hint(err, err_set(err, ERR_UNIMPLEMENTED, "manifest: schema 1 is no longer supported"),
				"push the image again with a current tool");
	if (list == leaf)
		return err_set(err, ERR_INVALID, "manifest: neither a manifest nor an index, or both at once");
	m->index = list;
	m->media_type = list ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
	for (size_t i = 0; said && i < sizeof types / sizeof *types; i++)
		if (strcmp(said, types[i].type) == 0) {
			if (types[i].index != list)
				return err_set(err, ERR_INVALID, "manifest: its media type %s contradicts what it holds", said);
			m->media_type = types[i].type;
		}
	return 0;
}

static int parse_manifest(json *j, struct manifest *m, struct err *err)
{
	json *config = json_get_object(j, "config");
	int r = kind_parse(j, m, err);

	if (r < 0)
		return r;
	if (m->index)
		return children_parse(json_get_array(j, "manifests"), "manifest", m, err);
	m->artifact = mem_strdup(json_get_str(j, "artifactType"));
	r = descriptor_parse(config, "config", &m->config, err);
	if (r < 0)
		return r;
	if (!json_get(j, "mediaType") && strncmp(m->config.media_type, "application/vnd.docker.", 23) == 0)
		m->media_type = MEDIA_DOCKER_MANIFEST;
	return children_parse(json_get_array(j, "layers"), "layer", m, err);
}

int manifest_parse(const char *data, size_t len, struct manifest *ret, struct err *err)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_json_ json *j = NULL;
	int r = json_parse(data, len, &j, err);

	if (r < 0)
		return err_wrap(err, r, "manifest");
	r = parse_manifest(j, &m, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(m);
	return 0;
}

static int is_artifact(const char *type, struct err *err)
{
	return err_hint(err, err_set(err, ERR_UNIMPLEMENTED, "it is no container image but an artifact of type %.120s", type),
			"oras, helm or the tool that pushed it fetches it");
}

int manifest_check_image(const struct manifest *m, struct err *err)
{
	/* The last ones: of images that very old tools have pushed. */
	static const char *const configs[] = {
		MEDIA_OCI_CONFIG,
		MEDIA_DOCKER_CONFIG,
		"application/octet-stream",
		"application/json",
	};
	bool known = m->index;

	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
		known = known || strcmp(m->config.media_type, configs[i]) == 0;
	if (!known)
		return is_artifact(m->artifact && *m->artifact ? m->artifact : m->config.media_type, err);
	for (size_t i = 0; !m->index && i < m->n; i++)
		if (!strstr(m->children[i].media_type, "tar") && strcmp(m->children[i].media_type, "application/octet-stream") != 0)
			return is_artifact(m->children[i].media_type, err);
	return 0;
}

/* BuildKit's attestations stand in the index beside the images, under the platform unknown/unknown. */
static bool attestation(const struct ctrd_descriptor *d) { return dict_get(&d->annotations, "vnd.docker.reference.type") != NULL; }

static int nothing_suits(const struct manifest *m, const struct platform *want, struct err *err)
{
	_cleanup_buf_ struct buf have = { 0 };
	char text[PLATFORM_TEXT];

	for (size_t i = 0; i < m->n; i++)
		if (*m->platforms[i].arch && !attestation(&m->children[i]) && have.len < 120)
			buf_addf(&have, "%s%s", have.len ? ", " : "", platform_text(&m->platforms[i], text));
	(void)err_set(err, ERR_NOT_FOUND, "no image for platform %s", platform_text(want, text));
	return have.len ? err_hint(err, -ERR_NOT_FOUND, "there is: %s; --platform takes one", buf_str(&have)) : -ERR_NOT_FOUND;
}

int manifest_choose(const struct manifest *m, const struct platform *want, struct err *err)
{
	int best = -1, best_score = 0;

	for (size_t i = 0; i < m->n; i++) {
		int score = *m->platforms[i].arch ? platform_match(want, &m->platforms[i]) : 1000;

		if (score < 0 || attestation(&m->children[i]) || (best >= 0 && score >= best_score))
			continue;
		best = (int)i;
		best_score = score;
	}
	return best >= 0 ? best : nothing_suits(m, want, err);
}

void manifest_gc_labels(const struct manifest *m, int only, struct dict *out)
{
	char key[64];

	if (!m->index)
		dict_set(out, "containerd.io/gc.ref.content.config", m->config.digest);
	for (size_t i = 0; i < m->n; i++) {
		if (only >= 0 && (size_t)only != i)
			continue;
		(void)snprintf(key, sizeof key, "containerd.io/gc.ref.content.%c.%zu", m->index ? 'm' : 'l', i);
		dict_set(out, key, m->children[i].digest);
	}
}
