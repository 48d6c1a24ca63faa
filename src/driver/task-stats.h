/* What a task uses, as Nomad is told of it: of two looks at its cgroup. */
#pragma once
#include "cgroup-rate.h"
#include "nomadbase.pb-c.h"
#include "nomaddriver.pb-c.h"

/* What a client has to give, from SetConfig's topology: MHz of all its cores together, and how many they are. Zeroed: not known. */
struct stats_compute {
	uint64_t mhz;
	unsigned cores;
};

void stats_compute_of(const Base__ClientTopology *, struct stats_compute *ret);

struct stats_look {
	struct cgroup_look at;
	int64_t wall; /* when, ns */
};

/* 100 is one core's whole time. */
struct stats_rates {
	double percent, user, system;
	double ticks; /* MHz */
};
/* Between two looks; 0 where the kernel does not count, or no time has gone by. */
void stats_rates(const struct stats_look *before, const struct stats_look *now, const struct stats_compute *,
		 struct stats_rates *ret);

/* The TaskStatsResponse of it: the members that the agent takes for granted (timestamp, agg_resource_usage with cpu and memory) are
 * always there, and which numbers are real its measured_fields say. It is .reply, and lives as long as the struct and @task_id. */
enum { STATS_FIELDS = 8 };
struct stats_message {
	Driver__TaskStatsResponse reply;
	Driver__TaskStats stats;
	Google__Protobuf__Timestamp at;
	Driver__TaskResourceUsage all;
	Driver__CPUUsage cpu;
	Driver__MemoryUsage memory;
	Driver__CPUUsage__Fields cpu_measured[STATS_FIELDS];
	Driver__MemoryUsage__Fields memory_measured[STATS_FIELDS];
};
void stats_message(const char *task_id, const struct stats_look *before, const struct stats_look *now, const struct stats_compute *,
		   struct stats_message *ret);
