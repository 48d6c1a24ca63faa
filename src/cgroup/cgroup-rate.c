#include "cgroup-rate.h"

bool cgroup_has_rate(const struct cgroup_look *before, const struct cgroup_look *now, enum cgroup_measure m)
{
	return cgroup_measured(&before->usage, m) && cgroup_measured(&now->usage, m) && now->usage.v[m] >= before->usage.v[m] &&
	       now->mono > before->mono;
}

static double grown(const struct cgroup_look *before, const struct cgroup_look *now, enum cgroup_measure m)
{
	return cgroup_has_rate(before, now, m) ? (double)(now->usage.v[m] - before->usage.v[m]) : 0;
}

double cgroup_percent(const struct cgroup_look *before, const struct cgroup_look *now, enum cgroup_measure m)
{
	const double used = grown(before, now, m);

	return used > 0 ? 100 * used / (double)(now->mono - before->mono) : 0;
}

double cgroup_throttled(const struct cgroup_look *before, const struct cgroup_look *now)
{
	const double ran = grown(before, now, CGROUP_CPU_PERIODS), held = grown(before, now, CGROUP_CPU_THROTTLED_PERIODS);

	return ran > 0 ? 100 * held / ran : 0;
}
