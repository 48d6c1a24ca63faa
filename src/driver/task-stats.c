#include "task-stats.h"
#include "clock.h"

void stats_compute_of(const Base__ClientTopology *t, struct stats_compute *ret)
{
	*ret = (struct stats_compute){ .mhz = t->override_total_compute, .cores = (unsigned)t->n_cores };
	for (size_t i = 0; i < t->n_cores && !t->override_total_compute; i++) {
		const Base__ClientTopologyCore *c = t->cores[i];

		ret->mhz += c->base_speed ? c->base_speed : c->max_speed ? c->max_speed : c->guess_speed;
	}
}

void stats_rates(const struct stats_look *before, const struct stats_look *now, const struct stats_compute *c,
		 struct stats_rates *ret)
{
	*ret = (struct stats_rates){
		.percent = cgroup_percent(&before->at, &now->at, CGROUP_CPU_TOTAL),
		.user = cgroup_percent(&before->at, &now->at, CGROUP_CPU_USER),
		.system = cgroup_percent(&before->at, &now->at, CGROUP_CPU_SYSTEM),
	};
	if (c->cores)
		ret->ticks = ret->percent / 100 * (double)c->mhz / c->cores;
}

#define CPU(f) DRIVER__CPUUSAGE__FIELDS__##f
static const struct {
	enum cgroup_measure measure;
	Driver__CPUUsage__Fields field;
} cpu_fields[] = {
	{ CGROUP_CPU_SYSTEM, CPU(SYSTEM_MODE) },
	{ CGROUP_CPU_USER, CPU(USER_MODE) },
	{ CGROUP_CPU_TOTAL, CPU(TOTAL_TICKS) },
	{ CGROUP_CPU_TOTAL, CPU(PERCENT) },
	{ CGROUP_CPU_THROTTLED_PERIODS, CPU(THROTTLED_PERIODS) },
	{ CGROUP_CPU_THROTTLED, CPU(THROTTLED_TIME) },
};
_Static_assert(sizeof cpu_fields / sizeof *cpu_fields <= STATS_FIELDS, "there is room");

#define MEMORY(f) DRIVER__MEMORY_USAGE__FIELDS__##f
static const struct {
	enum cgroup_measure measure;
	Driver__MemoryUsage__Fields field;
} memory_fields[] = {
	{ CGROUP_MEMORY_RSS, MEMORY(RSS) },
	{ CGROUP_MEMORY_CACHE, MEMORY(CACHE) },
	{ CGROUP_MEMORY_SWAP, MEMORY(SWAP) },
	{ CGROUP_MEMORY_USAGE, MEMORY(USAGE) },
	{ CGROUP_MEMORY_PEAK, MEMORY(MAX_USAGE) },
	{ CGROUP_MEMORY_KERNEL, MEMORY(KERNEL_USAGE) },
	{ CGROUP_MEMORY_KERNEL_PEAK, MEMORY(KERNEL_MAX_USAGE) },
};
_Static_assert(sizeof memory_fields / sizeof *memory_fields <= STATS_FIELDS, "there is room");

static void cpu_fill(const struct stats_look *before, const struct stats_look *now, const struct stats_compute *c,
		     struct stats_message *m)
{
	struct stats_rates rates;

	stats_rates(before, now, c, &rates);
	driver__cpuusage__init(&m->cpu);
	m->cpu.percent = rates.percent;
	m->cpu.user_mode = rates.user;
	m->cpu.system_mode = rates.system;
	m->cpu.total_ticks = rates.ticks;
	m->cpu.throttled_periods = now->at.usage.v[CGROUP_CPU_THROTTLED_PERIODS];
	m->cpu.throttled_time = now->at.usage.v[CGROUP_CPU_THROTTLED];
	m->cpu.measured_fields = m->cpu_measured;
	for (size_t i = 0; i < sizeof cpu_fields / sizeof *cpu_fields; i++)
		if (cgroup_measured(&now->at.usage, cpu_fields[i].measure))
			m->cpu_measured[m->cpu.n_measured_fields++] = cpu_fields[i].field;
}

static void memory_fill(const struct cgroup_usage *u, struct stats_message *m)
{
	driver__memory_usage__init(&m->memory);
	m->memory.rss = u->v[CGROUP_MEMORY_RSS];
	m->memory.cache = u->v[CGROUP_MEMORY_CACHE];
	m->memory.swap = u->v[CGROUP_MEMORY_SWAP];
	m->memory.usage = u->v[CGROUP_MEMORY_USAGE];
	m->memory.max_usage = u->v[CGROUP_MEMORY_PEAK];
	m->memory.kernel_usage = u->v[CGROUP_MEMORY_KERNEL];
	m->memory.kernel_max_usage = u->v[CGROUP_MEMORY_KERNEL_PEAK];
	m->memory.measured_fields = m->memory_measured;
	for (size_t i = 0; i < sizeof memory_fields / sizeof *memory_fields; i++)
		if (cgroup_measured(u, memory_fields[i].measure))
			m->memory_measured[m->memory.n_measured_fields++] = memory_fields[i].field;
}

void stats_message(const char *task_id, const struct stats_look *before, const struct stats_look *now,
		   const struct stats_compute *c, struct stats_message *m)
{
	driver__task_stats_response__init(&m->reply);
	driver__task_stats__init(&m->stats);
	driver__task_resource_usage__init(&m->all);
	google__protobuf__timestamp__init(&m->at);
	cpu_fill(before, now, c, m);
	memory_fill(&now->at.usage, m);
	m->at.seconds = now->wall / NSEC_PER_SEC;
	m->at.nanos = (int32_t)(now->wall % NSEC_PER_SEC);
	m->all.cpu = &m->cpu;
	m->all.memory = &m->memory;
	m->stats.id = (char *)(uintptr_t)task_id;
	m->stats.timestamp = &m->at;
	m->stats.agg_resource_usage = &m->all;
	m->reply.stats = &m->stats;
}
