#include "test.h"
#include "freeze-note.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/davit-test-freeze-XXXXXX";
static int fd = -1;

static int setup(void **state)
{
	(void)state;
	fd = mkostemp(path, O_CLOEXEC);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(fd);
	return unlink(path);
}

static void is_read_as_it_was_noted(void **state)
{
	_cleanup_free_ char *task = NULL;
	pid_t pid = 0;

	(void)state;
	assert_false(freeze_is_noted(fd) || freeze_read(path, &task, &pid));
	assert_int_equal(freeze_note(fd, "a-rather-long-one", 4711), 0);
	assert_int_equal(freeze_note(fd, "web-1", 12), 0);
	assert_true(freeze_is_noted(fd) && freeze_read(path, &task, &pid));
	assert_string_equal(task, "web-1");
	assert_int_equal(pid, 12);
	freeze_forget(fd);
	free(TAKE_PTR(task));
	assert_false(freeze_is_noted(fd) || freeze_read(path, &task, &pid));
}

/* One that is not whole says nothing. */
static void others_are_none(void **state)
{
	static const char *const rows[] = { "removing\n",
					    "frozen",
					    "frozen 12 web",
					    "frozen x web\n",
					    "frozen 0 web\n",
					    "frozen 12\n",
					    "frozen 99999999999 web\n",
					    "12 34\n" };
	char *task = NULL;
	pid_t pid = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		freeze_forget(fd);
		assert_int_equal(pwrite(fd, rows[i], strlen(rows[i]), 0), strlen(rows[i]));
		assert_false(freeze_read(path, &task, &pid));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(is_read_as_it_was_noted), cmocka_unit_test(others_are_none) };

	return cmocka_run_group_tests_name("freeze-note", tests, setup, teardown);
}
