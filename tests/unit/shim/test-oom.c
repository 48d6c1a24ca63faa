#include "oom.h"
#include "test.h"
#include "test-folder.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
	struct test_folder *f;
	struct loop *loop;
	struct cgroup_of cgroup;
	struct oom oom;
	int told;
};

static void on_kill(void *arg) { ((struct fixture *)arg)->told++; }

/* In place: who has it open sees it. */
static void put(const struct fixture *x, const char *name, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s/%s", x->f->dir, name);
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static size_t open_files(void)
{
	_cleanup_(closedirp) DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	return n;
}

/* The kernel is told an eventfd and a file to look after, and tells the eventfd. */
static int ordered_eventfd(const struct fixture *x)
{
	_cleanup_free_ char *file = mem_printf("%s/cgroup.event_control", x->f->dir);
	_cleanup_buf_ struct buf text = { 0 };

	assert_int_equal(file_read(file, 64, &text, NULL), 0);
	assert_non_null(strchr(buf_str(&text), ' '));
	return (int)strtol(buf_str(&text), NULL, 10);
}

static void v1(void **state)
{
	struct fixture *x = *state;
	const uint64_t one = 1;
	int fd;

	put(x, "memory.oom_control", "");
	put(x, "cgroup.event_control", "");
	x->cgroup.v1[CGROUP_MEMORY] = mem_strdup(x->f->dir);
	oom_init(&x->oom, x->loop, &x->cgroup, on_kill, x);
	fd = ordered_eventfd(x);
	loop_poll(x->loop);
	assert_int_equal(x->told, 0);
	assert_int_equal(write(fd, &one, sizeof one), sizeof one);
	loop_poll(x->loop);
	assert_int_equal(x->told, 1);
	oom_poll(&x->oom);
	assert_int_equal(x->told, 1);
	assert_int_equal(write(fd, &one, sizeof one), sizeof one);
	oom_poll(&x->oom); /* before the loop comes to it */
	loop_poll(x->loop);
	assert_int_equal(x->told, 2);
}

/* The kernel tells the end of a cgroup in the same way. */
static void v1_goes(void **state)
{
	struct fixture *x = *state;
	const uint64_t one = 1;
	int fd;

	put(x, "memory.oom_control", "");
	put(x, "cgroup.event_control", "");
	x->cgroup.v1[CGROUP_MEMORY] = mem_strdup(x->f->dir);
	oom_init(&x->oom, x->loop, &x->cgroup, on_kill, x);
	fd = ordered_eventfd(x);
	assert_int_equal(file_remove_tree(x->f->dir, NULL), 0);
	assert_int_equal(write(fd, &one, sizeof one), sizeof one);
	loop_poll(x->loop);
	assert_int_equal(x->told, 0);
	assert_false(watch_on(&x->oom.watch));
	assert_int_equal(mkdir(x->f->dir, 0700), 0);
}

static void v2(void **state)
{
	struct fixture *x = *state;

	put(x, "memory.events", "low 0\nhigh 0\nmax 7\noom 5\noom_kill 3\noom_group_kill 0\n");
	x->cgroup.v2 = mem_strdup(x->f->dir);
	oom_init(&x->oom, x->loop, &x->cgroup, on_kill, x);
	oom_poll(&x->oom);
	assert_int_equal(x->told, 0); /* they were before */
	put(x, "memory.events", "low 0\nhigh 0\nmax 9\noom 6\noom_kill 3\noom_group_kill 0\n");
	oom_poll(&x->oom);
	assert_int_equal(x->told, 0);
	put(x, "memory.events", "low 0\nhigh 0\nmax 9\noom 6\noom_kill 5\noom_group_kill 0\n");
	oom_poll(&x->oom);
	oom_poll(&x->oom);
	assert_int_equal(x->told, 1);
}

static void nothing_to_look_at(void **state)
{
	struct fixture *x = *state;

	oom_init(&x->oom, x->loop, &x->cgroup, on_kill, x);
	oom_poll(&x->oom);
	x->cgroup.v1[CGROUP_MEMORY] = mem_strdup(x->f->dir); /* which has no such files */
	oom_init(&x->oom, x->loop, &x->cgroup, on_kill, x);
	oom_poll(&x->oom);
	oom_done(&x->oom);
	oom_done(&x->oom);
	assert_int_equal(x->told, 0);
}

static void leaves_no_descriptors(void **state)
{
	struct fixture *x = *state;
	size_t before;

	put(x, "memory.oom_control", "");
	put(x, "cgroup.event_control", "");
	x->cgroup.v1[CGROUP_MEMORY] = mem_strdup(x->f->dir);
	before = open_files();
	for (int i = 0; i < 100; i++) {
		oom_init(&x->oom, x->loop, &x->cgroup, on_kill, x);
		oom_done(&x->oom);
	}
	assert_int_equal(open_files(), before);
}

static int setup(void **state)
{
	struct fixture *x = mem_new(struct fixture);

	*x = (struct fixture){ .f = test_folder_new("oom", ""), .loop = loop_new() };
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	void *folder = x->f;

	oom_done(&x->oom);
	cgroup_of_done(&x->cgroup);
	loop_free(x->loop);
	free(x);
	return test_folder_teardown(&folder);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(v1), CASE(v1_goes), CASE(v2), CASE(nothing_to_look_at), CASE(leaves_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
