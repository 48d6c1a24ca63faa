#include "test.h"
#include "fifos.h"
#include "file.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[32];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/davit-fifos-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(folder, NULL);
}

/* The shim's end: what would wait for a reader fails. */
static int open_to_write(const char *path) { return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC); }

static void what_a_dead_reader_has_left(void **state)
{
	_cleanup_free_ char *dir = mem_printf("%s/exec", folder);
	struct fifos f;
	int fds[3], held[2], fd;

	(void)state;
	assert_int_equal(fifos_make(&f, dir, false, false, fds, NULL), 0);
	assert_int_equal(close(fds[1]) | close(fds[2]), 0); /* as its end does */
	for (int i = 1; i < 3; i++) {
		assert_int_equal(open_to_write(f.path[i]), -1);
		assert_int_equal(errno, ENXIO);
	}
	fifos_hold(dir, held);
	for (int i = 1; i < 3; i++) {
		fd = open_to_write(f.path[i]);
		assert_true(fd >= 0);
		assert_int_equal(close(fd), 0);
	}
	assert_int_equal(close(held[0]) | close(held[1]), 0);
	fifos_remove(&f);
}

static void where_there_is_none(void **state)
{
	_cleanup_free_ char *dir = mem_printf("%s/exec", folder), *link = mem_printf("%s/exec/stderr", folder);
	struct fifos f;
	int fds[3], held[2];

	(void)state;
	fifos_hold(dir, held);
	assert_true(held[0] == -1 && held[1] == -1);
	assert_int_equal(fifos_make(&f, dir, false, true, fds, NULL), 0); /* a terminal has one */
	assert_int_equal(symlink("stdout", link), 0);
	fifos_hold(dir, held);
	assert_true(held[0] >= 0 && held[1] == -1); /* a link is not followed */
	assert_int_equal(close(held[0]) | close(fds[1]), 0);
	fifos_remove(&f);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("fifos", CASE(what_a_dead_reader_has_left), CASE(where_there_is_none))
