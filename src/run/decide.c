#include "decide.h"
#include "controllers.h"
#include "ctrd-path.h"
#include "bundle-task.h"
#include "injected.h"
#include "job-name.h"
#include "mapped.h"
#include "job-order.h"
#include "mem.h"
#include "name.h"
#include "pod.h"
#include "ref.h"
#include "runtime-kind.h"
#include <string.h>
#include <unistd.h>

int run_copy_job(const struct job *job, struct job **ret, struct err *err)
{
	int r = job_check(job, err);

	if (r >= 0)
		*ret = job_copy(job);
	return r;
}

static const char *host_root(const struct run *run) { return run->core->conf.host_root ? run->core->conf.host_root : ""; }

/* A job that exists keeps the runtime of its record, whatever is the default meanwhile: davit's own where it is installed, else
 * runc under the stock shim. */
static int decide_runtime(struct run *run, struct err *err)
{
	const char *otherwise = run->records ? run->records[0].c.runtime : run->core->conf.runtime;
	const char *name = run->job->runtime ? run->job->runtime : otherwise;
	_cleanup_free_ char *own = !name || !strcmp(name, "davit") ? ctrd_own_shim(run->core->address) : NULL;

	if (own)
		name = own;
	return runtime_resolve(name ? name : "runc", &run->job->runtime_options, host_root(run), &run->runtime, err);
}

static int decide_image(struct run_task *t, struct err *err)
{
	struct ref ref = { 0 };
	int r;

	if (t->task->sandbox)
		return t->record ? 0 : pod_decide_sandbox(t, err);
	if (t->task->bundle)
		return t->record ? 0 : run_decide_bundle(t, err);
	if (!t->task->image)
		return err_set(err, ERR_INVALID, "no image is named");
	if (image_is_id(t->task->image)) {
		t->image_name = mem_strdup(t->task->image);
		return 0;
	}
	r = ref_parse(t->task->image, &ref, err);
	if (r >= 0)
		t->image_name = mem_strdup(ref.name);
	ref_done(&ref);
	return r;
}

/* What a host gives is not for job_check(): a record of another host is read, too. */
static int check_processors(const struct task *t, struct err *err)
{
	const double most = (double)sysconf(_SC_NPROCESSORS_ONLN);

	if (t->cpus <= most)
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "invalid cpus \"%g\": more than there are", t->cpus), "this host has %g",
			most);
}

/* A virtual machine has a kernel of its own: there is nothing of the host's in it to share, and nothing of ours to map. */
static int check_guest(const struct run *run, const struct task *t, struct err *err)
{
	const struct {
		const char *noun, *mode, *bad;
	} rows[] = { { "pid", t->pid, "host" },
		     { "ipc", t->ipc, "host" },
		     { "uts", t->uts, "host" },
		     { "cgroupns", t->cgroupns, "host" },
		     { "userns", t->userns, "private" } };

	for (size_t i = 0; run->runtime.vm && i < sizeof rows / sizeof *rows; i++)
		if (rows[i].mode && (!strcmp(rows[i].mode, rows[i].bad) || namespace_of_task(rows[i].mode)))
			return err_set(err, ERR_INVALID, "%s %s: not with runtime %s, which has a kernel of its own", rows[i].noun,
				       rows[i].mode, run->runtime.type);
	return 0;
}

/* systemd wants a slice that it knows. */
static int check_cgroup_maker(const struct run *run, const struct task *t, struct err *err)
{
	if (!t->cgroup || !run->runtime.systemd)
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "cgroup %s: not with the runtime's option SystemdCgroup", t->cgroup),
			"leave out the one or the other");
}

/* What listens in a guest, or in gVisor, does so in a network stack of its own: in the namespace outside nobody ever answers. */
static int check_guest_health(const struct run *run, const struct task *t, struct err *err)
{
	const struct healthcheck *h = t->healthcheck;

	if (!h || (h->kind != HEALTH_HTTP && h->kind != HEALTH_TCP) || !runtime_has_kernel(run->runtime.type))
		return 0;
	return err_hint(err,
			err_set(err, ERR_INVALID,
				"health check \"%.200s\": not with runtime %s, which has a network stack of its own", h->url,
				run->runtime.type),
			"a command asks from inside: --health-cmd 'wget -qO- http://127.0.0.1:8080/'");
}

static int decide_tasks(struct run *run, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < run->n_tasks; i++) {
		r = decide_image(&run->tasks[i], err);
		if (r >= 0)
			r = check_cgroup_maker(run, run->tasks[i].task, err);
		if (r >= 0)
			r = check_guest(run, run->tasks[i].task, err);
		if (r >= 0)
			r = check_guest_health(run, run->tasks[i].task, err);
		if (r >= 0)
			r = run_decide_injected(&run->tasks[i], err);
	}
	return r < 0 ? r : run_decide_users(run, err);
}

int run_check_keys(const struct run_opts *opts, size_t n_tasks, struct err *err)
{
	if (opts->mode != RUN_FOREGROUND || !opts->detach_keys || n_tasks <= 1)
		return 0;
	return err_hint(err,
			err_set(err, ERR_INVALID, "detach keys: several tasks are in the foreground, and none has the terminal"),
			"run it with -d, then: davit logs -f JOB");
}

static int check_foreign_streams(const struct run *run, struct err *err)
{
	const struct run_opts *o = run->opts;

	if (!o->out && !o->err)
		return 0;
	if (o->mode == RUN_DETACHED && run->job->n_tasks == 1 && run->job->tasks[0].log == JOB_LOG_NONE)
		return 0;
	return err_set(err, ERR_INVALID, "output that somebody else reads: of a detached job of one task whose log is none");
}

int run_decide(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r;

	if (!run->job->name)
		run->job->name = job_name_new();
	r = name_check("name", run->job->name, NAME_JOB_MAX, err);
	if (r >= 0)
		r = job_check(run->job, err);
	if (r >= 0)
		r = run_check_keys(run->opts, run->job->n_tasks, err);
	if (r >= 0)
		r = check_foreign_streams(run, err);
	for (size_t i = 0; r >= 0 && i < run->job->n_tasks; i++)
		r = check_processors(&run->job->tasks[i], err);
	if (r >= 0)
		r = decide_runtime(run, err);
	if (r >= 0 && !run->tasks)
		r = pod_decide(run, err);
	if (r < 0)
		return r;
	if (run->job->n_tasks > JOB_TASKS_MAX)
		return err_set(err, ERR_INVALID, "job of %zu tasks: at most %d", run->job->n_tasks, JOB_TASKS_MAX);
	if (!run->id)
		run->id = job_id_new(run->job->name, run->job->n_tasks);
	if (!run->tasks)
		run_add_tasks(run);
	run->lease = claim_lease_id(run->job->name);
	run->cgroup2 = controllers_v2(host_root(run));
	if (!run->snapshotter && (run->job->snapshotter || run->core->conf.snapshotter))
		run->snapshotter = mem_strdup(run->job->snapshotter ? run->job->snapshotter : run->core->conf.snapshotter);
	r = decide_tasks(run, err);
	if (r >= 0)
		r = run_network(run, ctx, err);
	for (size_t i = 0; r >= 0 && i < run->n_tasks; i++)
		r = run_check_bundle(&run->tasks[i], err);
	return r < 0 || (ctx && run_publishes_image(run)) ? r : run_pick_ports(run, ctx, err);
}
