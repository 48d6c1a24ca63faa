#include "task-limits.h"
#include "cgroup-dir.h"
#include "check.h"
#include "cpuset-share.h"
#include "file.h"
#include "limit.h"
#include "mem.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { SHARES_MIN = 2, SHARES_MAX = 262144, PERIOD = 100000, QUOTA_MIN = 1000, MIB = 1 << 20, MEMORY_MAX = 1 << 30 /* MB */ };

static const char cgroups[] = "/sys/fs/cgroup", cpusets[] = "/sys/fs/cgroup/cpuset";

/* the cgroup */

void task_cgroup_done(struct task_cgroup *c)
{
	free(c->path);
	free(c->shared);
	*c = (struct task_cgroup){ 0 };
}

static bool cgroup_ends(const char *path, const char *end)
{
	const size_t n = strlen(path), e = strlen(end);

	return n >= e && !strcmp(path + n - e, end);
}

/* Of v1 the cpuset alone is said, PARENT/share or PARENT/reserve/ALLOC.TASK: the others are PARENT/ALLOC.TASK, as Nomad's
 * lib/cgroupslib has it. */
static char *v1_path(const Driver__TaskConfig *t, const char *cpuset, bool *ret_shares)
{
	_cleanup_free_ char *parent = mem_strdup(cpuset), *reserve = mem_printf("/reserve/%s.%s", t->alloc_id, t->name);

	*ret_shares = cgroup_ends(parent, "/share");
	if (!*ret_shares && !cgroup_ends(parent, reserve))
		return NULL;
	parent[strlen(parent) - strlen(*ret_shares ? "/share" : reserve)] = '\0';
	return mem_printf("%s/%s.%s", parent, t->alloc_id, t->name);
}

static bool cgroup_is_there(const char *host, const char *controller, const char *path)
{
	_cleanup_free_ char *folder = mem_printf("%s%s%s%s", host, cgroups, controller, path);

	return check_cgroup(path, NULL, NULL) >= 0 && file_exists(folder);
}

void task_cgroup_find(const Driver__TaskConfig *t, const char *host, struct task_cgroup *ret)
{
	const Driver__LinuxResources *l = t->resources ? t->resources->linux_resources : NULL;
	const char *said = l ? l->cpuset_cgroup : "";
	_cleanup_free_ char *path = NULL;
	bool shares = false;

	*ret = (struct task_cgroup){ 0 };
	if (!strncmp(said, cpusets, sizeof cpusets - 1) && said[sizeof cpusets - 1] == '/') {
		path = v1_path(t, said + sizeof cpusets - 1, &shares);
		if (path && cgroup_is_there(host, "/freezer", path))
			ret->path = TAKE_PTR(path);
		if (ret->path && shares)
			ret->shared = mem_printf("%s%s", host, said);
	} else if (!strncmp(said, cgroups, sizeof cgroups - 1) && cgroup_is_there(host, "", said + sizeof cgroups - 1)) {
		ret->path = mem_strdup(said + sizeof cgroups - 1);
	}
}

/* memory */

static int check_memory(const Driver__AllocatedMemoryResources *m, struct err *err)
{
	const int64_t most = m->memory_max_mb > m->memory_mb ? m->memory_max_mb : m->memory_mb;

	if (most <= MEMORY_MAX)
		return 0;
	return err_hint(err,
			err_set(err, ERR_INVALID, "option resources.%s: %lld MB: more than a machine has",
				most == m->memory_mb ? "memory" : "memory_max", (long long)most),
			"at most %d", MEMORY_MAX);
}

static int put_memory(const struct task_said *in, const struct task_host *host, struct task *t, struct err *err)
{
	const Driver__AllocatedTaskResources *a = in->task->resources ? in->task->resources->allocated_resources : NULL;
	const Driver__AllocatedMemoryResources *m = a ? a->memory : NULL;
	const struct task_conf *c = in->conf;
	int64_t soft, max, hard;

	if (m && check_memory(m, err) < 0)
		return -ERR_INVALID;
	soft = m && m->memory_mb > 0 ? m->memory_mb * MIB : 0;
	max = m ? m->memory_max_mb : 0;
	hard = max > 0 && max * MIB > c->memory_hard_limit ? max * MIB : c->memory_hard_limit;
	t->memory = hard ? hard : max < 0 ? 0 : soft;
	t->memory_reservation = c->memory_reservation ? c->memory_reservation : hard || max < 0 ? soft : 0;
	if (t->memory && t->memory < t->memory_reservation)
		return err_hint(err,
				err_set(err, ERR_INVALID, "option %s: %lld bytes, and the limit is %lld",
					c->memory_reservation ? "memory_reservation" : "memory_hard_limit",
					(long long)t->memory_reservation, (long long)t->memory),
				"the limit is resources.memory_max, or memory_hard_limit, else resources.memory");
	t->memory_swap = c->memory_swap ? c->memory_swap : host->swap ? t->memory : 0;
	t->memory_swappiness = c->memory_swappiness;
	return 0;
}

/* the processor */

/* On a client of more MHz than there are shares a task's are so much fewer. */
static int64_t shares_of(int64_t mhz, const struct stats_compute *c)
{
	const double scaled = c->mhz > SHARES_MAX ? (double)mhz / (double)c->mhz * SHARES_MAX : (double)mhz;

	return scaled < SHARES_MIN ? SHARES_MIN : scaled > SHARES_MAX ? SHARES_MAX : (int64_t)scaled;
}

static int put_cpu(const struct task_said *in, const struct task_host *host, struct task *t, struct err *err)
{
	const Driver__LinuxResources *l = in->task->resources ? in->task->resources->linux_resources : NULL;
	const int64_t period = in->conf->cpu_cfs_period ? in->conf->cpu_cfs_period : PERIOD;

	(void)err;
	if (!l)
		return 0;
	if (l->cpu_shares)
		t->cpu_shares = shares_of(l->cpu_shares, &host->compute);
	if (in->conf->cpu_hard_limit) {
		const int64_t quota = llround(l->percent_ticks * (double)period * host->cpus);

		t->cpu_period = period;
		t->cpu_quota = quota < QUOTA_MIN ? QUOTA_MIN : quota;
	}
	if (*l->cpuset_cpus)
		t->cpuset_cpus = mem_strdup(l->cpuset_cpus);
	else if (host->shared_cpus)
		t->cpuset_cpus = mem_strdup(host->shared_cpus);
	return 0;
}

int task_limits(const struct task_said *in, const struct task_host *host, struct task *t, struct err *err)
{
	int r = put_memory(in, host, t, err);

	if (r >= 0)
		r = put_cpu(in, host, t, err);
	t->oom_score_adj = in->conf->has_oom_score_adj ? in->conf->oom_score_adj : in->driver->oom_score_adj;
	t->cgroup = mem_strdup(host->cgroup);
	return r;
}

/* the host */

/* As the job is asked about it later: a limit that the kernel does not know is an error there. */
static bool counts_swap(const char *host) { return limit_can(&(struct spec_in){ .host_root = host }, LIMIT_SWAP); }

int task_limits_here(const struct task_said *in, const struct stats_compute *compute, const char *host, struct task *t,
		     struct err *err)
{
	_cleanup_(task_cgroup_done) struct task_cgroup cgroup = { 0 };
	_cleanup_free_ char *shared = NULL;
	struct task_host h = { .cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), .compute = *compute, .swap = counts_swap(host) };

	task_cgroup_find(in->task, host, &cgroup);
	shared = cgroup.shared ? cpuset_share_now(cgroup.shared) : NULL;
	h.cgroup = cgroup.path;
	h.shared_cpus = shared;
	return task_limits(in, &h, t, err);
}
