#include "test.h"
#include "buf.h"
#include "handshake.h"
#include "socket.h"
#include <sys/stat.h>

static void the_cookie(void **state)
{
	(void)state;
	(void)setenv("T_COOKIE", "abc", 1);
	assert_true(handshake_cookie("T_COOKIE", "abc"));
	assert_false(handshake_cookie("T_COOKIE", "abd"));
	assert_false(handshake_cookie("T_NONE", "abc"));
}

static void the_socket_is_in(const char *name, const char *dir, const char *want)
{
	_cleanup_free_ char *path = NULL;

	(void)unsetenv("PLUGIN_UNIX_SOCKET_DIR");
	(void)unsetenv("TMPDIR");
	if (name)
		(void)setenv(name, dir, 1);
	assert_int_equal(handshake_path(&path, NULL), 0);
	if (strncmp(path, want, strlen(want)))
		fail_msg("%s=%s: %s", name, dir, path);
	assert_int_equal(strlen(path), strlen(want) + 8);
}

static void where_the_socket_is(void **state)
{
	char dir[200];
	struct err err = ERR_INIT;
	char *path;

	(void)state;
	the_socket_is_in(NULL, NULL, "/tmp/plugin");
	the_socket_is_in("TMPDIR", "", "/tmp/plugin");
	the_socket_is_in("TMPDIR", "/var/tmp", "/var/tmp/plugin");
	the_socket_is_in("PLUGIN_UNIX_SOCKET_DIR", "/run", "/run/plugin");
	memset(dir, 'd', sizeof dir - 1);
	dir[0] = '/';
	dir[sizeof dir - 1] = '\0';
	(void)setenv("TMPDIR", dir, 1);
	(void)unsetenv("PLUGIN_UNIX_SOCKET_DIR");
	assert_int_equal(handshake_path(&path, &err), -ERR_INVALID);
	assert_non_null(strstr(err.hint, "TMPDIR"));
	(void)setenv("TMPDIR", "/dev/null", 1);
	assert_int_equal(handshake_path(&path, NULL), -ERR_NOT_FOUND);
	(void)unsetenv("TMPDIR");
}

static void the_line(void **state)
{
	char got[200] = "";
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(handshake_tell(p[1], 2, "/tmp/plugin1", NULL), 0);
	(void)close(p[1]);
	assert_true(read(p[0], got, sizeof got - 1) > 0);
	assert_string_equal(got, "1|2|unix|/tmp/plugin1|grpc|\n");
	(void)close(p[0]);
	assert_true(handshake_tell(-1, 2, "/tmp/plugin1", NULL) < 0);
}

static void the_group(void **state)
{
	char dir[] = "/tmp/handshake-XXXXXX", path[64];
	struct err err = ERR_INIT;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/s", dir);
	assert_int_equal(socket_listen(path, 0600, &fd, NULL), 0);
	(void)unsetenv("PLUGIN_UNIX_SOCKET_GROUP");
	assert_int_equal(handshake_group(path, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	(void)setenv("PLUGIN_UNIX_SOCKET_GROUP", "no such group", 1);
	assert_int_equal(handshake_group(path, &err), -ERR_NOT_FOUND);
	if (getuid() == 0) {
		(void)setenv("PLUGIN_UNIX_SOCKET_GROUP", "daemon", 1);
		assert_int_equal(handshake_group(path, NULL), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0660);
		assert_int_equal(st.st_gid, 1);
		(void)setenv("PLUGIN_UNIX_SOCKET_GROUP", "7", 1);
		assert_int_equal(handshake_group(path, NULL), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_gid, 7);
	}
	(void)unsetenv("PLUGIN_UNIX_SOCKET_GROUP");
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(dir);
}

RUN_TESTS("handshake", cmocka_unit_test(the_cookie), cmocka_unit_test(where_the_socket_is), cmocka_unit_test(the_line),
	  cmocka_unit_test(the_group))
