#include "test.h"
#include "image-archive.h"
#include "mem.h"

static void cleans_paths(void **state)
{
	static const struct {
		const char *dir, *path, *clean;
	} cases[] = {
		{ "", "a/b", "a/b" },     { "", "./a//b/", "a/b" }, { "", "/a", "a" },     { "x", "../a", "a" },
		{ "x/y", "../a", "x/a" }, { "x", "../../a", NULL }, { "", "..", NULL },    { "", ".", NULL },
		{ "", "", NULL },         { "", "a/../..", NULL },  { "", "a/../b", "b" }, { "x", "/a", "a" },
		{ "", "a/..", NULL },     { "", "...", "..." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_free_ char *got = archive_path(cases[i].dir, cases[i].path);

		if (!cases[i].clean)
			assert_null(got);
		else
			assert_string_equal(got, cases[i].clean);
	}
}

static void add(struct archive_files *f, const char *path, const char *link, const char *digest)
{
	f->v = mem_grow(f->v, &f->cap, f->n + 1, sizeof *f->v);
	f->v[f->n++] = (struct archive_file){ .path = mem_strdup(path), .link = mem_strdup(link), .digest = mem_strdup(digest) };
}

static void follows_links(void **state)
{
	_cleanup_(archive_files_done) struct archive_files f = { .spool.fd = -1 };

	(void)state;
	add(&f, "a/layer.tar", NULL, "1");
	add(&f, "b/layer.tar", "a/layer.tar", NULL);
	add(&f, "c", "b/layer.tar", NULL);
	add(&f, "loop", "loop", NULL);
	add(&f, "x", "y", NULL);
	add(&f, "y", "x", NULL);
	add(&f, "gone", "nothing", NULL);
	assert_string_equal(archive_find(&f, "./c")->digest, "1");
	assert_null(archive_find(&f, "loop"));
	assert_null(archive_find(&f, "x"));
	assert_null(archive_find(&f, "gone"));
	assert_null(archive_find(&f, "../a/layer.tar"));
	add(&f, "a/layer.tar", NULL, "2"); /* the later entry counts */
	assert_string_equal(archive_find(&f, "b/layer.tar")->digest, "2");
}

RUN_TESTS("image-archive", cmocka_unit_test(cleans_paths), cmocka_unit_test(follows_links))
