/* A shim that has run thousands of processes is as it was: no descriptor, no memory, no child more. SHIM_EXECS=10000 in the
 * environment: so many. */
#include "rig.h"
#include "file.h"
#include "mem.h"
#include <dirent.h>
#include <stdlib.h>

enum {
	WARM = 500, /* until what is kept is there */
	EXECS = 2000,
	GROWN_KB = 512, /* what the allocator may need more of, and the sanitizer's own lists: half a page for ten execs */
};

static int count_fds(pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static long status_kb(pid_t pid, const char *key)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/status", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };
	const char *at;

	assert_int_equal(file_read(path, 64 << 10, &text, NULL), 0);
	at = strstr(buf_str(&text), key);
	assert_non_null(at);
	return strtol(at + strlen(key), NULL, 10);
}

static void one_exec(struct rig *r, int i)
{
	_cleanup_free_ char *id = mem_printf("e%d", i);

	assert_int_equal(rig_exec(r, "c", id, "\"exit\", \"0\""), 0);
	assert_true(rig_start(r, "c", id) > 1);
	assert_int_equal(rig_wait(r, "c", id), 0);
	assert_int_equal(rig_delete(r, "c", id), 0);
	if (i % 100 == 0)
		rig_forget(r);
}

static void test_execs(void **state)
{
	const char *given = getenv("SHIM_EXECS");
	const int n = given ? (int)strtol(given, NULL, 10) : EXECS;
	struct rig *r = *state;
	long before, after;
	int fds;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	for (int i = 0; i < WARM; i++)
		one_exec(r, i);
	rig_pause(r, 50);
	before = status_kb(r->shim, "VmRSS:");
	fds = count_fds(r->shim);
	for (int i = WARM; i < n; i++)
		one_exec(r, i);
	rig_pause(r, 50);
	after = status_kb(r->shim, "VmRSS:");
	print_message("%d execs: %ld KiB before, %ld KiB after, %d descriptors\n", n - WARM, before, after, fds);
	assert_int_equal(count_fds(r->shim), fds);
	assert_true(after - before < GROWN_KB);
}

int main(void)
{
	const struct CMUnitTest tests[] = { RIG_TEST(test_execs) };

	/* What is freed is to be used again, not kept to be looked at. */
	(void)setenv("ASAN_OPTIONS", "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:detect_leaks=0", 1);
	return rig_main("shim-steady", tests, 1);
}
