#include "process.h"
#include "clock.h"
#include "test.h"
#include "test-folder.h"
#include <fcntl.h>
#include <string.h>

static void put(const struct test_folder *f, const char *name, const char *text, size_t n)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", f->dir, name);

	assert_int_equal(file_write(path, text, n, 0600, NULL), 0);
}

static int read_it(const struct test_folder *f, struct process *ret)
{
	_cleanup_close_ int dirfd = open(f->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return process_read(dirfd, 42, ret, NULL);
}

#define BEHIND " S 7 42 40 34816 42 4194304 1 2 3 4 250 50 5 6 20 -5 3 0 100 8192 2 18446744073709551615 1 1\n"

/* The name is the process's own: it ends at the last parenthesis, whatever stands in it. */
static void fields(void **state)
{
	const struct test_folder *f = *state;
	static const char stat[] = "42 (a) R 1 1 \n(b)" BEHIND, args[] = "a\0b c\0\0";
	_cleanup_(process_done) struct process p = { 0 };
	const int64_t tick = NSEC_PER_SEC / sysconf(_SC_CLK_TCK);

	put(f, "stat", stat, sizeof stat - 1);
	put(f, "status", "Name:\ta\nUid:\t1000\t1001\t1002\t1003\n", 34);
	put(f, "cmdline", args, sizeof args - 1);
	assert_int_equal(read_it(f, &p), 0);
	assert_string_equal(p.name, "a) R 1 1 \n(b");
	assert_string_equal(p.args, "a b c");
	assert_int_equal(p.pid, 42);
	assert_int_equal(p.parent, 7);
	assert_int_equal(p.group, 42);
	assert_int_equal(p.session, 40);
	assert_int_equal(p.terminal, 34816);
	assert_int_equal(p.foreground, 42);
	assert_int_equal(p.uid, 1001);
	assert_int_equal(p.state, 'S');
	assert_int_equal(p.time, 300 * tick);
	assert_int_equal(p.nice, -5);
	assert_int_equal(p.threads, 3);
	assert_int_equal(p.size, 8192);
	assert_int_equal(p.resident, 2 * sysconf(_SC_PAGESIZE));
	assert_true(p.started < clock_wall());
	put(f, "status", "Name:\ta\nUid:\t1000\t1001\t1002\t1003\nVmRSS:\t    1376 kB\n", 52);
	process_done(&p);
	assert_int_equal(read_it(f, &p), 0);
	assert_int_equal(p.resident, 1376 << 10); /* as ps has it */
}

static void not_whole(void **state)
{
	const struct test_folder *f = *state;
	static const char *const texts[] = { "", "42", "42 (a", ") 42 (", "42 (a) S 1 2\n" };
	struct process p;

	put(f, "status", "Uid:\t1\t1\n", 9);
	assert_int_equal(read_it(f, &p), -ERR_NOT_FOUND);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		put(f, "stat", texts[i], strlen(texts[i]));
		assert_int_equal(read_it(f, &p), -ERR_DATA_LOSS);
	}
	put(f, "stat", "42 (a)" BEHIND, 6 + sizeof BEHIND - 1);
	assert_int_equal(read_it(f, &p), -ERR_DATA_LOSS); /* its first line has no user */
}

static void ourselves(void **state)
{
	const int64_t now = clock_wall();

	(void)state;
	assert_true(process_started(getpid()) <= now + NSEC_PER_SEC / 50 && process_started(getpid()) > now - 3600 * NSEC_PER_SEC);
	assert_int_equal(process_started(0), 0);
	assert_int_equal(process_started(-1), 0);
}

static int setup(void **state)
{
	*state = test_folder_new("process", "");
	return 0;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, test_folder_teardown)
RUN_TESTS("process", CASE(fields), CASE(not_whole), cmocka_unit_test(ourselves))
