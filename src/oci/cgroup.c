/* Limits: linux.resources. A limit that the host cannot hold is an error that names the controller, not a surprise. */
#include "file.h"
#include "mem.h"
#include "spec-parts.h"
#include <math.h>
#include <string.h>

enum { CPU_PERIOD = 100000 }; /* microseconds, the kernel's own default */

static bool cgroup_has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || strchr(" \n", p[-1])) && (!p[n] || strchr(" \n", p[n])))
			return true;
	return false;
}

static bool has_controller(const struct spec_in *in, const char *name)
{
	_cleanup_free_ char *v1 = mem_printf("/sys/fs/cgroup/%s", name);
	_cleanup_buf_ struct buf list = { 0 };

	if (!in->cgroup2)
		return file_exists(v1);
	return file_read("/sys/fs/cgroup/cgroup.controllers", 4096, &list, NULL) >= 0 && cgroup_has_word(buf_str(&list), name);
}

static int need(const struct spec_in *in, const char *controller, const char *option, struct err *err)
{
	int r;

	if (in->vm || has_controller(in, controller))
		return 0;
	r = err_set(err, ERR_PRECONDITION, "%s: this host has no cgroup controller \"%s\"", option, controller);
	return err_hint(err, r, "leave out %s, or mount the controller below /sys/fs/cgroup", option);
}

/* Memory and swap together are twice the memory, as Docker has it, where the kernel counts swap. */
static int64_t swap_limit(const struct spec_in *in)
{
	const struct task *t = in->task;

	if (t->memory_swap)
		return t->memory_swap;
	return in->cgroup2 || file_exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes") ? 2 * t->memory : 0;
}

static int emit_memory(const struct spec_in *in, struct buf *out, struct err *err)
{
	const struct task *t = in->task;
	int64_t swap;
	int r;

	if (!t->memory && !t->memory_swap && !t->memory_reservation)
		return 0;
	r = need(in, "memory", "memory", err);
	if (r < 0)
		return r;
	swap = swap_limit(in);
	emit_open(out, "memory", '{');
	if (t->memory)
		emit_int(out, "limit", t->memory);
	if (t->memory_reservation)
		emit_int(out, "reservation", t->memory_reservation); /* engines: memory.low, on v1 the soft limit */
	if (swap)
		emit_int(out, "swap", swap);
	emit_close(out, '}');
	return 0;
}

static int emit_cpu(const struct spec_in *in, struct buf *out, struct err *err)
{
	const struct task *t = in->task;
	int r = 0;

	if (t->cpus > 0 || t->cpu_shares)
		r = need(in, "cpu", t->cpus > 0 ? "cpus" : "cpu-shares", err);
	if (r >= 0 && (t->cpuset_cpus || t->cpuset_mems))
		r = need(in, "cpuset", "cpuset", err);
	if (r < 0 || (t->cpus <= 0 && !t->cpu_shares && !t->cpuset_cpus && !t->cpuset_mems))
		return r;
	emit_open(out, "cpu", '{');
	if (t->cpu_shares)
		emit_int(out, "shares", t->cpu_shares);
	if (t->cpus > 0) {
		emit_int(out, "quota", llround(t->cpus * CPU_PERIOD));
		emit_int(out, "period", CPU_PERIOD);
	}
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
	r = need(in, "pids", "pids-limit", err);
	if (r < 0)
		return r;
	emit_open(out, "pids", '{');
	emit_int(out, "limit", in->task->pids_limit);
	emit_close(out, '}');
	return 0;
}

int spec_resources(const struct spec_in *in, const struct buf *device_rules, struct buf *out, struct err *err)
{
	int r;

	emit_open(out, "resources", '{');
	emit_open(out, "devices", '[');
	buf_add(out, buf_str(device_rules), device_rules->len);
	emit_close(out, ']');
	r = emit_memory(in, out, err);
	if (r >= 0)
		r = emit_cpu(in, out, err);
	if (r >= 0)
		r = emit_pids(in, out, err);
	emit_close(out, '}');
	return r;
}
