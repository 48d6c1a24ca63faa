#include "limit.h"
#include "controllers.h"
#include "file.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 65536 };

struct holder {
	const char *controller; /* NULL: this version has no such limit */
	const char *files;      /* one of these words; NULL: the controller is enough */
};
static const struct {
	const char *option;
	struct holder v1, v2;
	const char *hint; /* where the files are missing */
} limits[LIMITS] = {
	[LIMIT_MEMORY] = { "memory", { "memory", NULL }, { "memory", NULL }, NULL },
	[LIMIT_SWAP] = { "memory-swap",
			 { "memory", "memory.memsw.limit_in_bytes" },
			 { "memory", "memory.swap.max" },
			 "add swapaccount=1 to the kernel's command line, and reboot" },
	[LIMIT_RESERVATION] = { "memory-reservation", { "memory", NULL }, { "memory", NULL }, NULL },
	[LIMIT_SWAPPINESS] = { "memory-swappiness", { "memory", "memory.swappiness" }, { NULL, NULL }, NULL },
	[LIMIT_CPUS] = { "cpus",
			 { "cpu", "cpu.cfs_quota_us" },
			 { "cpu", "cpu.max" },
			 "it takes a kernel with CONFIG_CFS_BANDWIDTH" },
	[LIMIT_CPU_QUOTA] = { "cpu-quota",
			      { "cpu", "cpu.cfs_quota_us" },
			      { "cpu", "cpu.max" },
			      "it takes a kernel with CONFIG_CFS_BANDWIDTH" },
	[LIMIT_CPU_PERIOD] = { "cpu-period",
			       { "cpu", "cpu.cfs_period_us" },
			       { "cpu", "cpu.max" },
			       "it takes a kernel with CONFIG_CFS_BANDWIDTH" },
	[LIMIT_CPU_SHARES] = { "cpu-shares", { "cpu", NULL }, { "cpu", NULL }, NULL },
	[LIMIT_CPUSET_CPUS] = { "cpuset-cpus", { "cpuset", NULL }, { "cpuset", NULL }, NULL },
	[LIMIT_CPUSET_MEMS] = { "cpuset-mems", { "cpuset", NULL }, { "cpuset", NULL }, NULL },
	[LIMIT_PIDS] = { "pids-limit", { "pids", NULL }, { "pids", NULL }, NULL },
	[LIMIT_WEIGHT] = { "blkio-weight",
			   { "blkio", "blkio.weight blkio.bfq.weight" },
			   { "io", "io.weight io.bfq.weight" },
			   "modprobe bfq" },
	[LIMIT_WEIGHT_DEVICE] = { "blkio-weight-device",
				  { "blkio", "blkio.weight_device blkio.bfq.weight_device" },
				  { "io", "io.bfq.weight" },
				  "modprobe bfq" },
	[LIMIT_READ_BPS] = { "device-read-bps",
			     { "blkio", "blkio.throttle.read_bps_device" },
			     { "io", "io.max" },
			     "it takes a kernel with CONFIG_BLK_DEV_THROTTLING" },
	[LIMIT_WRITE_BPS] = { "device-write-bps",
			      { "blkio", "blkio.throttle.write_bps_device" },
			      { "io", "io.max" },
			      "it takes a kernel with CONFIG_BLK_DEV_THROTTLING" },
	[LIMIT_READ_IOPS] = { "device-read-iops",
			      { "blkio", "blkio.throttle.read_iops_device" },
			      { "io", "io.max" },
			      "it takes a kernel with CONFIG_BLK_DEV_THROTTLING" },
	[LIMIT_WRITE_IOPS] = { "device-write-iops",
			       { "blkio", "blkio.throttle.write_iops_device" },
			       { "io", "io.max" },
			       "it takes a kernel with CONFIG_BLK_DEV_THROTTLING" },
	[LIMIT_HUGEPAGES] = { "hugepages", { "hugetlb", NULL }, { "hugetlb", NULL }, NULL },
};

const char *limit_option(enum limit l) { return limits[l].option; }

static const char *limit_root(const struct spec_in *in) { return in->host_root ? in->host_root : ""; }

static const struct holder *holder_of(const struct spec_in *in, enum limit l)
{
	return controllers_v2(limit_root(in)) ? &limits[l].v2 : &limits[l].v1;
}

static bool has_files(const struct spec_in *in, const struct holder *h)
{
	return !h->files || controllers_file(limit_root(in), h->controller, h->files) != CONTROLLERS_NO;
}

bool limit_can(const struct spec_in *in, enum limit l)
{
	const struct holder *h = holder_of(in, l);

	return in->vm || (h->controller && controllers_have(limit_root(in), h->controller) && has_files(in, h));
}

int limit_need(const struct spec_in *in, enum limit l, struct err *err)
{
	const struct holder *h = holder_of(in, l);
	int r;

	if (in->vm)
		return 0;
	if (!h->controller)
		return err_hint(err,
				err_set(err, ERR_PRECONDITION, "%s: the cgroup controller \"%s\" of version 2 has no such limit",
					limits[l].option, limits[l].v1.controller),
				"leave out %s", limits[l].option);
	r = controllers_need(limit_root(in), h->controller, limits[l].option, err);
	if (r < 0 || has_files(in, h))
		return r;
	return err_hint(err,
			err_set(err, ERR_PRECONDITION, "%s: the cgroup controller \"%s\" of this host has no %.*s",
				limits[l].option, h->controller, (int)strcspn(h->files, " "), h->files),
			"%s", limits[l].hint);
}

const char *limit_controller_in(const char *text)
{
	static const struct {
		const char *file, *controller;
	} files[] = {
		{ "blkio.", "blkio" },     { "io.max", "io" },          { "io.weight", "io" },       { "io.bfq.", "io" },
		{ "memory.", "memory" },   { "cpu.cfs_", "cpu" },       { "cpu.max", "cpu" },        { "cpu.shares", "cpu" },
		{ "cpu.weight", "cpu" },   { "cpuset.cpus", "cpuset" }, { "cpuset.mems", "cpuset" }, { "pids.max", "pids" },
		{ "hugetlb.", "hugetlb" },
	};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		for (const char *p = text; (p = strstr(p, files[i].file)); p++)
			if (p == text || strchr(" /`'\"", p[-1]))
				return files[i].controller;
	return NULL;
}

/* sets of numbers */

static bool next_range(const char **p, unsigned long *from, unsigned long *to)
{
	char *end;

	while (**p == ',')
		++*p;
	*from = *to = strtoul(*p, &end, 10);
	if (end == *p)
		return false;
	if (*end == '-')
		*to = strtoul(end + 1, &end, 10);
	*p = end;
	return true;
}

/* The kernel's own list has its ranges as wide as they are. */
static bool has_range(const char *list, unsigned long from, unsigned long to)
{
	unsigned long a, b;

	while (next_range(&list, &a, &b))
		if (a <= from && to <= b)
			return true;
	return false;
}

static bool has_all(const char *list, const char *asked)
{
	unsigned long from, to;

	while (next_range(&asked, &from, &to))
		if (!has_range(list, from, to))
			return false;
	return true;
}

/* What the root of the hierarchy has; false where it does not say. */
static bool read_list(const struct spec_in *in, const char *what, struct buf *out)
{
	const char *root = limit_root(in);
	_cleanup_free_ char *v2 = mem_printf("%s/sys/fs/cgroup/cpuset.%s.effective", root, what),
			    *v1 = mem_printf("%s/sys/fs/cgroup/cpuset/cpuset.%s", root, what);

	if (file_read(controllers_v2(root) ? v2 : v1, LIST_MAX, out, NULL) < 0)
		return false;
	while (out->len && out->data[out->len - 1] == '\n')
		buf_cut(out, out->len - 1);
	return out->len > 0;
}

char *limit_whole_set(const struct spec_in *in, enum limit l)
{
	_cleanup_buf_ struct buf has = { 0 };

	return read_list(in, l == LIMIT_CPUSET_CPUS ? "cpus" : "mems", &has) ? buf_take(&has) : NULL;
}

int limit_need_set(const struct spec_in *in, enum limit l, const char *list, struct err *err)
{
	_cleanup_buf_ struct buf has = { 0 };
	int r = limit_need(in, l, err);

	if (r < 0 || in->vm || !read_list(in, l == LIMIT_CPUSET_CPUS ? "cpus" : "mems", &has) || has_all(buf_str(&has), list))
		return r;
	return err_hint(err,
			err_set(err, ERR_PRECONDITION, "%s %.100s: the cgroup controller \"cpuset\" of this host has no such %s",
				limits[l].option, list, l == LIMIT_CPUSET_CPUS ? "processor" : "memory node"),
			"it has %.100s", buf_str(&has));
}
