/* How fast a cgroup uses its processors: of two looks at it. */
#pragma once
#include "cgroup-usage.h"

struct cgroup_look {
	struct cgroup_usage usage;
	int64_t mono; /* when, ns */
};
/* Can it be told? Both looks have counted, time has gone by, and nothing went back: else it is another cgroup of that name. */
bool cgroup_has_rate(const struct cgroup_look *before, const struct cgroup_look *now, enum cgroup_measure);
/* Of a measure of processors' time in percent: 100 is one core's whole time; 0 where it cannot be told. */
double cgroup_percent(const struct cgroup_look *before, const struct cgroup_look *now, enum cgroup_measure);
/* In how many of a hundred periods of its quota it was held back; 0 where it has none, or did not run. */
double cgroup_throttled(const struct cgroup_look *before, const struct cgroup_look *now);
