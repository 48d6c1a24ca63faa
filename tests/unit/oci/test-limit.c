/* Every limit of a task on hosts of every kind: what the spec says, or which controller is missing. */
#include "test.h"
#include "host-folder.h"
#include "limit.h"
#include "spec.h"
#include <sys/stat.h>

#define CG "/sys/fs/cgroup"
#define POOLS "/sys/kernel/mm/hugepages"
static const char *const v1[][2] = {
	{ CG "/cpu/cgroup.procs", "" },
	{ CG "/cpu/cpu.cfs_quota_us", "" },
	{ CG "/cpu/cpu.cfs_period_us", "" },
	{ CG "/cpuset/cgroup.procs", "" },
	{ CG "/cpuset/cpuset.cpus", "0-2,4\n" },
	{ CG "/cpuset/cpuset.mems", "0\n" },
	{ CG "/memory/cgroup.procs", "" },
	{ CG "/memory/memory.memsw.limit_in_bytes", "" },
	{ CG "/memory/memory.swappiness", "" },
	{ CG "/pids/cgroup.procs", "" },
	{ CG "/blkio/cgroup.procs", "" },
	{ CG "/blkio/blkio.weight", "" },
	{ CG "/blkio/blkio.weight_device", "" },
	{ CG "/blkio/blkio.throttle.read_bps_device", "" },
	{ CG "/blkio/blkio.throttle.write_bps_device", "" },
	{ CG "/blkio/blkio.throttle.read_iops_device", "" },
	{ CG "/blkio/blkio.throttle.write_iops_device", "" },
	{ CG "/hugetlb/cgroup.procs", "" },
	{ POOLS "/hugepages-2048kB/", "" },
	{ POOLS "/hugepages-1048576kB/", "" },
	{ POOLS "/hugepages-64kB/", "" },
	{ NULL, NULL },
};
/* Each controller, but no file of it that is not always there. */
static const char *const poor[][2] = {
	{ CG "/cpu/a/cgroup.procs", "" },    { CG "/cpu/cgroup.procs", "" },
	{ CG "/memory/a/cgroup.procs", "" }, { CG "/memory/cgroup.procs", "" },
	{ CG "/blkio/a/cgroup.procs", "" },  { CG "/blkio/cgroup.procs", "" },
	{ CG "/hugetlb/cgroup.procs", "" },  { NULL, NULL },
};
static const char *const none[][2] = { { CG "/", "" }, { NULL, NULL } };
static const char *const v2[][2] = {
	{ CG "/cgroup.controllers", "cpu cpuset io memory pids hugetlb\n" },
	{ CG "/cpuset.cpus.effective", "0-3\n" },
	{ CG "/cpuset.mems.effective", "0\n" },
	{ CG "/a/cgroup.procs", "" },
	{ CG "/a/cgroup.controllers", "cpu io memory\n" },
	{ CG "/a/cpu.max", "" },
	{ CG "/a/io.max", "" },
	{ CG "/a/io.weight", "" },
	{ CG "/a/memory.swap.max", "" },
	{ POOLS "/hugepages-2048kB/", "" },
	{ NULL, NULL },
};

static void blk(struct blkio **v, size_t *n, const char *path, int64_t rate)
{
	*v = mem_new(struct blkio);
	**v = (struct blkio){ mem_strdup(path), rate };
	*n = 1;
}

static char device[64], numbers[64]; /* a block device of this machine, and what the spec has of it */

static void set_memory(struct task *t) { t->memory = 64 << 20; }
static void set_swap(struct task *t) { t->memory_swap = 2 * (t->memory = 64 << 20); }
static void set_no_swap_limit(struct task *t) { t->memory = 64 << 20, t->memory_swap = -1; }
static void set_reservation(struct task *t) { t->memory_reservation = 32 << 20; }
static void set_swappiness(struct task *t) { t->memory_swappiness = 0; }
static void set_cpus(struct task *t) { t->cpus = 0.5; }
static void set_quota(struct task *t) { t->cpu_quota = 20000; }
static void set_period(struct task *t) { t->cpu_quota = 20000, t->cpu_period = 50000; }
static void set_period_alone(struct task *t) { t->cpu_period = 50000; }
static void set_shares(struct task *t) { t->cpu_shares = 512; }
static void set_cpuset(struct task *t) { t->cpuset_cpus = mem_strdup("0-1,2"); }
static void set_cpuset_more(struct task *t) { t->cpuset_cpus = mem_strdup("1,3-4"); }
static void set_mems(struct task *t) { t->cpuset_mems = mem_strdup("0"); }
static void set_mems_more(struct task *t) { t->cpuset_mems = mem_strdup("0-1"); }
static void set_pids(struct task *t) { t->pids_limit = 9; }
static void set_weight(struct task *t) { t->blkio_weight = 300; }
static void set_weight_device(struct task *t) { blk(&t->blkio_weights, &t->n_blkio_weights, device, 200); }
static void set_read_bps(struct task *t) { blk(&t->read_bps, &t->n_read_bps, device, 1); }
static void set_write_bps(struct task *t) { blk(&t->write_bps, &t->n_write_bps, device, 2); }
static void set_read_iops(struct task *t) { blk(&t->read_iops, &t->n_read_iops, device, 3); }
static void set_write_iops(struct task *t) { blk(&t->write_iops, &t->n_write_iops, device, 4); }
static void set_no_device(struct task *t) { blk(&t->read_bps, &t->n_read_bps, "/dev/null", 1); }
static void set_absent_device(struct task *t) { blk(&t->write_iops, &t->n_write_iops, "/dev/not/there", 1); }

static void pages(struct task *t, const char *size)
{
	t->hugepages = mem_new(struct hugepages);
	*t->hugepages = (struct hugepages){ mem_strdup(size), 4 << 20 };
	t->n_hugepages = 1;
}
static void set_hugepages(struct task *t) { pages(t, "2MB"); }
static void set_gigantic(struct task *t) { pages(t, "1GB"); }
static void set_odd_pages(struct task *t) { pages(t, "3MB"); }

typedef const char *const (*host_files)[2];
static const struct {
	void (*set)(struct task *);
	host_files host;
	const char *says; /* a part of linux.resources, %s: the device's numbers; or the error */
	const char *hint; /* NULL: no error */
} cases[] = {
	{ set_memory, v1, "\"memory\":{\"limit\":67108864,\"swap\":134217728}", NULL },
	{ set_memory, v2, "\"memory\":{\"limit\":67108864,\"swap\":134217728}", NULL },
	{ set_memory, poor, "\"memory\":{\"limit\":67108864}", NULL }, /* which does not count swap */
	{ set_memory, none, "memory: this host has no cgroup controller \"memory\"", "its kernel is without it: leave out memory" },
	{ set_swap, v1, "\"memory\":{\"limit\":67108864,\"swap\":134217728}", NULL },
	{ set_swap, poor, "memory-swap: the cgroup controller \"memory\" of this host has no memory.memsw.limit_in_bytes",
	  "add swapaccount=1 to the kernel's command line, and reboot" },
	{ set_no_swap_limit, v2, "\"memory\":{\"limit\":67108864,\"swap\":-1}", NULL },
	{ set_no_swap_limit, poor, "\"memory\":{\"limit\":67108864}", NULL },
	{ set_reservation, v1, "\"memory\":{\"reservation\":33554432}", NULL },
	{ set_reservation, none, "memory-reservation: this host has no cgroup controller \"memory\"",
	  "its kernel is without it: leave out memory-reservation" },
	{ set_swappiness, v1, "\"memory\":{\"swappiness\":0}", NULL },
	{ set_swappiness, v2, "memory-swappiness: the cgroup controller \"memory\" of version 2 has no such limit",
	  "leave out memory-swappiness" },
	{ set_cpus, v1, "\"cpu\":{\"quota\":50000,\"period\":100000}", NULL },
	{ set_cpus, none, "cpus: this host has no cgroup controller \"cpu\"", "its kernel is without it: leave out cpus" },
	{ set_cpus, poor, "cpus: the cgroup controller \"cpu\" of this host has no cpu.cfs_quota_us",
	  "it takes a kernel with CONFIG_CFS_BANDWIDTH" },
	{ set_quota, v2, "\"cpu\":{\"quota\":20000}", NULL },
	{ set_quota, none, "cpu-quota: this host has no cgroup controller \"cpu\"",
	  "its kernel is without it: leave out cpu-quota" },
	{ set_period, v1, "\"cpu\":{\"quota\":20000,\"period\":50000}", NULL },
	{ set_period_alone, v1, "\"cpu\":{\"period\":50000}", NULL },
	{ set_period_alone, poor, "cpu-period: the cgroup controller \"cpu\" of this host has no cpu.cfs_period_us",
	  "it takes a kernel with CONFIG_CFS_BANDWIDTH" },
	{ set_shares, poor, "\"cpu\":{\"shares\":512}", NULL },
	{ set_shares, none, "cpu-shares: this host has no cgroup controller \"cpu\"",
	  "its kernel is without it: leave out cpu-shares" },
	{ set_cpuset, v1, "\"cpu\":{\"cpus\":\"0-1,2\"}", NULL },
	{ set_cpuset, none, "cpuset-cpus: this host has no cgroup controller \"cpuset\"",
	  "its kernel is without it: leave out cpuset-cpus" },
	{ set_cpuset_more, v2, "cpuset-cpus 1,3-4: the cgroup controller \"cpuset\" of this host has no such processor",
	  "it has 0-3" },
	{ set_cpuset_more, v1, "cpuset-cpus 1,3-4: the cgroup controller \"cpuset\" of this host has no such processor",
	  "it has 0-2,4" },
	{ set_mems, v2, "\"cpu\":{\"mems\":\"0\"}", NULL },
	{ set_mems_more, v1, "cpuset-mems 0-1: the cgroup controller \"cpuset\" of this host has no such memory node", "it has 0" },
	{ set_mems, poor, "cpuset-mems: this host has no cgroup controller \"cpuset\"",
	  "its kernel is without it: leave out cpuset-mems" },
	{ set_pids, v1, "\"pids\":{\"limit\":9}", NULL },
	{ set_pids, poor, "pids-limit: this host has no cgroup controller \"pids\"",
	  "its kernel is without it: leave out pids-limit" },
	{ set_weight, v1, "\"blockIO\":{\"weight\":300}", NULL },
	{ set_weight, v2, "\"blockIO\":{\"weight\":300}", NULL },
	{ set_weight, poor, "blkio-weight: the cgroup controller \"blkio\" of this host has no blkio.weight", "modprobe bfq" },
	{ set_weight, none, "blkio-weight: this host has no cgroup controller \"blkio\"",
	  "its kernel is without it: leave out blkio-weight" },
	{ set_weight_device, v1, "\"blockIO\":{\"weightDevice\":[{%s,\"weight\":200}]}", NULL },
	{ set_weight_device, v2, "blkio-weight-device: the cgroup controller \"io\" of this host has no io.bfq.weight",
	  "modprobe bfq" },
	{ set_weight_device, poor, "blkio-weight-device: the cgroup controller \"blkio\" of this host has no blkio.weight_device",
	  "modprobe bfq" },
	{ set_read_bps, v1, "\"blockIO\":{\"throttleReadBpsDevice\":[{%s,\"rate\":1}]}", NULL },
	{ set_write_bps, v2, "\"blockIO\":{\"throttleWriteBpsDevice\":[{%s,\"rate\":2}]}", NULL },
	{ set_read_iops, v1, "\"blockIO\":{\"throttleReadIOPSDevice\":[{%s,\"rate\":3}]}", NULL },
	{ set_write_iops, v1, "\"blockIO\":{\"throttleWriteIOPSDevice\":[{%s,\"rate\":4}]}", NULL },
	{ set_read_bps, poor, "device-read-bps: the cgroup controller \"blkio\" of this host has no blkio.throttle.read_bps_device",
	  "it takes a kernel with CONFIG_BLK_DEV_THROTTLING" },
	{ set_write_bps, none, "device-write-bps: this host has no cgroup controller \"blkio\"",
	  "its kernel is without it: leave out device-write-bps" },
	{ set_read_iops, none, "device-read-iops: this host has no cgroup controller \"blkio\"",
	  "its kernel is without it: leave out device-read-iops" },
	{ set_write_iops, none, "device-write-iops: this host has no cgroup controller \"blkio\"",
	  "its kernel is without it: leave out device-write-iops" },
	{ set_no_device, v1, "device-read-bps /dev/null: not a block device", "lsblk -p lists them" },
	{ set_absent_device, v1, "device-write-iops /dev/not/there: No such file or directory", "" },
	{ set_hugepages, v1, "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]", NULL },
	{ set_gigantic, v1, "\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":4194304}]", NULL },
	{ set_gigantic, v2, "hugepages 1GB: this host has no pages of that size", "it has 2MB" },
	{ set_odd_pages, v2, "hugepages 3MB: this host has no pages of that size", "it has 2MB" },
	{ set_hugepages, poor, "hugepages 2MB: this host has no pages of that size",
	  "its kernel has no huge pages: leave out hugepages" },
	{ set_hugepages, none, "hugepages: this host has no cgroup controller \"hugetlb\"",
	  "its kernel is without it: leave out hugepages" },
};

/* The resources of a job with one limit, or "". */
static char *resources(const char *root, void (*set)(struct task *), bool vm, struct err *err)
{
	_cleanup_(job_freep) struct job *job = job_new();
	_cleanup_(image_config_done) struct image_config image = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	struct user user = { 0 };
	const struct spec_in in = {
		.job = job, .task = job->tasks, .image = &image, .user = &user, .id = "i", .ns = "n", .host_root = root, .vm = vm
	};
	const char *from, *to;

	job->tasks[0].image = mem_strdup("img");
	strv_push(&image.cmd, "true");
	set(job->tasks);
	if (spec_build(&in, &b, err) < 0)
		return mem_strdup("");
	from = strstr(b.data, "\"resources\":");
	to = strstr(from, "\"seccomp\":");
	return mem_strndup(from, (size_t)(to - from));
}

static void find_device(void)
{
	struct stat st;
	FILE *f = fopen("/proc/partitions", "re");
	unsigned major, minor;
	char name[32], line[256];

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%u %u %*u %31s", &major, &minor, name) != 3)
			continue;
		(void)snprintf(device, sizeof device, "/dev/%s", name);
		if (stat(device, &st) == 0 && S_ISBLK(st.st_mode))
			break;
		*device = '\0';
	}
	if (f)
		(void)fclose(f);
	(void)snprintf(numbers, sizeof numbers, "\"major\":%u,\"minor\":%u", major, minor);
}

static char *with_numbers(const char *s)
{
	const char *at = strstr(s, "%s");

	return at ? mem_printf("%.*s%s%s", (int)(at - s), s, numbers, at + 2) : mem_strdup(s);
}

static void each_is_held_or_names_its_controller(void **state)
{
	(void)state;
	find_device();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *f = host_folder(cases[i].host);
		_cleanup_free_ char *made = NULL, *want = with_numbers(cases[i].says);
		struct err err = ERR_INIT;

		if (strstr(cases[i].says, "%s") && !*device) {
			test_folder_teardown(&f);
			continue; /* a machine without any disk */
		}
		made = resources(((struct test_folder *)f)->dir, cases[i].set, false, &err);
		if (!cases[i].hint) {
			if (!strstr(made, want))
				fail_msg("case %zu: %s %s, not %s", i, made, err.msg, want);
		} else {
			assert_string_equal(made, "");
			assert_string_equal(err.msg, cases[i].says);
			assert_string_equal(err.hint, cases[i].hint);
		}
		test_folder_teardown(&f);
	}
}

/* Another scheduler than BFQ weighs no single devices. */
static void weights_want_their_scheduler(void **state)
{
	static const struct {
		const char *text, *says;
	} schedulers[] = {
		{ "mq-deadline kyber [bfq] none\n", "\"weightDevice\":[{" },
		{ "[none] mq-deadline bfq\n", "" },
	};
	void *f = host_folder(v1);
	const char *root = ((struct test_folder *)f)->dir;
	unsigned major = 0, minor = 0;

	(void)state;
	find_device();
	for (size_t i = 0; *device && i < sizeof schedulers / sizeof *schedulers; i++) {
		_cleanup_free_ char *folder = NULL, *file = NULL, *made = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(sscanf(numbers, "\"major\":%u,\"minor\":%u", &major, &minor), 2);
		folder = mem_printf("%s/sys/dev/block/%u:%u/queue", root, major, minor);
		file = mem_printf("%s/scheduler", folder);
		assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
		assert_int_equal(file_write(file, schedulers[i].text, strlen(schedulers[i].text), 0644, NULL), 0);
		made = resources(root, set_weight_device, false, &err);
		if (*schedulers[i].says)
			assert_non_null(strstr(made, schedulers[i].says));
		else
			assert_non_null(
				strstr(err.msg, "the cgroup controller \"blkio\" weighs single devices with the scheduler bfq"));
	}
	test_folder_teardown(&f);
}

static void knows_files_in_what_engines_say(void **state)
{
	static const struct {
		const char *text, *controller;
	} words[] = {
		{ "opening file `blkio.weight` for writing: No such file or directory", "blkio" },
		{ "openat2 /sys/fs/cgroup/davit/x/io.max: no such file or directory", "io" },
		{ "failed to write 1: write /sys/fs/cgroup/cpu/davit/x/cpu.cfs_quota_us: invalid argument", "cpu" },
		{ "write to /sys/fs/cgroup/cpuset/x/cpuset.cpus: Permission denied", "cpuset" },
		{ "hugetlb.2MB.max: x", "hugetlb" },
		{ "exec: \"myio.max\": executable file not found", NULL },
		{ "stat /etc/cpu.conf: no such file", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const char *found = limit_controller_in(words[i].text);

		if (!words[i].controller)
			assert_null(found);
		else
			assert_string_equal(found, words[i].controller);
	}
}

/* What the host lacks is none of a guest's business. */
static void a_guest_has_all(void **state)
{
	void *f = host_folder(none);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_free_ char *made = NULL;
		struct err err = ERR_INIT;

		if (cases[i].set == set_no_device || cases[i].set == set_absent_device || strstr(cases[i].says, "%s"))
			continue;
		made = resources(((struct test_folder *)f)->dir, cases[i].set, true, &err);
		if (!*made)
			fail_msg("case %zu: %s", i, err.msg);
	}
	test_folder_teardown(&f);
}

RUN_TESTS("limit", cmocka_unit_test(each_is_held_or_names_its_controller), cmocka_unit_test(a_guest_has_all),
	  cmocka_unit_test(weights_want_their_scheduler), cmocka_unit_test(knows_files_in_what_engines_say))
