/* Source: reference containerd.md A.10 */
#include "task-metrics.h"
#include "metrics.pb-c.h"
#include "pb.h"
#include <strings.h>
#include <string.h>

static void usage_set(struct cgroup_usage *u, enum cgroup_measure m, uint64_t n)
{
	u->v[m] = n;
	u->measured |= UINT32_C(1) << m;
}

/* "No limit" is 0, all bits, or v1's number of pages just below 2^63. */
static void usage_set_limit(struct cgroup_usage *u, enum cgroup_measure m, uint64_t n)
{
	usage_set(u, m, n && n < UINT64_C(1) << 62 ? n : UINT64_MAX);
}

static void put_pids(const Metrics__Pids *p, struct cgroup_usage *u)
{
	if (!p)
		return;
	usage_set(u, CGROUP_TASKS, p->current);
	usage_set_limit(u, CGROUP_TASKS_LIMIT, p->max);
}

static void put_cpu1(const Metrics__Cpu1 *c, struct cgroup_usage *u)
{
	if (c && c->usage) {
		usage_set(u, CGROUP_CPU_TOTAL, c->usage->total);
		usage_set(u, CGROUP_CPU_USER, c->usage->user);
		usage_set(u, CGROUP_CPU_SYSTEM, c->usage->system);
	}
	if (c && c->throttling) {
		usage_set(u, CGROUP_CPU_PERIODS, c->throttling->nr_periods);
		usage_set(u, CGROUP_CPU_THROTTLED_PERIODS, c->throttling->nr_throttled);
		usage_set(u, CGROUP_CPU_THROTTLED, c->throttling->throttled_time);
	}
}

static void put_memory1(const Metrics__Memory1 *m, struct cgroup_usage *u)
{
	if (!m)
		return;
	usage_set(u, CGROUP_MEMORY_RSS, m->total_rss);
	usage_set(u, CGROUP_MEMORY_CACHE, m->total_cache);
	usage_set(u, CGROUP_MEMORY_INACTIVE, m->total_inactive_file);
	usage_set(u, CGROUP_MEMORY_MAPPED, m->total_mapped_file);
	if (m->usage) {
		usage_set(u, CGROUP_MEMORY_USAGE, m->usage->usage_in_bytes);
		usage_set(u, CGROUP_MEMORY_PEAK, m->usage->max_usage_in_bytes);
		usage_set_limit(u, CGROUP_MEMORY_LIMIT, m->usage->limit_in_bytes);
	}
	if (m->kernel) {
		usage_set(u, CGROUP_MEMORY_KERNEL, m->kernel->usage_in_bytes);
		usage_set(u, CGROUP_MEMORY_KERNEL_PEAK, m->kernel->max_usage_in_bytes);
	}
}

static void put_blkio(const Metrics__Blkio *b, struct cgroup_usage *u)
{
	for (size_t i = 0; b && i < b->n_io_service_bytes_recursive; i++) {
		const Metrics__BlkioEntry *e = b->io_service_bytes_recursive[i];

		if (!strcasecmp(e->op, "Read"))
			usage_set(u, CGROUP_IO_READ, u->v[CGROUP_IO_READ] + e->value);
		else if (!strcasecmp(e->op, "Write"))
			usage_set(u, CGROUP_IO_WRITTEN, u->v[CGROUP_IO_WRITTEN] + e->value);
	}
}

static void usage_of_v1(const ProtobufCMessage *msg, struct cgroup_usage *u)
{
	const Metrics__Metrics1 *m = (const void *)msg;

	put_pids(m->pids, u);
	put_cpu1(m->cpu, u);
	put_memory1(m->memory, u);
	put_blkio(m->blkio, u);
	if (m->memory_oom_control)
		usage_set(u, CGROUP_OOM_KILLS, m->memory_oom_control->oom_kill);
}

static void put_cpu2(const Metrics__Cpu2 *c, struct cgroup_usage *u)
{
	if (!c)
		return;
	usage_set(u, CGROUP_CPU_TOTAL, c->usage_usec * 1000);
	usage_set(u, CGROUP_CPU_USER, c->user_usec * 1000);
	usage_set(u, CGROUP_CPU_SYSTEM, c->system_usec * 1000);
	usage_set(u, CGROUP_CPU_PERIODS, c->nr_periods);
	usage_set(u, CGROUP_CPU_THROTTLED_PERIODS, c->nr_throttled);
	usage_set(u, CGROUP_CPU_THROTTLED, c->throttled_usec * 1000);
}

static void put_memory2(const Metrics__Memory2 *m, struct cgroup_usage *u)
{
	if (!m)
		return;
	usage_set(u, CGROUP_MEMORY_USAGE, m->usage);
	usage_set_limit(u, CGROUP_MEMORY_LIMIT, m->usage_limit);
	usage_set(u, CGROUP_MEMORY_RSS, m->anon);
	usage_set(u, CGROUP_MEMORY_CACHE, m->file);
	usage_set(u, CGROUP_MEMORY_INACTIVE, m->inactive_file);
	usage_set(u, CGROUP_MEMORY_MAPPED, m->file_mapped);
	usage_set(u, CGROUP_MEMORY_SWAP, m->swap_usage);
	if (m->max_usage) /* newer ones only */
		usage_set(u, CGROUP_MEMORY_PEAK, m->max_usage);
}

static void usage_of_v2(const ProtobufCMessage *msg, struct cgroup_usage *u)
{
	const Metrics__Metrics2 *m = (const void *)msg;

	put_pids(m->pids, u);
	put_cpu2(m->cpu, u);
	put_memory2(m->memory, u);
	for (size_t i = 0; m->io && i < m->io->n_usage; i++) {
		usage_set(u, CGROUP_IO_READ, u->v[CGROUP_IO_READ] + m->io->usage[i]->rbytes);
		usage_set(u, CGROUP_IO_WRITTEN, u->v[CGROUP_IO_WRITTEN] + m->io->usage[i]->wbytes);
	}
	if (m->memory_events)
		usage_set(u, CGROUP_OOM_KILLS, m->memory_events->oom_kill);
}

static const struct metrics_kind {
	const char *type_url;
	const ProtobufCMessageDescriptor *message;
	void (*usage)(const ProtobufCMessage *, struct cgroup_usage *);
} metrics_kinds[] = {
	{ "io.containerd.cgroups.v1.Metrics", &metrics__metrics1__descriptor, usage_of_v1 },
	{ "io.containerd.cgroups.v2.Metrics", &metrics__metrics2__descriptor, usage_of_v2 },
};

int task_metrics_usage(const struct ctrd_any *any, struct cgroup_usage *ret, struct err *err)
{
	const char *url = any->type_url ? any->type_url : "";

	for (size_t i = 0; i < sizeof metrics_kinds / sizeof *metrics_kinds; i++) {
		_cleanup_arena_ struct arena a = { 0 };
		const ProtobufCMessage *msg;
		int r;

		if (strcmp(metrics_kinds[i].type_url, url) != 0)
			continue;
		r = pb_unpack(metrics_kinds[i].message, any->value.data, any->value.len, &a, &msg, err);
		if (r < 0)
			return err_wrap(err, r, "metrics");
		*ret = (struct cgroup_usage){ 0 };
		metrics_kinds[i].usage(msg, ret);
		return 0;
	}
	return err_set(err, ERR_INVALID, "metrics of another kind, %s", url);
}
