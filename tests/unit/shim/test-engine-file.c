#include "test.h"
#include "engine-file.h"
#include "buf.h"
#include "file.h"
#include "launch.h"
#include "reaper.h"
#include <fcntl.h>
#include <stdio.h>

static char dir[64], program[80];

static int setup(void **state)
{
	_cleanup_buf_ struct buf text = { 0 };

	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/davit-test-file-XXXXXX");
	if (!mkdtemp(dir) || file_read("/bin/true", 64 << 20, &text, NULL) < 0)
		return -1;
	(void)snprintf(program, sizeof program, "%s/crun", dir);
	return file_write(program, text.data, text.len, 0755, NULL);
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

static void nobody_writes_to_what_is_run(void **state)
{
	char name[] = "crun", *argv[] = { name, NULL }, path[64];
	int file = engine_file_open(program), fd;
	pid_t pid = 0;

	(void)state;
	if (!file && geteuid() != 0)
		skip();
	assert_true(file > 2);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	assert_int_equal(open(path, O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(launch(&(struct launch){ .path = path, .argv = argv }, &pid), 0);
	fd = reap_open(pid);
	assert_int_equal(reap_take(fd, true), 0);
	(void)close(fd);
	(void)close(file);
	file = open(program, O_WRONLY | O_CLOEXEC); /* as ever */
	assert_true(file >= 0);
	(void)close(file);
}

static void others_are_run_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(engine_file_open("/bin/true"), 0);
	assert_int_equal(engine_file_open("/absent/crun"), 0);
	assert_int_equal(file_write(program, "#!/bin/sh\n", 10, 0755, NULL), 0);
	assert_int_equal(engine_file_open(program), 0);
	assert_int_equal(file_write(program, "", 0, 0755, NULL), 0);
	assert_int_equal(engine_file_open(program), 0);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("engine-file", EACH(nobody_writes_to_what_is_run), EACH(others_are_run_as_they_are))
