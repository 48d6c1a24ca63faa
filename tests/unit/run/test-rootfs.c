/* A look into snapshots of each form that containerd's snapshotters give. Needs root. */
#include "test.h"
#include "test-folder.h"
#include "rootfs.h"
#include <fcntl.h>
#include <sys/stat.h>

static int setup(void **state)
{
	struct test_folder *f = test_folder_new("rootfs", "scratch");

	assert_int_equal(mkdir(f->path, 0700), 0);
	*state = f;
	return 0;
}

static void put(const struct test_folder *f, const char *layer, const char *name, const char *text)
{
	_cleanup_free_ char *dir = mem_printf("%s/%s", f->dir, layer), *path = mem_printf("%s/%s", dir, name);

	assert_int_equal(file_mkdirs(dir, 0755, NULL), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static void expect(int root, const char *name, const char *want)
{
	_cleanup_buf_ struct buf text = { 0 };

	assert_int_equal(file_read_at(root, name, 100, &text, NULL), 0);
	assert_string_equal(buf_str(&text), want);
}

/* Opens a snapshot of one mount; the folder below must be untouched afterwards. */
static int look(const struct test_folder *f, const char *type, const char *source, const char *options, int *ret_fd,
		struct err *err)
{
	struct ctrd_mount m = { .type = mem_strdup(type), .source = mem_strdup(source) };
	struct ctrd_mounts all = { .v = mem_array(struct ctrd_mount, 1), .n = 1 };
	int r;

	strv_split(&m.options, options, ",");
	all.v[0] = m;
	r = rootfs_open(&all, f->path, ret_fd, err);
	ctrd_mounts_done(&all);
	assert_int_equal(rmdir(f->path), 0); /* no mount of ours is to be seen outside */
	assert_int_equal(mkdir(f->path, 0700), 0);
	return r;
}

static void opens_layers(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *options = mem_printf("index=off,workdir=%s/none,upperdir=%s/none,lowerdir=%s/top:%s/mid:%s/base",
						  f->dir, f->dir, f->dir, f->dir, f->dir);
	_cleanup_close_ int root = -1, file = -1;
	struct err err = ERR_INIT;

	if (geteuid() != 0)
		skip();
	put(f, "base", "etc-passwd", "base");
	put(f, "base", "only", "base only");
	put(f, "mid", "etc-passwd", "mid");
	put(f, "top", "etc-passwd", "top");
	if (look(f, "overlay", "overlay", options, &root, &err) < 0)
		fail_msg("%s", err.msg);
	expect(root, "etc-passwd", "top");
	expect(root, "only", "base only");
	file = openat(root, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(file, -1);
	assert_int_equal(errno, EROFS);
}

static void opens_one_layer_and_a_folder(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *base = mem_printf("%s/base", f->dir), *options = mem_printf("lowerdir=%s", base);
	_cleanup_close_ int one = -1, folder = -1;
	struct err err = ERR_INIT;

	if (geteuid() != 0)
		skip();
	put(f, "base", "file", "base");
	if (look(f, "overlay", "overlay", options, &one, &err) < 0 || look(f, "bind", base, "rbind,ro,nosuid", &folder, &err) < 0)
		fail_msg("%s", err.msg);
	expect(one, "file", "base");
	expect(folder, "file", "base");
}

static void names_what_is_missing(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *gone = mem_printf("%s/gone", f->dir), *one = mem_printf("lowerdir=%s", gone),
			    *two = mem_printf("lowerdir=%s:%s", gone, f->dir);
	const struct ctrd_mounts none = { 0 };
	struct err err = ERR_INIT;
	int fd = -1;

	if (geteuid() != 0)
		skip();
	assert_int_equal(look(f, "overlay", "overlay", one, &fd, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, gone));
	err_clear(&err);
	assert_int_equal(look(f, "overlay", "overlay", two, &fd, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "layer "));
	err_clear(&err);
	assert_true(look(f, "nosuchfs", gone, "ro,data=1", &fd, &err) < 0);
	assert_non_null(strstr(err.msg, "of type nosuchfs"));
	err_clear(&err);
	assert_int_equal(rootfs_open(&none, f->path, &fd, &err), -ERR_UNIMPLEMENTED);
	assert_int_equal(fd, -1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, test_folder_teardown)
RUN_TESTS("rootfs", T(opens_layers), T(opens_one_layer_and_a_folder), T(names_what_is_missing))
