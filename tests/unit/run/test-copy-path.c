#include "test.h"
#include "copy-path.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void words(void **state)
{
	static const struct {
		const char *word, *job, *path;
		bool stream;
	} cases[] = {
		{ "web:/etc", "web", "/etc", false },
		{ "web:etc", "web", "etc", false },
		{ "web.db:/x:y", "web.db", "/x:y", false },
		{ "/a:b", NULL, "/a:b", false },
		{ "./a:b", NULL, "./a:b", false },
		{ "../a:b", NULL, "../a:b", false },
		{ "file", NULL, "file", false },
		{ "-", NULL, "-", true },
		{ "-:x", "-", "x", false },
	};
	static const char *const bad[] = { "", "web:", ":x", ":" };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(copy_word_done) struct copy_word w = { 0 };

		assert_int_equal(copy_word_parse(cases[i].word, &w, NULL), 0);
		assert_int_equal(!w.job, !cases[i].job);
		if (w.job)
			assert_string_equal(w.job, cases[i].job);
		assert_string_equal(w.path, cases[i].path);
		assert_int_equal(w.stream, cases[i].stream);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct copy_word w;

		assert_int_equal(copy_word_parse(bad[i], &w, NULL), -ERR_INVALID);
	}
}

static void paths(void **state)
{
	static const struct {
		const char *path;
		bool is_jobs;
		const char *text, *base;
		bool folder, content;
	} cases[] = {
		{ "/a/b", true, "/a/b", "b", false, false },
		{ "a/b", true, "/a/b", "b", false, false },
		{ "/a/b/", true, "/a/b", "b", true, false },
		{ "/a/b//", true, "/a/b", "b", true, false },
		{ "/a/b/.", true, "/a/b", NULL, true, true },
		{ "/a/b/./", true, "/a/b", NULL, true, true },
		{ "/", true, "/", NULL, true, true },
		{ ".", true, "/", NULL, true, true },
		{ "/a/..", true, "/", NULL, true, true },
		{ "/a/b/..", true, "/a", "a", true, false },
		{ "../../x", true, "/x", "x", false, false },
		{ "/..a", true, "/..a", "..a", false, false },
		{ "a", false, "a", "a", false, false },
		{ "a/", false, "a/", "a", true, false },
		{ "a/.", false, "a/.", NULL, true, true },
		{ ".", false, ".", NULL, true, true },
		{ "..", false, "..", NULL, true, true },
		{ "/", false, "/", NULL, true, true },
		{ "x/..", false, "x/..", NULL, true, true },
		{ ".x", false, ".x", ".x", false, false },
		{ "a//b//", false, "a//b//", "b", true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(copy_path_done) struct copy_path p = { 0 };

		copy_path_read(cases[i].path, cases[i].is_jobs, &p);
		if (strcmp(p.text, cases[i].text) != 0 || !p.base != !cases[i].base ||
		    (p.base && strcmp(p.base, cases[i].base) != 0) || p.folder != cases[i].folder || p.content != cases[i].content)
			fail_msg("%s: %s, %s, %d, %d", cases[i].path, p.text, p.base ? p.base : "-", p.folder, p.content);
	}
}

static char top[64];
static int root = -1;

static int setup(void **state)
{
	_cleanup_free_ char *folder = NULL;

	(void)state;
	(void)snprintf(top, sizeof top, "/tmp/davit-test-copy-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	folder = mem_printf("%s/root/dir", top);
	(void)file_mkdirs(folder, 0755, NULL);
	folder[strlen(folder) - 4] = '\0';
	root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)close(openat(root, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	return symlinkat("dir", root, "to-dir") | symlinkat("/file", root, "to-file") | symlinkat("new", root, "to-new") |
	       symlinkat("../../../../etc", root, "up") | symlinkat("loop", root, "loop") | symlinkat("/gone/new", root, "to-gone");
}

static int teardown(void **state)
{
	(void)state;
	(void)close(root);
	return file_remove_tree(top, NULL);
}

/* Where a copy of "name" (a folder, a file, what is in a folder) goes. */
static void targets(void **state)
{
	static const struct {
		const char *target;
		char source; /* f, d, or c: content of a folder */
		int r;
		const char *dir, *name; /* dir below the root; NULL name: itself */
	} cases[] = {
		{ "/new", 'f', 0, "", "new" },
		{ "/new/", 'f', -ERR_NOT_FOUND, 0, 0 },
		{ "/file", 'f', 0, "", "file" },
		{ "/file/", 'f', -1, 0, 0 },
		{ "/dir", 'f', 0, "dir", "name" },
		{ "/dir/", 'f', 0, "dir", "name" },
		{ "/no/new", 'f', -ERR_NOT_FOUND, 0, 0 },
		{ "/new", 'd', 0, "", "new" },
		{ "/new/", 'd', 0, "", "new" },
		{ "/file", 'd', -ERR_PRECONDITION, 0, 0 },
		{ "/dir", 'd', 0, "dir", "name" },
		{ "/new", 'c', 0, "", "new" },
		{ "/file", 'c', -ERR_PRECONDITION, 0, 0 },
		{ "/dir", 'c', 0, "dir", NULL },
		{ "/", 'f', 0, "", "name" },
		{ "/", 'c', 0, "", NULL },
		{ "/to-dir", 'f', 0, "dir", "name" },
		{ "/to-file", 'f', 0, "", "file" },
		{ "/to-new", 'f', 0, "", "new" },
		{ "/to-new", 'd', 0, "", "new" },
		{ "/up", 'f', 0, "", "etc" },
		{ "/up/passwd", 'f', -ERR_NOT_FOUND, 0, 0 },
		{ "/loop", 'f', -1, 0, 0 },
		{ "/to-gone", 'f', -ERR_NOT_FOUND, 0, 0 },
		{ "/file/x", 'f', -1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(copy_path_done) struct copy_path p = { 0 };
		const struct copy_path source = { .base = cases[i].source == 'c' ? NULL : (char *)"name" };
		_cleanup_free_ char *name = NULL;
		_cleanup_close_ int dir = -1, wanted = -1;
		struct err err = ERR_INIT;
		struct stat a, b;
		int r;

		copy_path_read(cases[i].target, true, &p);
		r = copy_open_target(root, &p, &source, cases[i].source != 'f', &dir, &name, &err);
		if (cases[i].r ? r >= 0 || (cases[i].r != -1 && r != cases[i].r) : r != 0)
			fail_msg("%s of %c: %d %s", cases[i].target, cases[i].source, r, err.msg);
		if (r < 0)
			continue;
		wanted = openat(root, *cases[i].dir ? cases[i].dir : ".", O_PATH | O_CLOEXEC);
		assert_int_equal(fstat(wanted, &a) | fstat(dir, &b), 0);
		assert_int_equal(a.st_ino, b.st_ino);
		assert_int_equal(!name, !cases[i].name);
		if (name)
			assert_string_equal(name, cases[i].name);
	}
}

static void sources(void **state)
{
	static const struct {
		const char *path;
		bool follow;
		mode_t kind; /* 0: an error */
	} cases[] = {
		{ "/file", false, S_IFREG },
		{ "/file/", false, 0 },
		{ "/dir", false, S_IFDIR },
		{ "/to-dir", false, S_IFLNK },
		{ "/to-dir", true, S_IFDIR },
		{ "/to-dir/", false, S_IFDIR },
		{ "/to-dir/.", false, S_IFDIR },
		{ "/to-file", true, S_IFREG },
		{ "/to-file/", false, 0 },
		{ "/up", true, 0 },
		{ "/loop", true, 0 },
		{ "/loop", false, S_IFLNK },
		{ "/nothing", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(copy_path_done) struct copy_path p = { 0 };
		_cleanup_close_ int fd = -1;
		struct stat st = { 0 };
		bool folder = false;

		copy_path_read(cases[i].path, true, &p);
		if (copy_open_source(root, &p, cases[i].follow, &folder, &fd, NULL) == 0)
			assert_int_equal(fstat(fd, &st), 0);
		if ((st.st_mode & S_IFMT) != cases[i].kind || folder != S_ISDIR(cases[i].kind))
			fail_msg("%s: %o", cases[i].path, st.st_mode);
	}
}

RUN_TESTS("copy-path", cmocka_unit_test(words), cmocka_unit_test(paths), cmocka_unit_test_setup_teardown(targets, setup, teardown),
	  cmocka_unit_test_setup_teardown(sources, setup, teardown))
