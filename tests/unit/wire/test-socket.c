#include "test.h"
#include "mem.h"
#include "socket.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct world {
	char dir[32], path[64];
};

static int setup(void **state)
{
	struct world *w = mem_new(struct world);

	memcpy(w->dir, "/tmp/socket-XXXXXX", sizeof "/tmp/socket-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof w->path, "%s/s", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	(void)unlink(w->path);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void the_mode_is_exact_whatever_the_umask(void **state)
{
	static const mode_t modes[] = { 0600, 0660, 0666 }, masks[] = { 0, 022, 077, 0777 };
	struct world *w = *state;

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 4; k++) {
			_cleanup_close_ int fd = -1;
			mode_t before = umask(masks[k]);
			struct stat st;

			assert_int_equal(socket_listen(w->path, modes[i], &fd, NULL), 0);
			(void)umask(before);
			assert_int_equal(lstat(w->path, &st), 0);
			assert_int_equal(st.st_mode & 07777, modes[i]);
			assert_int_equal(unlink(w->path), 0);
		}
}

static void one_in_use_stays_and_a_stale_one_is_replaced(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int fd = -1, again = -1;
	struct err err = ERR_INIT;

	assert_int_equal(socket_listen(w->path, 0600, &fd, &err), 0);
	assert_int_equal(socket_listener(w->path), getpid());
	assert_int_equal(socket_listen(w->path, 0600, &again, &err), -ERR_EXISTS);
	(void)close(TAKE_FD(fd));
	assert_int_equal(socket_listener(w->path), 0);
	assert_int_equal(socket_listen(w->path, 0600, &again, &err), 0);
}

static void what_is_no_socket_is_never_removed(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	FILE *f = fopen(w->path, "we");
	int fd = -1;

	assert_non_null(f);
	(void)fclose(f);
	assert_int_equal(socket_listen(w->path, 0600, &fd, &err), -ERR_EXISTS);
	assert_int_equal(access(w->path, F_OK), 0);
}

static void paths_that_are_none(void **state)
{
	struct world *w = *state;
	char path[200];
	int fd = -1;

	memset(path, 'x', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	assert_int_equal(socket_dial(path, &fd, NULL), -ERR_INVALID);
	assert_int_equal(socket_listen(path, 0600, &fd, NULL), -ERR_INVALID);
	assert_int_equal(socket_dial("", &fd, NULL), -ERR_INVALID);
	assert_int_equal(socket_dial(w->path, &fd, NULL), -ERR_NOT_FOUND);
	path[sizeof(((struct sockaddr_un *)0)->sun_path)] = '\0';
	assert_int_equal(socket_dial(path, &fd, NULL), -ERR_INVALID); /* no room for the NUL */
}

static void a_peer_has_a_uid(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int lfd = -1, fd = -1;
	uid_t uid = 12345;

	assert_int_equal(socket_listen(w->path, 0600, &lfd, NULL), 0);
	assert_int_equal(socket_dial(w->path, &fd, NULL), 0);
	assert_true(socket_peer_uid(fd, &uid));
	assert_int_equal(uid, geteuid());
	assert_false(socket_peer_uid(-1, &uid));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("socket", T(the_mode_is_exact_whatever_the_umask), T(one_in_use_stays_and_a_stale_one_is_replaced),
	  T(what_is_no_socket_is_never_removed), T(paths_that_are_none), T(a_peer_has_a_uid))
