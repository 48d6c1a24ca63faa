#include "stats.h"
#include "cgroup-dir.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include "metrics.pb-c.h"
#include "stats-fill.h"
#include "strv.h"
#include <string.h>

struct device {
	char *major, *minor, *name;
};

struct stats {
	const char *host;
	const struct cgroup_of *cgroup;
	struct device *devices;
	size_t n_devices;
	struct arena a;
};

/* both */

/* As cgroupfs has them in its names, "2MB", of "hugepages-2048kB". */
static char *page_size(struct arena *a, const char *name)
{
	static const char begin[] = "hugepages-";
	const uint64_t kb = strncmp(name, begin, strlen(begin)) ? 0 : strtoull(name + strlen(begin), NULL, 10);
	char text[32];

	if (!kb)
		return NULL;
	if (kb >= 1 << 20)
		(void)snprintf(text, sizeof text, "%lluGB", (unsigned long long)kb >> 20);
	else if (kb >= 1 << 10)
		(void)snprintf(text, sizeof text, "%lluMB", (unsigned long long)kb >> 10);
	else
		(void)snprintf(text, sizeof text, "%lluKB", (unsigned long long)kb);
	return stats_text(a, text);
}

/* @each makes a message of one size, NULL: none. */
static void **hugetlb_all(struct stats *s, const char *path, void *(*each)(struct arena *, const char *path, char *size),
			  size_t *ret_n)
{
	_cleanup_free_ char *folder = mem_printf("%s/sys/kernel/mm/hugepages", s->host);
	_cleanup_strv_ struct strv names = { 0 };
	void **v;

	(void)cgroup_folders(folder, &names);
	strv_sort(&names, 0);
	v = arena_array(&s->a, void *, names.n);
	for (size_t i = 0; i < names.n; i++) {
		char *size = page_size(&s->a, names.v[i]);

		v[*ret_n] = size ? each(&s->a, path, size) : NULL;
		*ret_n += v[*ret_n] != NULL;
	}
	return v;
}

/* "DEVICE hca_handle=2 hca_object=2000" */
static void *rdma_entry(void *arg, struct arena *a, const struct cgroup_line *l)
{
	Metrics__RdmaEntry *e = stats_new(a, &metrics__rdma_entry__descriptor);

	(void)arg;
	e->device = stats_text(a, l->word[0]);
	stats_pairs(&e->base, l, 1);
	return e;
}

static Metrics__Rdma *rdma_of(struct stats *s, const char *path)
{
	Metrics__Rdma *r = stats_new(&s->a, &metrics__rdma__descriptor);

	stats_repeat(path, "rdma.current", &r->base, "current", rdma_entry, NULL, &s->a);
	stats_repeat(path, "rdma.max", &r->base, "limit", rdma_entry, NULL, &s->a);
	return r;
}

/* v1 */

static void *hugetlb1(struct arena *a, const char *path, char *size)
{
	_cleanup_free_ char *prefix = mem_printf("hugetlb.%s", size);
	Metrics__Hugetlb1 *h = stats_new(a, &metrics__hugetlb1__descriptor);

	h->pagesize = size;
	return stats_files(path, prefix, &h->base) ? h : NULL;
}

static Metrics__Pids *pids1(struct stats *s, const char *path)
{
	Metrics__Pids *p = stats_new(&s->a, &metrics__pids__descriptor);

	if (!stats_files(path, "pids", &p->base))
		return NULL;
	if (p->max == UINT64_MAX)
		p->max = 0;
	return p;
}

static void per_cpu1(struct stats *s, const char *path, Metrics__CpuUsage *u)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv words = { 0 };

	if (!cgroup_text(path, "cpuacct.usage_percpu", &text))
		return;
	strv_split(&words, buf_str(&text), " \n"); /* more than a struct cgroup_line has */
	u->per_cpu = arena_array(&s->a, uint64_t, words.n);
	while (u->n_per_cpu < words.n && cgroup_number(words.v[u->n_per_cpu], &u->per_cpu[u->n_per_cpu]))
		u->n_per_cpu++;
}

/* The kernel counts user and system in ticks. */
static uint64_t of_ticks(uint64_t n) { return n * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)); }

static Metrics__Cpu1 *cpu1(struct stats *s)
{
	const char *cpu = s->cgroup->v1[CGROUP_CPU], *acct = s->cgroup->v1[CGROUP_CPUACCT];
	Metrics__Cpu1 *c = stats_new(&s->a, &metrics__cpu1__descriptor);

	c->usage = stats_new(&s->a, &metrics__cpu_usage__descriptor);
	c->throttling = stats_new(&s->a, &metrics__throttle__descriptor);
	if (cpu)
		(void)stats_lines(cpu, "cpu.stat", &c->throttling->base);
	if (!acct)
		return c;
	(void)stats_lines(acct, "cpuacct.stat", &c->usage->base);
	c->usage->user = of_ticks(c->usage->user);
	c->usage->system = of_ticks(c->usage->system);
	(void)cgroup_get(acct, "cpuacct.usage", &c->usage->total);
	per_cpu1(s, acct, c->usage);
	return c;
}

static Metrics__MemoryEntry *memory_entry(struct stats *s, const char *path, const char *prefix)
{
	Metrics__MemoryEntry *e = stats_new(&s->a, &metrics__memory_entry__descriptor);

	(void)stats_files(path, prefix, &e->base);
	return e;
}

static Metrics__Memory1 *memory1(struct stats *s, const char *path)
{
	Metrics__Memory1 *m = stats_new(&s->a, &metrics__memory1__descriptor);

	if (!stats_lines(path, "memory.stat", &m->base))
		return NULL;
	m->usage = memory_entry(s, path, "memory");
	m->swap = memory_entry(s, path, "memory.memsw");
	m->kernel = memory_entry(s, path, "memory.kmem");
	m->kernel_tcp = memory_entry(s, path, "memory.kmem.tcp");
	return m;
}

static Metrics__OomControl *oom_control(struct stats *s, const char *path)
{
	Metrics__OomControl *o = stats_new(&s->a, &metrics__oom_control__descriptor);

	return stats_lines(path, "memory.oom_control", &o->base) ? o : NULL;
}

/* Lines are MAJOR MINOR BLOCKS NAME, below a heading. */
static void devices_read(struct stats *s)
{
	_cleanup_free_ char *proc = mem_printf("%s/proc", s->host);
	_cleanup_buf_ struct buf text = { 0 };
	struct cgroup_line l;

	if (!cgroup_text(proc, "partitions", &text))
		return;
	s->devices = arena_array(&s->a, struct device, stats_lines_in(&text));
	for (char *at = text.data; cgroup_line(&at, &l);) {
		_cleanup_free_ char *path = mem_printf("/dev/%s", l.word[l.n - 1]);

		s->devices[s->n_devices++] =
			(struct device){ stats_text(&s->a, l.word[0]), stats_text(&s->a, l.n > 1 ? l.word[1] : ""),
					 stats_text(&s->a, path) };
	}
}

/* What device has these numbers: "/dev/vda", or NULL. */
static char *device_of(const struct stats *s, const char *major, const char *minor)
{
	for (size_t i = 0; i < s->n_devices; i++)
		if (!strcmp(s->devices[i].major, major) && !strcmp(s->devices[i].minor, minor))
			return s->devices[i].name;
	return NULL;
}

/* "8:0 Read 12", or without the word; "Total 12" is of all devices. */
static void *blkio_entry(void *arg, struct arena *a, const struct cgroup_line *l)
{
	Metrics__BlkioEntry *e;

	if (l->n < 3)
		return NULL;
	e = stats_new(a, &metrics__blkio_entry__descriptor);
	stats_set(&e->base, "major", l->word[0]);
	stats_set(&e->base, "minor", l->word[1]);
	stats_set(&e->base, "value", l->word[l->n - 1]);
	if (l->n > 3)
		e->op = stats_text(a, l->word[2]);
	e->device = device_of(arg, l->word[0], l->word[1]);
	return e;
}

/* What the scheduler counts, where it counts at all; else what throttling does. */
static Metrics__Blkio *blkio(struct stats *s, const char *path)
{
	Metrics__Blkio *b = stats_new(&s->a, &metrics__blkio__descriptor);
	const ProtobufCMessageDescriptor *type = b->base.descriptor;
	size_t n = 0;

	devices_read(s);
	for (unsigned i = 0; i < type->n_fields; i++) {
		_cleanup_free_ char *file = mem_printf("blkio.%s", type->fields[i].name);

		stats_repeat(path, file, &b->base, type->fields[i].name, blkio_entry, s, &s->a);
		n += *(const size_t *)((const char *)b + type->fields[i].quantifier_offset);
	}
	if (n)
		return b;
	stats_repeat(path, "blkio.throttle.io_serviced", &b->base, "io_serviced_recursive", blkio_entry, s, &s->a);
	stats_repeat(path, "blkio.throttle.io_service_bytes", &b->base, "io_service_bytes_recursive", blkio_entry, s, &s->a);
	return b;
}

static const ProtobufCMessage *metrics1(struct stats *s)
{
	Metrics__Metrics1 *m = stats_new(&s->a, &metrics__metrics1__descriptor);
	char *const *at = s->cgroup->v1;

	if (at[CGROUP_HUGETLB])
		m->hugetlb = (Metrics__Hugetlb1 **)hugetlb_all(s, at[CGROUP_HUGETLB], hugetlb1, &m->n_hugetlb);
	if (at[CGROUP_PIDS])
		m->pids = pids1(s, at[CGROUP_PIDS]);
	m->cpu = cpu1(s);
	if (at[CGROUP_MEMORY]) {
		m->memory = memory1(s, at[CGROUP_MEMORY]);
		m->memory_oom_control = oom_control(s, at[CGROUP_MEMORY]);
	}
	if (at[CGROUP_BLKIO])
		m->blkio = blkio(s, at[CGROUP_BLKIO]);
	if (at[CGROUP_RDMA])
		m->rdma = rdma_of(s, at[CGROUP_RDMA]);
	return &m->base;
}

/* v2 */

static void *hugetlb2(struct arena *a, const char *path, char *size)
{
	_cleanup_free_ char *prefix = mem_printf("hugetlb.%s", size), *events = mem_printf("hugetlb.%s.events", size);
	Metrics__Hugetlb2 *h = stats_new(a, &metrics__hugetlb2__descriptor), failed = METRICS__HUGETLB2__INIT;

	h->pagesize = size;
	(void)stats_files(path, prefix, &h->base);
	(void)stats_lines(path, events, &failed.base); /* "max" is how often there was no more */
	h->failcnt = failed.max;
	return h;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and the same with "full"; NULL: the kernel does not count it. */
static Metrics__Psi *psi(struct stats *s, const char *file)
{
	Metrics__Psi *p = stats_new(&s->a, &metrics__psi__descriptor);
	_cleanup_buf_ struct buf text = { 0 };
	struct cgroup_line l;

	if (!cgroup_text(s->cgroup->v2, file, &text))
		return NULL;
	for (char *at = text.data; cgroup_line(&at, &l);) {
		Metrics__Pressure *of = stats_new(&s->a, &metrics__pressure__descriptor);

		stats_pairs(&of->base, &l, 1);
		if (!strcmp(l.word[0], "some"))
			p->some = of;
		else if (!strcmp(l.word[0], "full"))
			p->full = of;
	}
	return p;
}

static Metrics__Cpu2 *cpu2(struct stats *s)
{
	Metrics__Cpu2 *c = stats_new(&s->a, &metrics__cpu2__descriptor);

	(void)stats_lines(s->cgroup->v2, "cpu.stat", &c->base);
	c->psi = psi(s, "cpu.pressure");
	return c;
}

static Metrics__Memory2 *memory2(struct stats *s)
{
	Metrics__Memory2 *m = stats_new(&s->a, &metrics__memory2__descriptor);
	const struct {
		const char *file;
		uint64_t *to;
	} rows[] = {
		{ "memory.current", &m->usage },           { "memory.max", &m->usage_limit },
		{ "memory.swap.current", &m->swap_usage }, { "memory.swap.max", &m->swap_limit },
		{ "memory.peak", &m->max_usage },          { "memory.swap.peak", &m->swap_max_usage },
	};

	(void)stats_lines(s->cgroup->v2, "memory.stat", &m->base);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		(void)cgroup_get(s->cgroup->v2, rows[i].file, rows[i].to);
	m->psi = psi(s, "memory.pressure");
	return m;
}

/* "8:0 rbytes=1 wbytes=2 ..." */
static void *io_entry(void *arg, struct arena *a, const struct cgroup_line *l)
{
	Metrics__IoEntry *e;

	(void)arg;
	if (l->n < 4)
		return NULL;
	e = stats_new(a, &metrics__io_entry__descriptor);
	stats_set(&e->base, "major", l->word[0]);
	stats_set(&e->base, "minor", l->word[1]);
	stats_pairs(&e->base, l, 2);
	return e;
}

static const ProtobufCMessage *metrics2(struct stats *s)
{
	Metrics__Metrics2 *m = stats_new(&s->a, &metrics__metrics2__descriptor);
	Metrics__MemoryEvents *events = stats_new(&s->a, &metrics__memory_events__descriptor);

	m->pids = stats_new(&s->a, &metrics__pids__descriptor);
	(void)stats_files(s->cgroup->v2, "pids", &m->pids->base);
	m->cpu = cpu2(s);
	m->memory = memory2(s);
	m->memory_events = stats_lines(s->cgroup->v2, "memory.events", &events->base) ? events : NULL;
	m->io = stats_new(&s->a, &metrics__io__descriptor);
	stats_repeat(s->cgroup->v2, "io.stat", &m->io->base, "usage", io_entry, NULL, &s->a);
	m->io->psi = psi(s, "io.pressure");
	m->rdma = rdma_of(s, s->cgroup->v2);
	m->hugetlb = (Metrics__Hugetlb2 **)hugetlb_all(s, s->cgroup->v2, hugetlb2, &m->n_hugetlb);
	return &m->base;
}

int stats_take(const char *host, const struct cgroup_of *c, struct buf *value, const char **ret_type, struct err *err)
{
	struct stats s = { .host = host, .cgroup = c };
	const char *any = cgroup_of_any(c);

	if (!any || !file_exists(any))
		return err_set(err, ERR_NOT_FOUND, "cgroup does not exist");
	pb_pack(c->v2 ? metrics2(&s) : metrics1(&s), value);
	arena_done(&s.a);
	*ret_type = c->v2 ? "io.containerd.cgroups.v2.Metrics" : "io.containerd.cgroups.v1.Metrics";
	return 0;
}
