#include "test.h"
#include "export.h"
#include "file.h"
#include "mem.h"
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static void make_tar(const char *root, const char *tar)
{
	const struct ctx none = ctx_none();
	const struct idmap ids = { 0 };
	struct output out;
	struct err err = ERR_INIT;
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(output_open(&out, tar, -1, &none, &err), 0);
	if (export_tree(fd, NULL, &ids, &none, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(output_commit(&out, &err), 0);
	output_done(&out);
}

/* How long the attribute @name of the first entry is; -1: it has none. */
static ssize_t attribute_in(const char *tar, const char *name)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	const char *key;
	const void *value;
	size_t n;
	ssize_t found = -1;

	assert_int_equal(archive_read_support_format_tar(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(a, tar, 10240), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(a, &e), ARCHIVE_OK);
	(void)archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &key, &value, &n) == ARCHIVE_OK)
		if (!strcmp(key, name))
			found = (ssize_t)n;
	(void)archive_read_free(a);
	return found;
}

/* Up to the length that the kernel knows, on a file system that has room for it. */
static void attributes_are_whole(void **state)
{
	static const char value[40000];
	char dir[] = "/dev/shm/export-XXXXXX";
	_cleanup_free_ char *root = NULL, *file = NULL, *tar = NULL;
	ssize_t big = -1, trusted = -1;
	bool room;

	(void)state;
	if (!mkdtemp(dir))
		skip();
	root = mem_printf("%s/root", dir);
	file = mem_printf("%s/file", root);
	tar = mem_printf("%s/tar", dir);
	assert_int_equal(file_mkdirs_private(root, NULL), 0);
	assert_int_equal(close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
	room = setxattr(file, "user.big", value, sizeof value, 0) == 0;
	(void)setxattr(file, "trusted.other", "x", 1, 0);
	if (room) {
		make_tar(root, tar);
		big = attribute_in(tar, "user.big");
		trusted = attribute_in(tar, "trusted.other");
	}
	assert_int_equal(file_remove_tree(dir, NULL), 0);
	if (!room)
		skip();
	assert_int_equal(big, sizeof value);
	assert_int_equal(trusted, -1);
}

RUN_TESTS("export", cmocka_unit_test(attributes_are_whole))
