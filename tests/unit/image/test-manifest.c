#include "test.h"
#include "manifest.h"
#include "mem.h"

#define D(c) \
	"sha256:" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c \
		c c c c c c c c
#define CONFIG "\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"" D("c") "\",\"size\":10}"
#define LAYER(c) "{\"mediaType\":\"" MEDIA_OCI_LAYER "\",\"digest\":\"" D(c) "\",\"size\":20}"
#define ENTRY(c, extra) "{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" D(c) "\",\"size\":30" extra "}"
#define PLATFORM(o, a) ",\"platform\":{\"os\":\"" o "\",\"architecture\":\"" a "\"}"
#define ATTESTATION \
	",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}," \
	"\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}"

static int parse(const char *text, struct manifest *m, struct err *err) { return manifest_parse(text, strlen(text), m, err); }

static void reads_a_manifest(void **state)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };

	(void)state;
	assert_int_equal(parse("{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER("a") "," LAYER("b") "]}", &m, NULL), 0);
	assert_false(m.index);
	assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
	assert_string_equal(m.config.digest, D("c"));
	assert_int_equal(m.n, 2);
	assert_int_equal(m.children[1].size, 20);
	manifest_gc_labels(&m, -1, &labels);
	assert_int_equal(labels.n, 3);
	assert_string_equal(dict_get(&labels, "containerd.io/gc.ref.content.config"), D("c"));
	assert_string_equal(dict_get(&labels, "containerd.io/gc.ref.content.l.1"), D("b"));
}

static void chooses_a_platform(void **state)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_DOCKER_LIST
		"\",\"manifests\":[" ENTRY("a", ATTESTATION) "," ENTRY("b", PLATFORM("linux", "386")) "," ENTRY(
			"c", PLATFORM("linux", "arm64")) "," ENTRY("d", PLATFORM("linux", "amd64")) "," ENTRY("e", "") "]}";
	static const struct {
		const char *want;
		int chosen;
	} cases[] = {
		{ "linux/amd64", 3 },
		{ "linux/386", 1 },
		{ "linux/arm64", 2 },
		{ "linux/s390x", 4 },
	};
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };

	(void)state;
	assert_int_equal(parse(text, &m, NULL), 0);
	assert_true(m.index);
	assert_string_equal(m.media_type, MEDIA_DOCKER_LIST);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct platform want;

		assert_int_equal(platform_parse(cases[i].want, &want, NULL), 0);
		assert_int_equal(manifest_choose(&m, &want, NULL), cases[i].chosen);
	}
	manifest_gc_labels(&m, 3, &labels);
	assert_int_equal(labels.n, 1);
	assert_string_equal(dict_get(&labels, "containerd.io/gc.ref.content.m.3"), D("d"));
}

static void says_what_there_is(void **state)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	struct platform want;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		parse("{\"manifests\":[" ENTRY("a", ATTESTATION) "," ENTRY("b", PLATFORM("linux", "arm64")) "]}", &m, NULL), 0);
	assert_int_equal(platform_parse("linux/amd64", &want, NULL), 0);
	assert_int_equal(manifest_choose(&m, &want, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "no image for platform linux/amd64");
	assert_string_equal(err.hint, "there is: linux/arm64; --platform takes one");
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "", -ERR_INVALID },
		{ "[]", -ERR_INVALID },
		{ "{}", -ERR_INVALID },
		{ "null", -ERR_INVALID },
		{ "{\"schemaVersion\":1,\"fsLayers\":[]}", -ERR_UNIMPLEMENTED },
		/* both at once */
		{ "{" CONFIG ",\"layers\":[],\"manifests\":[]}", -ERR_INVALID },
		{ "{\"manifests\":[],\"config\":{}}", -ERR_INVALID },
		/* its own media type lies */
		{ "{\"mediaType\":\"" MEDIA_OCI_INDEX "\"," CONFIG ",\"layers\":[]}", -ERR_INVALID },
		{ "{\"mediaType\":\"" MEDIA_DOCKER_MANIFEST "\",\"manifests\":[]}", -ERR_INVALID },
		{ "{\"layers\":[]}", -ERR_INVALID },
		{ "{\"config\":{\"digest\":\"" D("a") "\",\"size\":-1,\"mediaType\":\"x\"},\"layers\":[]}", -ERR_INVALID },
		{ "{\"config\":{\"digest\":\"" D("a") "\",\"size\":1},\"layers\":[]}", -ERR_INVALID },
		{ "{\"config\":{\"digest\":\"sha256:../../etc\",\"size\":1,\"mediaType\":\"x\"},\"layers\":[]}", -ERR_INVALID },
		{ "{" CONFIG ",\"layers\":[7]}", -ERR_INVALID },
		{ "{" CONFIG ",\"layers\":[" LAYER("z") "]}", -ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct manifest m = { 0 };

		assert_int_equal(parse(cases[i].text, &m, NULL), cases[i].r);
		assert_null(m.children);
	}
}

static void bounds_the_number(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_(manifest_done) struct manifest m = { 0 };

	(void)state;
	buf_adds(&b, "{" CONFIG ",\"layers\":[" LAYER("a"));
	for (int i = 1; i < MANIFEST_CHILDREN; i++)
		buf_adds(&b, "," LAYER("a"));
	buf_adds(&b, "]}");
	assert_int_equal(parse(buf_str(&b), &m, NULL), 0);
	assert_int_equal(m.n, MANIFEST_CHILDREN);
	buf_cut(&b, b.len - 2);
	buf_adds(&b, "," LAYER("a") "]}");
	manifest_done(&m);
	assert_int_equal(parse(buf_str(&b), &m, NULL), -ERR_INVALID);
}

/* A lookup walks them all: a manifest of 8 MiB could keep it busy for hours. */
static void bounds_annotations(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_(manifest_done) struct manifest m = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&b, "{\"config\":{\"digest\":\"" D("a") "\",\"size\":1,\"mediaType\":\"x\",\"annotations\":{\"0\":\"\"");
	for (int i = 1; i < MANIFEST_ANNOTATIONS; i++)
		buf_addf(&b, ",\"%d\":\"\"", i);
	buf_adds(&b, "}},\"layers\":[]}");
	assert_int_equal(parse(buf_str(&b), &m, NULL), 0);
	assert_int_equal(m.config.annotations.n, MANIFEST_ANNOTATIONS);
	manifest_done(&m);
	buf_cut(&b, b.len - strlen("}},\"layers\":[]}"));
	buf_adds(&b, ",\"more\":\"\"}},\"layers\":[]}");
	assert_int_equal(parse(buf_str(&b), &m, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "more than 1024 annotations"));
}

RUN_TESTS("manifest", cmocka_unit_test(reads_a_manifest), cmocka_unit_test(chooses_a_platform),
	  cmocka_unit_test(says_what_there_is), cmocka_unit_test(refuses), cmocka_unit_test(bounds_the_number),
	  cmocka_unit_test(bounds_annotations))
