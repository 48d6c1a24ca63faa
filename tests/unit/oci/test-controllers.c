/* Against folders that look like hosts of every kind. */
#include "test.h"
#include "controllers.h"
#include "host-folder.h"

#define V1 "/sys/fs/cgroup"
#define ROW(name, rest) name "\t" rest "\n"
#define HEAD "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"

static const char *const v1[][2] = {
	{ "/proc/cgroups", HEAD ROW("cpuset", "3\t9\t1") ROW("cpu", "1\t9\t1") ROW("memory", "0\t9\t0") ROW("hugetlb", "0\t1\t1") },
	{ V1 "/cpu/cgroup.procs", "" },
	{ V1 "/cpu/cpu.shares", "" },
	{ V1 "/hugetlb/", "" }, /* a folder that nothing is mounted on */
	{ V1 "/blkio/cgroup.procs", "" },
	{ V1 "/blkio/blkio.throttle.read_bps_device", "" },
	{ V1 "/blkio/job/cgroup.procs", "" },
	{ V1 "/blkio/job/blkio.bfq.weight", "" },
	{ V1 "/unified/cgroup.controllers", "io\n" }, /* what it has is not the engines' to use */
	{ NULL, NULL },
};
static const char *const v2[][2] = {
	{ "/proc/cgroups", HEAD ROW("cpu", "0\t9\t1") ROW("cpuset", "4\t9\t1") ROW("memory", "0\t9\t0") },
	{ V1 "/cgroup.controllers", "cpu io pids\n" },
	{ V1 "/a/cgroup.procs", "" },
	{ V1 "/a/cgroup.controllers", "cpu pids\n" },
	{ V1 "/b/cgroup.procs", "" },
	{ V1 "/b/cgroup.controllers", "cpu io pids\n" },
	{ V1 "/b/io.max", "" },
	{ NULL, NULL },
};
static const char *const bare[][2] = { { V1 "/cgroup.controllers", "io\n" }, { NULL, NULL } };

static const struct {
	const char *const (*files)[2];
	const char *controller, *hint; /* NULL: it is there */
} needs[] = {
	{ v1, "cpu", NULL },
	{ v1, "blkio", NULL },
	{ v1, "io", "its kernel is without it: leave out limit" },
	{ v1, "cp", "its kernel is without it: leave out limit" },
	{ v1, "memory", "it is switched off: add cgroup_enable=memory to the kernel's command line, and reboot" },
	{ v1, "hugetlb", "mkdir -p /sys/fs/cgroup/hugetlb && mount -t cgroup -o hugetlb cgroup /sys/fs/cgroup/hugetlb" },
	{ v2, "cpu", NULL },
	{ v2, "io", NULL },
	{ v2, "blkio", "its kernel is without it: leave out limit" },
	{ v2, "cpuset", "a hierarchy of cgroup version 1 has it: unmount that one, or leave out limit" },
	{ v2, "memory", "it is switched off: add cgroup_enable=memory to the kernel's command line, and reboot" },
	{ bare, "cpu", "its kernel is without it: leave out limit" },
};

static void says_what_is_missing_and_what_brings_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
		void *f = host_folder(needs[i].files);
		const char *root = ((struct test_folder *)f)->dir;
		struct err err = ERR_INIT;
		_cleanup_free_ char *msg = mem_printf("limit: this host has no cgroup controller \"%s\"", needs[i].controller);
		const int r = controllers_need(root, needs[i].controller, "limit", &err);

		assert_int_equal(r, needs[i].hint ? -ERR_PRECONDITION : 0);
		assert_int_equal(controllers_have(root, needs[i].controller), r == 0);
		if (needs[i].hint) {
			assert_string_equal(err.msg, msg);
			assert_string_equal(err.hint, needs[i].hint);
		}
		test_folder_teardown(&f);
	}
}

static const struct {
	const char *const (*files)[2];
	const char *controller, *names;
	enum controllers_answer answer;
} looks[] = {
	{ v1, "cpu", "cpu.shares", CONTROLLERS_YES },
	{ v1, "cpu", "cpu.cfs_quota_us", CONTROLLERS_UNSEEN }, /* there is no cgroup to look at but the root */
	{ v1, "blkio", "blkio.throttle.read_bps_device", CONTROLLERS_YES },
	{ v1, "blkio", "blkio.weight blkio.bfq.weight", CONTROLLERS_YES },
	{ v1, "blkio", "blkio.weight", CONTROLLERS_NO },
	{ v1, "pids", "pids.max", CONTROLLERS_UNSEEN },
	{ v2, "io", "io.max", CONTROLLERS_YES },
	{ v2, "io", "io.weight io.bfq.weight", CONTROLLERS_NO }, /* a cgroup without the controller is no answer */
	{ bare, "io", "io.max", CONTROLLERS_UNSEEN },
};

static void knows_files_that_only_jobs_have(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
		void *f = host_folder(looks[i].files);

		if (controllers_file(((struct test_folder *)f)->dir, looks[i].controller, looks[i].names) != looks[i].answer)
			fail_msg("%s of %s", looks[i].names, looks[i].controller);
		test_folder_teardown(&f);
	}
}

static void tells_the_versions(void **state)
{
	const struct {
		const char *const (*files)[2];
		bool is;
	} hosts[] = { { v1, false }, { v2, true }, { bare, true } };

	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		void *f = host_folder(hosts[i].files);

		assert_int_equal(controllers_v2(((struct test_folder *)f)->dir), hosts[i].is);
		test_folder_teardown(&f);
	}
}

RUN_TESTS("controllers", cmocka_unit_test(says_what_is_missing_and_what_brings_it),
	  cmocka_unit_test(knows_files_that_only_jobs_have), cmocka_unit_test(tells_the_versions))
