/* What is told of made-up cgroups, field by field: by the numbers that containerd/cgroups gives the fields, read from the wire. */
#include "stats.h"
#include "metrics.pb-c.h"
#include "pb.h"
#include "test.h"
#include "test-folder.h"
#include <stdint.h>
#include <string.h>

struct made_up {
	const char *path, *text;
};

static void make_files(const struct test_folder *f, const struct made_up *files)
{
	for (; files->path; files++) {
		_cleanup_free_ char *file = mem_printf("%s%s", f->dir, files->path),
				    *folder = mem_strndup(file, (size_t)(strrchr(file, '/') - file));

		assert_int_equal(file_mkdirs(folder, 0700, NULL), 0);
		if (files->text)
			assert_int_equal(file_write(file, files->text, strlen(files->text), 0600, NULL), 0);
	}
}

static uint64_t varint(const uint8_t **at)
{
	uint64_t v = 0;

	for (unsigned shift = 0;; shift += 7) {
		const uint8_t b = *(*at)++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
}

struct found {
	const uint8_t *at;
	size_t len;      /* of bytes and messages */
	uint64_t number; /* of the rest */
};

/* The @index-th field @number of a message. */
static bool field(const uint8_t *at, size_t len, unsigned number, unsigned index, struct found *ret)
{
	for (const uint8_t *end = at + len; at < end;) {
		const uint64_t key = varint(&at);

		*ret = (struct found){ 0 };
		if ((key & 7) == 0)
			ret->number = varint(&at);
		else if ((key & 7) == 1)
			memcpy(&ret->number, at, 8);
		else
			ret->len = varint(&at);
		ret->at = at;
		at += (key & 7) == 1 ? 8 : ret->len;
		if (key >> 3 == number && !index--)
			return true;
	}
	return false;
}

/* @path: numbers, "4.37", of a repeated field with the element, "6.1[1].3". */
static bool field_at(const struct buf *msg, const char *path, struct found *ret)
{
	*ret = (struct found){ .at = (const uint8_t *)msg->data, .len = msg->len };
	while (*path) {
		char *end = NULL;
		const unsigned number = (unsigned)strtoul(path, &end, 10);
		const unsigned index = *end == '[' ? (unsigned)strtoul(end + 1, &end, 10) : 0;

		if (!field(ret->at, ret->len, number, index, ret))
			return false;
		path = end + strspn(end, "].");
	}
	return true;
}

static void says(const struct buf *msg, const char *path, uint64_t number)
{
	struct found f;

	if (!field_at(msg, path, &f))
		fail_msg("%s is missing", path);
	if (f.number != number)
		fail_msg("%s is %llu, not %llu", path, (unsigned long long)f.number, (unsigned long long)number);
}

static void says_text(const struct buf *msg, const char *path, const char *text)
{
	struct found f;

	if (!field_at(msg, path, &f))
		fail_msg("%s is missing", path);
	assert_int_equal(f.len, strlen(text));
	assert_memory_equal(f.at, text, f.len);
}

static void says_nothing(const struct buf *msg, const char *path)
{
	struct found f;

	if (field_at(msg, path, &f))
		fail_msg("%s is there", path);
}

/* Each field of the message and of those in it has been filled. */
static void all_is_filled(const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const char *at = (const char *)m + f->offset;
		const bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;

		if (repeated && !*(const size_t *)((const char *)m + f->quantifier_offset))
			fail_msg("%s.%s is empty", m->descriptor->name, f->name);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			assert_non_null(*(void *const *)at);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			all_is_filled(repeated ? **(ProtobufCMessage * *const *)at : *(ProtobufCMessage *const *)at);
		else if (f->type == PROTOBUF_C_TYPE_UINT64 && !repeated && !*(const uint64_t *)at)
			fail_msg("%s.%s is 0", m->descriptor->name, f->name);
	}
}

static void check_filled(const ProtobufCMessageDescriptor *type, const struct buf *msg)
{
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *m = NULL;

	assert_int_equal(pb_unpack(type, msg->data, msg->len, &a, &m, NULL), 0);
	all_is_filled(m);
}

static void take(const struct test_folder *f, struct buf *msg, const char *type)
{
	_cleanup_(cgroup_of_done) struct cgroup_of c = { 0 };
	const char *is = NULL;

	assert_int_equal(cgroup_of(f->dir, 7, &c, NULL), 0);
	assert_int_equal(stats_take(f->dir, &c, msg, &is, NULL), 0);
	assert_string_equal(is, type);
}

#define PAGES "/sys/kernel/mm/hugepages"
#define V2 "/sys/fs/cgroup/ns/a/"

static const struct made_up v2_files[] = {
	{ "/proc/7/cgroup", "0::/ns/a\n" },
	{ "/sys/fs/cgroup/cgroup.controllers", "cpu memory\n" },
	{ PAGES "/hugepages-2048kB/", NULL },
	{ PAGES "/hugepages-1048576kB/", NULL },
	{ PAGES "/hugepages-64kB/", NULL },
	{ V2 "pids.current", "3\n" },
	{ V2 "pids.max", "max\n" },
	{ V2 "cpu.stat", "usage_usec 201\nuser_usec 202\nsystem_usec 203\nnr_periods 204\nnr_throttled 205\nthrottled_usec 206\n"
			 "nr_bursts 208\nburst_usec 209\n" },
	{ V2 "cpu.pressure", "some avg10=0.50 avg60=1.25 avg300=2.00 total=71\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=72\n" },
	{ V2 "memory.stat",
	  "anon 401\nfile 402\nkernel_stack 403\npagetables 1\nslab 404\nsock 405\nshmem 406\nfile_mapped 407\nfile_dirty 408\n"
	  "file_writeback 409\nanon_thp 410\ninactive_anon 411\nactive_anon 412\ninactive_file 413\nactive_file 414\nunevictable "
	  "415\n"
	  "slab_reclaimable 416\nslab_unreclaimable 417\npgfault 418\npgmajfault 419\nworkingset_refault 420\nworkingset_activate "
	  "421\n"
	  "workingset_nodereclaim 422\npgrefill 423\npgscan 424\npgsteal 425\npgactivate 426\npgdeactivate 427\npglazyfree 428\n"
	  "pglazyfreed 429\nthp_fault_alloc 430\nthp_collapse_alloc 431\n" },
	{ V2 "memory.current", "432\n" },
	{ V2 "memory.max", "433\n" },
	{ V2 "memory.swap.current", "434\n" },
	{ V2 "memory.swap.max", "max\n" },
	{ V2 "memory.peak", "436\n" },
	{ V2 "memory.swap.peak", "437\n" },
	{ V2 "memory.pressure",
	  "some avg10=0.00 avg60=0.00 avg300=0.00 total=81\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=82\n" },
	{ V2 "memory.events", "low 801\nhigh 802\nmax 803\noom 804\noom_kill 805\noom_group_kill 9\n" },
	{ V2 "rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\n" },
	{ V2 "rdma.max", "mlx4_0 hca_handle=max hca_object=3000\n" },
	{ V2 "io.stat",
	  "8:16 rbytes=603 wbytes=604 rios=605 wios=606 dbytes=1 dios=2\n9:1\n254:16 rbytes=0 wbytes=1 rios=0 wios=1\n" },
	{ V2 "io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=61\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=62\n" },
	{ V2 "hugetlb.1GB.current", "1\n" },
	{ V2 "hugetlb.1GB.max", "max\n" },
	{ V2 "hugetlb.1GB.events", "max 1\n" },
	{ V2 "hugetlb.2MB.current", "701\n" },
	{ V2 "hugetlb.2MB.max", "702\n" },
	{ V2 "hugetlb.2MB.events", "max 704\n" },
	{ 0 },
};

static void v2(void **state)
{
	struct test_folder *f = *state;
	_cleanup_buf_ struct buf msg = { 0 };
	const double half = 0.5;
	uint64_t bits;

	make_files(f, v2_files);
	take(f, &msg, "io.containerd.cgroups.v2.Metrics");
	says(&msg, "1.1", 3);
	says(&msg, "1.2", UINT64_MAX);
	says(&msg, "2.1", 201);
	says(&msg, "2.2", 202);
	says(&msg, "2.3", 203);
	says(&msg, "2.4", 204);
	says(&msg, "2.5", 205);
	says(&msg, "2.6", 206);
	memcpy(&bits, &half, sizeof bits);
	says(&msg, "2.7.1.1", bits);
	says(&msg, "2.7.1.4", 71);
	says(&msg, "2.7.2.4", 72);
	says(&msg, "2.8", 208);
	says(&msg, "2.9", 209);
	for (unsigned i = 1; i <= 37; i++) {
		char path[16];

		(void)snprintf(path, sizeof path, "4.%u", i);
		says(&msg, path, i == 35 ? UINT64_MAX : 400 + i);
	}
	says(&msg, "4.38.1.4", 81);
	says_text(&msg, "5.1.1", "mlx4_0");
	says(&msg, "5.1.2", 2);
	says(&msg, "5.1.3", 2000);
	says(&msg, "5.2.2", UINT32_MAX);
	says(&msg, "5.2.3", 3000);
	says(&msg, "6.1.1", 8);
	says(&msg, "6.1.3", 603);
	says(&msg, "6.1.4", 604);
	says(&msg, "6.1.5", 605);
	says(&msg, "6.1.6", 606);
	says(&msg, "6.1[1].1", 254);
	says(&msg, "6.1[1].2", 16);
	says_nothing(&msg, "6.1[2]");
	says(&msg, "6.2.2.4", 62);
	says_text(&msg, "7.3", "1GB");
	says(&msg, "7.2", UINT64_MAX);
	says(&msg, "7[1].1", 701);
	says(&msg, "7[1].2", 702);
	says_text(&msg, "7[1].3", "2MB");
	says(&msg, "7[1].4", 704);
	says_text(&msg, "7[2].3", "64KB");
	says(&msg, "8.1", 801);
	says(&msg, "8.5", 805);
	check_filled(&metrics__metrics2__descriptor, &msg);
}

/* What the kernel does not count is not made up. */
static void v2_without_controllers(void **state)
{
	static const struct made_up files[] = { { "/proc/7/cgroup", "0::/ns/a\n" },
						{ "/sys/fs/cgroup/cgroup.controllers", "\n" },
						{ V2 "cgroup.procs", "7\n" },
						{ 0 } };
	struct test_folder *f = *state;
	_cleanup_buf_ struct buf msg = { 0 };
	struct found found;

	make_files(f, files);
	take(f, &msg, "io.containerd.cgroups.v2.Metrics");
	assert_true(field_at(&msg, "4", &found));
	assert_int_equal(found.len, 0);
	says_nothing(&msg, "2.7");
	says_nothing(&msg, "7");
	says_nothing(&msg, "8");
}

#define ENTRY(prefix, n) \
	{ prefix ".limit_in_bytes", #n "1\n" }, { prefix ".usage_in_bytes", #n "2\n" }, \
		{ prefix ".max_usage_in_bytes", #n "3\n" }, \
	{ \
		prefix ".failcnt", #n "4\n" \
	}
#define V1(controller) "/sys/fs/cgroup/" controller "/ns/a/"

static const struct made_up v1_files[] = {
	{ "/proc/7/cgroup",
	  "9:cpu,cpuacct:/ns/a\n8:pids:/ns/a\n7:memory:/ns/a\n6:blkio:/ns/a\n5:rdma:/ns/a\n4:hugetlb:/ns/a\n0::/ns/a\n" },
	{ "/proc/partitions", "major minor  #blocks  name\n\n   8       16  268435456 sdb\n" },
	{ PAGES "/hugepages-2048kB/", NULL },
	{ PAGES "/hugepages-1048576kB/", NULL },
	{ V1("hugetlb") "hugetlb.2MB.usage_in_bytes", "101\n" },
	{ V1("hugetlb") "hugetlb.2MB.max_usage_in_bytes", "102\n" },
	{ V1("hugetlb") "hugetlb.2MB.failcnt", "103\n" },
	{ V1("pids") "pids.current", "201\n" },
	{ V1("pids") "pids.max", "202\n" },
	{ V1("cpu") "cpu.stat", "nr_periods 321\nnr_throttled 322\nthrottled_time 323\nnr_bursts 1\n" },
	{ V1("cpuacct") "cpuacct.stat", "user 5\nsystem 3\n" },
	{ V1("cpuacct") "cpuacct.usage", "311\n" },
	{ V1("cpuacct") "cpuacct.usage_percpu", "7 0 300 \n" },
	{ V1("memory") "memory.stat",
	  "cache 401\nrss 402\nrss_huge 403\nmapped_file 404\ndirty 405\nwriteback 406\npgpgin 407\npgpgout 408\npgfault "
	  "409\npgmajfault 410\n"
	  "inactive_anon 411\nactive_anon 412\ninactive_file 413\nactive_file 414\nunevictable 415\nhierarchical_memory_limit 416\n"
	  "hierarchical_memsw_limit 417\ntotal_cache 418\ntotal_rss 419\ntotal_rss_huge 420\ntotal_mapped_file 421\ntotal_dirty "
	  "422\n"
	  "total_writeback 423\ntotal_pgpgin 424\ntotal_pgpgout 425\ntotal_pgfault 426\ntotal_pgmajfault 427\ntotal_inactive_anon "
	  "428\n"
	  "total_active_anon 429\ntotal_inactive_file 430\ntotal_active_file 431\ntotal_unevictable 432\n" },
	ENTRY(V1("memory") "memory", 33),
	ENTRY(V1("memory") "memory.memsw", 34),
	ENTRY(V1("memory") "memory.kmem", 35),
	ENTRY(V1("memory") "memory.kmem.tcp", 36),
	{ V1("memory") "memory.oom_control", "oom_kill_disable 901\nunder_oom 902\noom_kill 903\n" },
	{ V1("blkio") "blkio.io_service_bytes_recursive", "8:16 Read 511\n8:16 Total 511\nTotal 511\n" },
	{ V1("blkio") "blkio.io_serviced_recursive", "8:16 Read 521\nTotal 521\n" },
	{ V1("blkio") "blkio.io_queued_recursive", "8:16 Read 531\n" },
	{ V1("blkio") "blkio.io_service_time_recursive", "8:16 Read 541\n" },
	{ V1("blkio") "blkio.io_wait_time_recursive", "8:16 Read 551\n" },
	{ V1("blkio") "blkio.io_merged_recursive", "8:16 Read 561\n" },
	{ V1("blkio") "blkio.time_recursive", "8:16 571\n" },
	{ V1("blkio") "blkio.sectors_recursive", "9:1 581\n" },
	{ V1("rdma") "rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\n" },
	{ V1("rdma") "rdma.max", "mlx4_0 hca_handle=max hca_object=max\n" },
	{ 0 },
};

static void v1(void **state)
{
	struct test_folder *f = *state;
	_cleanup_buf_ struct buf msg = { 0 };
	const uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	struct found percpu;

	make_files(f, v1_files);
	take(f, &msg, "io.containerd.cgroups.v1.Metrics");
	says(&msg, "1.1", 101);
	says(&msg, "1.2", 102);
	says(&msg, "1.3", 103);
	says_text(&msg, "1.4", "2MB");
	says_nothing(&msg, "1[1]"); /* 1GB has no files */
	says(&msg, "2.1", 201);
	says(&msg, "2.2", 202);
	says(&msg, "3.1.1", 311);
	says(&msg, "3.1.2", 3 * tick);
	says(&msg, "3.1.3", 5 * tick);
	assert_true(field_at(&msg, "3.1.4", &percpu));
	assert_int_equal(percpu.len, 4);
	assert_memory_equal(percpu.at, "\x07\x00\xac\x02", 4);
	says(&msg, "3.2.1", 321);
	says(&msg, "3.2.2", 322);
	says(&msg, "3.2.3", 323);
	for (unsigned i = 1; i <= 36; i++)
		for (unsigned k = 1; k <= 4; k++) {
			char path[16];

			(void)snprintf(path, sizeof path, i <= 32 ? "4.%u" : "4.%u.%u", i, k);
			says(&msg, path, i <= 32 ? 400 + i : i * 10 + k);
		}
	for (unsigned i = 1; i <= 8; i++) {
		char path[16];

		(void)snprintf(path, sizeof path, "5.%u.5", i);
		says(&msg, path, 501 + i * 10);
	}
	says_text(&msg, "5.1.1", "Read");
	says_text(&msg, "5.1.2", "/dev/sdb");
	says(&msg, "5.1.3", 8);
	says_text(&msg, "5.1[1].1", "Total");
	says_nothing(&msg, "5.1[2]");
	says_nothing(&msg, "5.8.1");
	says_nothing(&msg, "5.8.2");
	says(&msg, "6.2.2", UINT32_MAX);
	says(&msg, "9.1", 901);
	says(&msg, "9.2", 902);
	says(&msg, "9.3", 903);
	check_filled(&metrics__metrics1__descriptor, &msg);
}

/* Without a scheduler that counts, throttling does; no limit is 0. */
static void v1_throttled(void **state)
{
	static const struct made_up files[] = {
		{ "/proc/7/cgroup", "8:pids:/ns/a\n6:blkio:/ns/a\n" },
		{ V1("pids") "pids.current", "1\n" },
		{ V1("pids") "pids.max", "max\n" },
		{ V1("blkio") "blkio.io_serviced_recursive", "Total 0\n" },
		{ V1("blkio") "blkio.throttle.io_serviced", "8:16 Write 521\n8:16 Total 521\nTotal 521\n" },
		{ V1("blkio") "blkio.throttle.io_service_bytes", "8:16 Write 511\nTotal 511\n" },
		{ 0 },
	};
	struct test_folder *f = *state;
	_cleanup_buf_ struct buf msg = { 0 };

	make_files(f, files);
	take(f, &msg, "io.containerd.cgroups.v1.Metrics");
	says(&msg, "2.1", 1);
	says_nothing(&msg, "2.2");
	says(&msg, "5.2.5", 521);
	says(&msg, "5.1.5", 511);
	says_nothing(&msg, "4");
	says_nothing(&msg, "9");
}

static void none(void **state)
{
	static const struct made_up files[] = { { "/proc/7/cgroup", "8:pids:/\n" }, { 0 } };
	struct test_folder *f = *state;
	_cleanup_buf_ struct buf msg = { 0 };
	_cleanup_(cgroup_of_done) struct cgroup_of c = { 0 };
	const char *type = NULL;
	struct err err = ERR_INIT;

	make_files(f, files);
	assert_int_equal(cgroup_of(f->dir, 7, &c, NULL), 0);
	assert_int_equal(stats_take(f->dir, &c, &msg, &type, &err), -ERR_NOT_FOUND);
}

static int folder(void **state)
{
	*state = test_folder_new("stats", "");
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, folder, test_folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(v1), CASE(v1_throttled), CASE(v2), CASE(v2_without_controllers), CASE(none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
