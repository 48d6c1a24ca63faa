/* In a mount namespace of its own; who may not make one skips what mounts. */
#include "test.h"
#include "buf.h"
#include "file.h"
#include "launch.h"
#include "mem.h"
#include "mounts.h"
#include "overlay-names.h"
#include "test-folder.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 120 };

static bool own_mounts;

static int root_new(void **state)
{
	struct test_folder *f = test_folder_new("mounts", "rootfs");

	assert_int_equal(file_mkdirs(f->path, 0700, NULL), 0);
	*state = f;
	return 0;
}

static int root_free(void **state)
{
	assert_int_equal(mounts_drop(((const struct test_folder *)*state)->path, NULL), 0);
	return test_folder_teardown(state);
}

static int mount_now(const char *type, const char *source, const char *const *options, size_t n, const char *target,
		     struct err *err)
{
	Types__Mount m = TYPES__MOUNT__INIT, *list[] = { &m };

	m.type = (char *)(uintptr_t)type;
	m.source = (char *)(uintptr_t)source;
	m.options = (char **)(uintptr_t)options;
	m.n_options = n;
	return mounts_make(list, 1, target, err);
}

/* Is @word among the options of what is mounted at @target? */
static bool is_mounted_with(const char *target, const char *word)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *place = mem_printf(" %s ", target), *found = NULL;
	const char *at;

	assert_int_equal(file_read("/proc/self/mounts", 4 << 20, &text, NULL), 0);
	at = strstr(buf_str(&text), place);
	if (!at)
		return false;
	found = mem_printf("%.*s", (int)strcspn(at, "\n"), at);
	return strstr(found, word);
}

/* @MANY layers with names that no page has room for; the last has a file. */
static char *make_layers(const struct test_folder *f)
{
	_cleanup_buf_ struct buf list = { 0 };

	for (int i = 0; i < MANY; i++) {
		_cleanup_free_ char *layer = mem_printf("%s/a-rather-long-name-of-a-folder-of-layers/%d/fs", f->dir, i);
		_cleanup_free_ char *file = mem_printf("%s/file-%d", layer, i);

		assert_int_equal(file_mkdirs(layer, 0700, NULL), 0);
		assert_int_equal(file_write(file, "", 0, 0600, NULL), 0);
		buf_addf(&list, "%s%s", i ? ":" : "", layer);
	}
	return mem_printf("lowerdir=%s", buf_str(&list));
}

static void takes_more_layers_than_a_page(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *layers = make_layers(f), *first = mem_printf("%s/file-0", f->path),
			    *last = mem_printf("%s/file-%d", f->path, MANY - 1);
	const char *options[] = { "nosuid", "nodev", layers, "noexec", "noatime" };
	struct err err = ERR_INIT;

	if (!own_mounts)
		skip();
	assert_true(strlen(layers) > 4096);
	if (mount_now("overlay", "overlay", options, 5, f->path, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(file_exists(first) && file_exists(last));
	for (size_t i = 0; i < 5; i++)
		if (i != 2)
			assert_true(is_mounted_with(f->path, options[i]));
}

/* What a kernel before 6.5 is given. */
static void short_names_mount_the_same(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *layers = make_layers(f), *parent = NULL, *last = mem_printf("%s/file-%d", f->path, MANY - 1);
	_cleanup_buf_ struct buf data = { 0 };
	char *here;

	if (!own_mounts)
		skip();
	assert_true(overlay_names_shorten(layers, &parent, &data));
	assert_true(data.len < 4000);
	here = getcwd(NULL, 0);
	assert_int_equal(chdir(parent), 0);
	assert_int_equal(mount("overlay", f->path, "overlay", MS_RDONLY, buf_str(&data)), 0);
	assert_int_equal(chdir(here), 0);
	free(here);
	assert_true(file_exists(last));
}

static void names_are_shortened(void **state)
{
	static const struct {
		const char *data, *parent, *out; /* NULL: they cannot be */
	} rows[] = {
		{ "lowerdir=/a/s/1/fs:/a/s/22/fs", "/a/s/", "lowerdir=1/fs:22/fs" },
		{ "index=off,lowerdir=/a/s/1:/a/s/12,upperdir=/u", "/a/s/", "index=off,lowerdir=1:12,upperdir=/u" },
		{ "lowerdir=/a/s/1", "/a/s/", "lowerdir=1" },
		{ "lowerdir=/a/s/:/a/s/1", "/a/s/", "lowerdir=.:1" },
		{ "lowerdir=/a:/b", NULL, NULL },
		{ "lowerdir=a/b:a/c", NULL, NULL },
		{ "upperdir=/u", NULL, NULL },
		{ "", NULL, NULL },
		{ "lowerdir=", NULL, NULL },
		{ "lowerdir=/a/b,lowerdir=/a/c", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *parent = NULL;
		_cleanup_buf_ struct buf out = { 0 };

		assert_int_equal(overlay_names_shorten(rows[i].data, &parent, &out), rows[i].parent != NULL);
		if (!rows[i].parent)
			continue;
		assert_string_equal(parent, rows[i].parent);
		assert_string_equal(buf_str(&out), rows[i].out);
	}
}

static bool make_file_system(char *image)
{
	_cleanup_free_ char *program = file_find("/usr/sbin:/sbin", "mke2fs");
	char name[] = "mke2fs", quiet[] = "-qF", size[] = "1M", *argv[] = { name, quiet, image, size, NULL };
	int status = -1;
	pid_t pid;

	if (!program || launch(&(struct launch){ .path = program, .argv = argv }, &pid) < 0)
		return false;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void mounts_a_file(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *image = mem_printf("%s/image", f->dir),
			    *make = mem_printf("mke2fs -q -F %s 1M 2>/dev/null >&2", image);
	const char *options[] = { "loop", "ro" };
	struct err err = ERR_INIT;

	if (!own_mounts || !file_exists("/dev/loop-control") || !make_file_system(image))
		skip();
	if (mount_now("ext4", image, options, 2, f->path, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(is_mounted_with(f->path, "ext4 ro,"));
	assert_int_equal(mounts_drop(f->path, NULL), 0);
	assert_false(is_mounted_with(f->path, ""));
	assert_int_equal(mount_now("ext4", "/no/such/image", options, 2, f->path, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "/no/such/image"));
}

static char *device_at(const char *target)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *place = mem_printf(" %s ", target);
	const char *at, *line;

	assert_int_equal(file_read("/proc/self/mounts", 4 << 20, &text, NULL), 0);
	at = strstr(buf_str(&text), place);
	assert_non_null(at);
	for (line = at; line > buf_str(&text) && line[-1] != '\n'; line--)
		;
	return mem_strndup(line, (size_t)(at - line));
}

/* Two file systems on one file would not see what the other writes: one device, but not one that only reads. */
static void mounts_a_file_that_is_mounted(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *image = mem_printf("%s/image", f->dir), *two = mem_printf("%s/two", f->dir),
			    *read = mem_printf("%s/read", f->dir), *file = mem_printf("%s/seen", f->path),
			    *seen = mem_printf("%s/seen", two), *a = NULL, *b = NULL, *c = NULL;
	const char *options[] = { "loop", "ro" };
	struct err err = ERR_INIT;

	if (!own_mounts || !file_exists("/dev/loop-control") || !make_file_system(image))
		skip();
	assert_int_equal(file_mkdirs(two, 0700, NULL) | file_mkdirs(read, 0700, NULL), 0);
	if (mount_now("ext4", image, options, 2, read, &err) < 0 || mount_now("ext4", image, options, 1, f->path, &err) < 0 ||
	    mount_now("ext4", image, options, 1, two, &err) < 0)
		fail_msg("%s", err.msg);
	a = device_at(f->path);
	b = device_at(two);
	c = device_at(read);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(file_write(file, "x", 1, 0600, NULL), 0);
	assert_true(file_exists(seen));
	assert_int_equal(mounts_drop(two, NULL) | mounts_drop(read, NULL), 0);
}

static void says_what_it_does_not_do(void **state)
{
	static const struct {
		const char *type, *option, *says;
	} rows[] = {
		{ "fuse.sshfs", "ro", "mount of type fuse.sshfs" },
		{ "format/overlay", "ro", "mount of type format/overlay" },
		{ "overlay", "uidmap=0:1000:1", "mount with uidmap=0:1000:1" },
		{ "bind", "gidmap=0:1000:1", "mount with gidmap=0:1000:1" },
	};
	const struct test_folder *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;

		assert_int_equal(mount_now(rows[i].type, "x", &rows[i].option, 1, f->path, &err), -ERR_UNIMPLEMENTED);
		assert_string_equal(err.msg, rows[i].says);
		assert_true(*err.hint);
	}
}

/* What is mounted below it goes with it, and a link in its place is not followed. */
static void all_of_it_is_unmounted(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *below = mem_printf("%s/below", f->path), *link = mem_printf("%s/link", f->dir);

	if (!own_mounts)
		skip();
	assert_int_equal(mount_now("tmpfs", "tmpfs", NULL, 0, f->path, NULL), 0);
	assert_int_equal(file_mkdirs(below, 0700, NULL), 0);
	assert_int_equal(mount("tmpfs", below, "tmpfs", 0, NULL), 0);
	assert_int_equal(symlink(f->path, link), 0);
	(void)mounts_drop(link, NULL);
	assert_true(is_mounted_with(f->path, "tmpfs"));
	assert_int_equal(mounts_drop(f->path, NULL), 0);
	assert_false(is_mounted_with(f->path, "") || is_mounted_with(below, ""));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, root_new, root_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_more_layers_than_a_page),   TEST(short_names_mount_the_same),
		cmocka_unit_test(names_are_shortened), TEST(mounts_a_file),
		TEST(mounts_a_file_that_is_mounted),   TEST(says_what_it_does_not_do),
		TEST(all_of_it_is_unmounted),
	};

	own_mounts = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
