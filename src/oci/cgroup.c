/* Limits: linux.resources. A limit that the host cannot hold is an error that names the controller, not a surprise (limit.h). */
#include "limit.h"
#include "spec-parts.h"
#include <math.h>

enum { CPU_PERIOD = 100000 }; /* microseconds, the kernel's own default */

struct wanted {
	enum limit limit;
	bool set;
};

static int need_all(const struct spec_in *in, const struct wanted *w, size_t n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		if (w[i].set)
			r = limit_need(in, w[i].limit, err);
	return r;
}

static bool any_set(const struct wanted *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].set)
			return true;
	return false;
}

/* Memory and swap together are twice the memory, as Docker has it, where the kernel counts swap. */
static int64_t swap_limit(const struct spec_in *in)
{
	const struct task *t = in->task;

	if (t->memory_swap > 0 || (!t->memory && !t->memory_swap))
		return t->memory_swap;
	if (!limit_can(in, LIMIT_SWAP)) /* unlimited it is then anyway */
		return 0;
	return t->memory_swap ? t->memory_swap : 2 * t->memory;
}

static int emit_memory(const struct spec_in *in, struct buf *out, struct err *err)
{
	const struct task *t = in->task;
	const struct wanted wanted[] = {
		{ LIMIT_MEMORY, t->memory || t->memory_swap },
		{ LIMIT_SWAP, t->memory_swap > 0 },
		{ LIMIT_RESERVATION, t->memory_reservation },
		{ LIMIT_SWAPPINESS, t->memory_swappiness >= 0 },
	};
	enum { N = sizeof wanted / sizeof *wanted };
	int64_t swap;
	int r = need_all(in, wanted, N, err);

	if (r < 0 || !any_set(wanted, N))
		return r;
	swap = swap_limit(in);
	emit_open(out, "memory", '{');
	if (t->memory)
		emit_int(out, "limit", t->memory);
	if (t->memory_reservation)
		emit_int(out, "reservation", t->memory_reservation); /* engines: memory.low, on v1 the soft limit */
	if (swap)
		emit_int(out, "swap", swap);
	if (t->memory_swappiness >= 0)
		emit_int(out, "swappiness", t->memory_swappiness);
	emit_close(out, '}');
	return 0;
}

static void emit_quota(const struct task *t, struct buf *out)
{
	if (t->cpus > 0)
		emit_int(out, "quota", llround(t->cpus * CPU_PERIOD));
	else if (t->cpu_quota)
		emit_int(out, "quota", t->cpu_quota);
	if (t->cpus > 0 || t->cpu_period)
		emit_int(out, "period", t->cpus > 0 ? CPU_PERIOD : t->cpu_period);
}

static int emit_cpu(const struct spec_in *in, struct buf *out, struct err *err)
{
	const struct task *t = in->task;
	const struct wanted wanted[] = {
		{ LIMIT_CPUS, t->cpus > 0 },         { LIMIT_CPU_QUOTA, t->cpu_quota },     { LIMIT_CPU_PERIOD, t->cpu_period },
		{ LIMIT_CPU_SHARES, t->cpu_shares }, { LIMIT_CPUSET_CPUS, t->cpuset_cpus }, { LIMIT_CPUSET_MEMS, t->cpuset_mems },
	};
	enum { N = sizeof wanted / sizeof *wanted };
	int r = need_all(in, wanted, N, err);

	if (r >= 0 && t->cpuset_cpus)
		r = limit_need_set(in, LIMIT_CPUSET_CPUS, t->cpuset_cpus, err);
	if (r >= 0 && t->cpuset_mems)
		r = limit_need_set(in, LIMIT_CPUSET_MEMS, t->cpuset_mems, err);
	if (r < 0 || !any_set(wanted, N))
		return r;
	emit_open(out, "cpu", '{');
	if (t->cpu_shares)
		emit_int(out, "shares", t->cpu_shares);
	emit_quota(t, out);
	emit_str(out, "cpus", t->cpuset_cpus);
	emit_str(out, "mems", t->cpuset_mems);
	emit_close(out, '}');
	return 0;
}

static int emit_pids(const struct spec_in *in, struct buf *out, struct err *err)
{
	int r;

	if (in->task->pids_limit <= 0)
		return 0;
	r = limit_need(in, LIMIT_PIDS, err);
	if (r < 0)
		return r;
	emit_open(out, "pids", '{');
	emit_int(out, "limit", in->task->pids_limit);
	emit_close(out, '}');
	return 0;
}

static int emit_cgroup_limits(const struct spec_in *in, struct buf *out, struct err *err)
{
	typedef int part(const struct spec_in *, struct buf *, struct err *);
	static part *const parts[] = { emit_memory, emit_cpu, emit_pids, spec_blkio, spec_hugepages };
	int r = 0;

	for (size_t i = 0; i < sizeof parts / sizeof *parts && r >= 0; i++)
		r = parts[i](in, out, err);
	return r;
}

int spec_resources(const struct spec_in *in, const struct buf *device_rules, struct buf *out, struct err *err)
{
	int r;

	emit_open(out, "resources", '{');
	emit_open(out, "devices", '[');
	buf_add(out, buf_str(device_rules), device_rules->len);
	emit_close(out, ']');
	r = emit_cgroup_limits(in, out, err);
	emit_close(out, '}');
	return r;
}

int spec_limits(const struct spec_in *in, struct buf *out, struct err *err)
{
	int r;

	emit_open(out, NULL, '{');
	r = emit_cgroup_limits(in, out, err);
	emit_close(out, '}');
	return r;
}
