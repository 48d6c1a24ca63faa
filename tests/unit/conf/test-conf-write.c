#include "test.h"
#include "test-folder.h"
#include "buf.h"
#include "conf-write.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int conf_write_setup(void **state)
{
	*state = test_folder_new("conf-write", "config.toml");
	return 0;
}

static void has_text(const char *path, const char *text)
{
	_cleanup_buf_ struct buf b = { 0 };

	assert_true(file_read(path, 1000, &b, NULL) >= 0);
	assert_string_equal(buf_str(&b), text);
}

static void keeps_owner_mode_and_old_text(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *backup = NULL;
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(file_write(f->path, "old", 3, 0640, NULL), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(f->path, 7, 8), 0);
	assert_int_equal(conf_write(f->path, "old", "new\n", &backup, &err), 0);
	has_text(f->path, "new\n");
	has_text(backup, "old");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(i ? backup : f->path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(st.st_uid, geteuid() ? geteuid() : 7);
		assert_int_equal(st.st_gid, geteuid() ? getegid() : 8);
	}
}

static void makes_what_is_not_there(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *backup = NULL, *path = mem_printf("%s/a/b/config.toml", f->dir);
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(conf_write(path, NULL, "new", &backup, &err), 0);
	assert_null(backup);
	has_text(path, "new");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void refused(const char *path, const char *old, int r, const char *says)
{
	_cleanup_free_ char *backup = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(conf_write(path, old, "new", &backup, &err), r);
	if (!strstr(err.msg, says))
		fail_msg("%s", err.msg);
}

static void refuses_what_is_not_its_own_to_change(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *link = mem_printf("%s/link", f->dir), *name = mem_printf("%s/name", f->dir);

	refused(f->dir, "old", -ERR_PRECONDITION, " is a folder");
	assert_int_equal(file_write(f->path, "old", 3, 0644, NULL), 0);
	refused(f->path, "other", -ERR_ABORTED, "changed meanwhile");
	assert_int_equal(symlink("config.toml", link), 0);
	assert_int_equal(chmod(f->dir, 0777), 0);
	refused(link, "old", -ERR_PRECONDITION, "others than root can change where it leads");
	assert_int_equal(chmod(f->dir, 0700), 0);
	assert_int_equal(linkat(AT_FDCWD, f->path, AT_FDCWD, name, 0), 0);
	refused(f->path, "old", -ERR_PRECONDITION, "has other names");
	has_text(f->path, "old");
}

static void follows_a_link_that_only_we_can_change(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *link = mem_printf("%s/link", f->dir), *backup = NULL;
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(file_write(f->path, "old", 3, 0644, NULL), 0);
	assert_int_equal(symlink("config.toml", link), 0);
	assert_int_equal(conf_write(link, "old", "new", &backup, &err), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	has_text(f->path, "new");
	assert_int_equal(strncmp(backup, f->path, strlen(f->path)), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, conf_write_setup, test_folder_teardown)
RUN_TESTS("conf-write", T(keeps_owner_mode_and_old_text), T(makes_what_is_not_there), T(refuses_what_is_not_its_own_to_change),
	  T(follows_a_link_that_only_we_can_change))
